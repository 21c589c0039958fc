"""Table 6: three forgettings, each by itself and merged into one model; the accuracy of each class of CIFAR-10."""

from __future__ import annotations

from clipforget.benchmark.paper import PER_CLASS, STAND_IN, Case, Column, Line, experiment
from clipforget.benchmark.paper._cifar import FILES, PREPARE
from clipforget.benchmark.paper._printed import ORIGINAL, read_printed
from clipforget.data.catalogue.cifar10 import NAMES

PRINTED = read_printed("""
    Original 81.5 97.6 85.6 68.6 59.4 67.7 48.4 84.3 68.1 54.5
    S        78.5 82.2 85.4 59.9 41.3 62.9 47.9 73.7 0.0  78.6
    A        0.0  87.6 78.7 72.3 48.9 51.5 46.2 78.5 60.5 64.1
    C        72.7 85.6 88.6 0.0  42.3 56.6 47.7 75.9 51.5 44.6
    S+A      10.0 88.3 83.0 58.4 47.5 62.5 55.4 77.9 10.0 70.8
    S+A+C    5.7  91.4 88.4 1.9  42.8 51.5 55.5 80.1 5.1  55.0
""")
DRAWN = {"airplane": "airplane", "automobile": "car", "cat": "bird", "ship": "ship"}
MERGED = tuple(label for label in PRINTED if label != ORIGINAL)


def case(ship: str, airplane: str, cat: str, note: str) -> Case:
    """Return a run for each class and each merge, with the model before them."""
    names = {"S": ship, "A": airplane, "C": cat}
    targets = tuple(tuple(names[letter] for letter in label.split("+")) for label in MERGED)
    lines = (Line(label, target=target) for target, label in enumerate(MERGED))
    return Case(targets, (Line(ORIGINAL, alpha=1.0), *lines), note)


experiment(
    "table6",
    title="three classes forgotten by merging",
    rows=("merged",),  # of one target, it is the method itself
    columns=tuple(
        Column(name, PER_CLASS + name, PER_CLASS + DRAWN[name] if name in DRAWN else "") for name in NAMES
    ),
    printed={"RN50": {"": PRINTED}},
    paper=case(
        "ship", "airplane", "cat",
        "S, A and C have forgotten ship, airplane and cat; S+A is the merge of two. The paper's text does not name the "
        "backbone; its Original is that of RN50 in table 2, by 0.5 at most.",
    ),
    sketchbook=case(
        "ship", "airplane", "bird",
        STAND_IN + "Car is there for automobile, bird for cat.",
    ),
    files=FILES,
    prepare=PREPARE,
)  # fmt: skip
