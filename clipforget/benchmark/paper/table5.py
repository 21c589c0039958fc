"""Table 5: the same run at several alphas, the share of the original."""

from __future__ import annotations

from clipforget.benchmark.paper import Case, Line, experiment
from clipforget.benchmark.paper.table1 import FILES, PREPARE

ALPHAS = (0.0, 0.1, 0.3, 0.5, 0.65, 0.7, 0.9, 1.0)
PRINTED = {  # forget, retain, ImageNet
    0.1: (0.0, 22.7, 1.0), 0.3: (0.0, 27.5, 4.4), 0.5: (2.4, 42.7, 22.4), 0.65: (8.8, 63.2, 41.2),
    0.7: (12.8, 66.7, 43.5), 0.9: (68.8, 78.7, 60.5),
}  # fmt: skip
PAPER = {alpha: dict(zip(("forget", "siblings", "others"), values, strict=True)) for alpha, values in PRINTED.items()}
LINES = tuple(
    Line(f"{label}, alpha {alpha:.2f}", row, alpha=alpha, paper=PAPER.get(alpha, {}))
    for row, label in enumerate(("targeted", "paper's settings"))
    for alpha in ALPHAS
)

experiment(
    "table5",
    title="one run over alpha, the share of the original",
    rows=("targeted", "targeted:paper"),
    paper=Case(
        targets=(("monkey/marmoset",),),
        lines=LINES,
        note="The public text does not say which target its Table 5 is about; marmoset is taken here.",
    ),
    sketchbook=Case(
        targets=(("airplane/biplane",),),
        lines=LINES,
        note="Biplane stands for the paper's target, its siblings and others for retain and ImageNet: compare "
        "the shape, not the figures.",
    ),
    files=FILES,
    prepare=PREPARE,
)
