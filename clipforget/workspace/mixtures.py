"""Several finished runs in one soup, opened to be explored."""

from __future__ import annotations

from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.runs.config import RunConfig


def example_configs() -> list[RunConfig]:
    """Return the runs of the example: table 6 of the paper on the shipped drawings, each class by itself."""
    targets = EXPERIMENTS.load()["table6"].sketchbook.targets
    return [RunConfig(forget=target).checked() for target in targets if len(target) == 1]
