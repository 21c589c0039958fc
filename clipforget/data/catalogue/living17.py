"""LIVING-17 of BREEDS (Santurkar et al., arXiv 2008.04859): seventeen superclasses of ImageNet, four subgroups each.

Which subgroups those are stands in the notebook of the authors' repository MadryLab/BREEDS-Benchmarks (make_living17,
split "rand"), by their number in ImageNet, which is the place among the sorted wnids; all 68 were taken from there
and agree with WordNet's names of the wnids, none from memory. Source and target domain of BREEDS are put together, as
the paper's "four subgroups" are. Superclasses go by the first of their names: snake, dog, domestic cat.
"""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.imagenet import EXPECTS, GET, TERMS, labelled
from clipforget.data.published import Picture

LIVING17 = {
    "salamander": {
        "eft": "n01631663",
        "axolotl": "n01632777",
        "common newt": "n01630670",
        "spotted salamander": "n01632458",
    },
    "turtle": {
        "box turtle": "n01669191",
        "leatherback turtle": "n01665541",
        "loggerhead": "n01664065",
        "mud turtle": "n01667114",
    },
    "lizard": {
        "whiptail": "n01685808",
        "alligator lizard": "n01689811",
        "African chameleon": "n01694178",
        "banded gecko": "n01675722",
    },
    "snake": {
        "night snake": "n01740131",
        "garter snake": "n01735189",
        "sea snake": "n01751748",
        "boa constrictor": "n01742172",
    },
    "spider": {
        "tarantula": "n01774750",
        "black and gold garden spider": "n01773157",
        "garden spider": "n01773797",
        "wolf spider": "n01775062",
    },
    "grouse": {
        "ptarmigan": "n01796340",
        "prairie chicken": "n01798484",
        "ruffed grouse": "n01797886",
        "black grouse": "n01795545",
    },
    "parrot": {
        "macaw": "n01818515",
        "lorikeet": "n01820546",
        "African grey": "n01817953",
        "sulphur-crested cockatoo": "n01819313",
    },
    "crab": {
        "Dungeness crab": "n01978287",
        "fiddler crab": "n01980166",
        "rock crab": "n01978455",
        "king crab": "n01981276",
    },
    "dog": {
        "bloodhound": "n02088466",
        "Pekinese": "n02086079",
        "Great Pyrenees": "n02111500",
        "papillon": "n02086910",
    },
    "wolf": {
        "coyote": "n02114855",
        "red wolf": "n02114712",
        "white wolf": "n02114548",
        "timber wolf": "n02114367",
    },
    "fox": {
        "grey fox": "n02120505",
        "Arctic fox": "n02120079",
        "red fox": "n02119022",
        "kit fox": "n02119789",
    },
    "domestic cat": {
        "tiger cat": "n02123159",
        "Egyptian cat": "n02124075",
        "Persian cat": "n02123394",
        "Siamese cat": "n02123597",
    },
    "bear": {
        "sloth bear": "n02134418",
        "American black bear": "n02133161",
        "ice bear": "n02134084",
        "brown bear": "n02132136",
    },
    "beetle": {
        "dung beetle": "n02172182",
        "rhinoceros beetle": "n02174001",
        "ground beetle": "n02167151",
        "long-horned beetle": "n02168699",
    },
    "butterfly": {
        "sulphur butterfly": "n02281406",
        "admiral": "n02276258",
        "cabbage butterfly": "n02280649",
        "ringlet": "n02277742",
    },
    "ape": {
        "gibbon": "n02483362",
        "orangutan": "n02480495",
        "gorilla": "n02480855",
        "chimpanzee": "n02481823",
    },
    "monkey": {
        "marmoset": "n02490219",
        "titi": "n02493509",
        "spider monkey": "n02493793",
        "howler monkey": "n02492660",
    },
}


@published("living17", title="LIVING-17 of ImageNet", expects=EXPECTS, folder="imagenet", terms=TERMS, get=GET)
def living17(src: Path) -> list[Picture]:
    """List the 68 subgroups: ImageNet's training images as train, its validation images as test."""
    subgroups = ((superclass, name, wnid) for superclass, names in LIVING17.items() for name, wnid in names.items())
    return labelled(src, {wnid: (superclass, name) for superclass, name, wnid in subgroups})
