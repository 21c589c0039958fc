"""Table 1: forgetting a subgroup among its siblings, in the domain that the model knows best."""

from __future__ import annotations

from clipforget.benchmark.paper import Case, compared_lines, experiment

ROWS = ("targeted", "targeted:paper")
LABELS = ("targeted", "targeted, paper's settings")
MONKEYS = (
    "guenon n02484975, patas n02486261, baboon n02486410, macaque n02487347, langur n02488291, colobus n02488702, "
    "proboscis monkey n02489166, capuchin n02492035, howler monkey n02492660, titi n02493509, spider monkey "
    "n02493793, squirrel monkey n02494079"
)
TURTLES = "loggerhead n01664065, leatherback turtle n01665541, mud turtle n01667114, terrapin n01667778"
FILES = (
    ("train/monkey/marmoset/*.JPEG", "ImageNet's training images of marmoset (n02490219), to be forgotten."),
    ("train/monkey/<name>/*.JPEG", f"Its siblings, a folder each: {MONKEYS}."),
    ("train/turtle/box turtle/*.JPEG", "ImageNet's training images of box turtle (n01669191), to be forgotten."),
    ("train/turtle/<name>/*.JPEG", f"Its siblings, a folder each: {TURTLES}."),
    ("train/<superclass>/<name>/*.JPEG", "At least three other superclasses of BREEDS, e.g. bear, fox, crab."),
    ("test/...", "The same folders with the images of ImageNet's validation set."),
)
NOTE = (
    "Measured here: others are classified among the superclasses that are there; the paper's third figure is "
    "the accuracy over ImageNet's 1000 classes, so compare ratios."
)

experiment(
    "table1",
    title="subgroups forgotten among their siblings",
    rows=ROWS,
    paper=Case(
        targets=(("monkey/marmoset",), ("turtle/box turtle",)),
        lines=(
            *compared_lines(LABELS, 0, "marmoset", {"forget": 0.0, "siblings": 50.2, "others": 54.5, "score": 91.0}),
            *compared_lines(LABELS, 1, "box turtle", {"forget": 0.0, "siblings": 69.4, "others": 50.6, "score": 85.9}),
        ),
        note=NOTE,
    ),
    sketchbook=Case(
        targets=(("airplane/biplane",), ("car/convertible",)),
        lines=(
            *compared_lines(LABELS, 0, "biplane", {"forget": 0.0, "siblings": 50.2, "others": 54.5, "score": 91.0}),
            *compared_lines(LABELS, 1, "convertible", {"forget": 0.0, "siblings": 69.4, "others": 50.6, "score": 85.9}),
        ),
        note="Biplane stands for marmoset, convertible for box turtle: compare the shape, not the figures.",
    ),
    files=FILES,
)
