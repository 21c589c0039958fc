"""Table 5: one run, table 2's of RN101 that forgets airplane, at several alphas, the share of the original."""

from __future__ import annotations

from clipforget.benchmark.paper import RN101, STAND_IN, Case, Column, Line, experiment
from clipforget.benchmark.paper._cifar import FILES, PREPARE
from clipforget.benchmark.paper._printed import read_printed

PRINTED = read_printed("""
    0.1  0.0  22.7 1.0
    0.3  0.0  27.5 4.4
    0.5  2.4  42.7 22.39
    0.65 8.8  63.2 41.2
    0.7  12.8 66.7 43.5
    0.9  68.8 78.7 60.5
""")
LINES = tuple(Line(label, alpha=float(label)) for label in ("0.0", *PRINTED, "1.0"))

experiment(
    "table5",
    title="one run over alpha, the share of the original",
    rows=("targeted",),
    columns=(
        Column("target", "forget-coarse", "forget-coarse"),
        Column("retain", "others", "others"),
        Column("ImageNet", "eval:imagenet", "eval:cluttered scenes"),
    ),
    printed={"RN101": {"": PRINTED}},
    models=(RN101,),
    paper=Case(
        targets=(("airplane",),),
        lines=LINES,
        note="That it is the run of table 2 is inferred: its row at 0.65 is the same there.",
    ),
    sketchbook=Case(
        targets=(("airplane",),),
        lines=LINES,
        note=STAND_IN + "Cluttered scenes are there for ImageNet.",
    ),
    files=FILES,
    prepare=PREPARE,
)
