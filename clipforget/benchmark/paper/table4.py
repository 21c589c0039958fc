"""Table 4: how many reminding steps are good. Past about 20 the paper's zero-shot accuracy collapses.

Read at alpha 0, the unlearned model itself; our balancing is off, which would otherwise go back to the state before
reminding where validation prefers it. In the paper's settings nothing holds other images in place; there, reminding at
the rate of forgetting shows the collapse (its own rate is not in the public text).
"""

from __future__ import annotations

from clipforget.benchmark.paper import PRESET, Case, Line, experiment
from clipforget.benchmark.paper.table1 import FILES, PREPARE

STEPS = (0, 5, 10, 20, 40, 80)
LINES = (
    Line("original", alpha=1.0),
    *(Line(f"T = {count}", row, alpha=0.0) for row, count in enumerate(STEPS)),
    *(Line(f"paper's settings, T = {count}", row, alpha=0.0) for row, count in enumerate(STEPS, len(STEPS))),
)
ROWS = (
    *(f"T {count}=targeted{PRESET},balance=false,remind_steps={count}" for count in STEPS),
    *(f"paper T {count}=targeted:paper,remind_learning_rate=0.002,remind_steps={count}" for count in STEPS),
)

experiment(
    "table4",
    title="reminding steps T, at alpha 0",
    rows=ROWS,
    paper=Case(targets=(("monkey/marmoset",),), lines=LINES, note="The paper's T is 10."),
    sketchbook=Case(targets=(("airplane/biplane",),), lines=LINES, note="Biplane stands for marmoset."),
    files=FILES,
    prepare=PREPARE,
)
