"""Do nothing: the untouched model, the row that every table needs. Its H is 0 and its Score that of keeping all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clipforget.methods import method
from clipforget.unlearning.task import NOTHING, Step, Task


@dataclass(frozen=True)
class DoNothingSettings:
    """There is nothing to set."""


@method(
    "do_nothing",
    DoNothingSettings,
    title="Do nothing",
    tier=0,
    source="The baseline of every comparison; arXiv 2506.03117 scores it 85.7",
    reference_url="https://arxiv.org/abs/2506.03117",
    changes=NOTHING,
)
def do_nothing(task: Task, settings: DoNothingSettings) -> Iterator[Step]:
    """Leave the model as it is: what every other method has to beat."""
    yield Step("forget", 1, 1)
