"""Oxford 102 Flowers (Nilsback and Zisserman, 2008): 102 kinds of flowers, 40 to 258 photographs each.

Its files number the classes; what the numbers stand for is the list on its page, in torchvision's spelling.
"""

from __future__ import annotations

from pathlib import Path

from clipforget.data.catalogue import published
from clipforget.data.matlab import read_mat
from clipforget.data.published import NotPublished, Picture, files_of, root_of

SPLITS = {"trnid": "train", "valid": "validation", "tstid": "test"}
NAMES = tuple(
    """
pink primrose | hard-leaved pocket orchid | canterbury bells | sweet pea | english marigold | tiger lily |
moon orchid | bird of paradise | monkshood | globe thistle | snapdragon | colt's foot | king protea |
spear thistle | yellow iris | globe-flower | purple coneflower | peruvian lily | balloon flower |
giant white arum lily | fire lily | pincushion flower | fritillary | red ginger | grape hyacinth | corn poppy |
prince of wales feathers | stemless gentian | artichoke | sweet william | carnation | garden phlox |
love in the mist | mexican aster | alpine sea holly | ruby-lipped cattleya | cape flower | great masterwort |
siam tulip | lenten rose | barbeton daisy | daffodil | sword lily | poinsettia | bolero deep blue | wallflower |
marigold | buttercup | oxeye daisy | common dandelion | petunia | wild pansy | primula | sunflower | pelargonium |
bishop of llandaff | gaura | geranium | orange dahlia | pink-yellow dahlia? | cautleya spicata | japanese anemone |
black-eyed susan | silverbush | californian poppy | osteospermum | spring crocus | bearded iris | windflower |
tree poppy | gazania | azalea | water lily | rose | thorn apple | morning glory | passion flower | lotus |
toad lily | anthurium | frangipani | clematis | hibiscus | columbine | desert-rose | tree mallow | magnolia |
cyclamen | watercress | canna lily | hippeastrum | bee balm | ball moss | foxglove | bougainvillea | camellia |
mallow | mexican petunia | bromelia | blanket flower | trumpet creeper | blackberry lily
""".replace("\n", " ")
    .strip()
    .split(" | ")
)


@published(
    "flowers102",
    title="Oxford 102 Flowers",
    expects="jpg/image_*.jpg with imagelabels.mat and setid.mat",
    folder="flowers-102",
    terms="Photographs from the web, for research; from https://www.robots.ox.ac.uk/~vgg/data/flowers/102/.",
    template="a photo of a {}, a type of flower.",
    size=344_862_509,
    download="Flowers102",
)
def flowers102(src: Path) -> list[Picture]:
    """List the photographs of the three splits."""
    root = root_of(src, "setid.mat", "flowers-102")
    (labels,) = read_mat(root / "imagelabels.mat", "labels")
    pictures = []
    for split, numbers in zip(SPLITS.values(), read_mat(root / "setid.mat", *SPLITS), strict=True):
        if not all(0 < number <= len(labels) and 0 < labels[number - 1] <= len(NAMES) for number in numbers):
            raise NotPublished("a setid.mat that does not go with imagelabels.mat")
        files = files_of(root, "jpg", [f"image_{number:05d}.jpg" for number in numbers], "setid.mat")
        pictures += [
            Picture(split, (NAMES[labels[number - 1] - 1],), file.name, file)
            for number, file in zip(numbers, files, strict=True)
        ]
    return pictures
