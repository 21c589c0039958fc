"""Table 4: how many reminding steps are good. Past about 20 the paper's zero-shot accuracy collapses.

Read at alpha 0, the unlearned model itself; our balancing is off, which would otherwise go back to the state before
reminding where validation prefers it.
"""

from __future__ import annotations

from clipforget.experiments import PRESET, Case, Line, experiment
from clipforget.experiments.table1 import FILES

STEPS = (0, 5, 10, 20, 40, 80)
LINES = (
    Line("original", alpha=1.0),
    *(Line(f"T = {count}", row, alpha=0.0) for row, count in enumerate(STEPS)),
)

experiment(
    "table4",
    title="reminding steps T, at alpha 0",
    rows=tuple(f"T {count}=targeted{PRESET},balance=false,remind_steps={count}" for count in STEPS),
    paper=Case(targets=(("monkey/marmoset",),), lines=LINES, note="The paper's T is 10."),
    sketchbook=Case(targets=(("airplane/biplane",),), lines=LINES, note="Biplane stands for marmoset."),
    files=FILES,
)
