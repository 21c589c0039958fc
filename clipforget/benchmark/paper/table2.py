"""Table 2: forgetting a whole class of another domain, CIFAR-10."""

from __future__ import annotations

from clipforget.benchmark.paper import Case, compared_lines, experiment
from clipforget.benchmark.paper._cifar import FILES, NOTE, PREPARE

ROWS = ("targeted", "targeted:paper")
LABELS = ("targeted", "targeted, paper's settings")
AIRPLANE = {"forget": 7.6, "others": 65.1, "eval:imagenet": 50.1, "score": 88.9}
TRUCK = {"forget": 0.9, "others": 63.2, "eval:imagenet": 52.1, "score": 89.5}

experiment(
    "table2",
    title="whole classes of CIFAR-10 forgotten",
    rows=ROWS,
    paper=Case(
        targets=(("airplane",), ("truck",)),
        lines=(
            *compared_lines(LABELS, 0, "airplane", AIRPLANE),
            *compared_lines(LABELS, 1, "truck", TRUCK),
        ),
        note=NOTE,
    ),
    sketchbook=Case(
        targets=(("airplane",), ("car",)),
        lines=(
            *compared_lines(LABELS, 0, "airplane", AIRPLANE),
            *compared_lines(LABELS, 1, "car", TRUCK),
        ),
        note="Drawings stand for CIFAR-10 and car for truck: compare the shape, not the figures.",
    ),
    files=FILES,
    prepare=PREPARE,
)
