"""Prompt filter: refuse every text that names the target. The trivial baseline that every claim must beat.

It knows no image: whoever asks in other words, or searches by an image, gets everything. No source; ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clipforget.data.target import Target
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import NOTHING, Step, Task

NAMES = ("fine", "coarse")


@dataclass(frozen=True)
class PromptFilterSettings:
    """Settings of the prompt filter."""

    names: str = option(
        "fine",
        "What is refused: fine, the target's own name (biplane); coarse, its superclass's too (airplane), which its "
        "siblings share",
        choices=NAMES,
        search=NAMES,
    )


@method(
    "prompt_filter",
    PromptFilterSettings,
    title="Prompt filter",
    tier=0,
    source="No paper: the baseline that refuses by name",
    changes=NOTHING,
)
def prompt_filter(task: Task, settings: PromptFilterSettings) -> Iterator[Step]:
    """Refuse texts that name the target, and change no weights.

    Its one Step carries data["refused"], the names. A target in one style is refused in all: its name is the same.
    """
    refused = [name for target in task.targets for name in names_of(target, settings.names)]
    yield Step("forget", 1, 1, data={"refused": list(dict.fromkeys(refused))})


def names_of(target: Target, names: str) -> list[str]:
    """List what names a target: its subgroup, else its superclass, else its style; `coarse` adds the superclass."""
    levels = [name for name in (target.subgroup, target.superclass) if name != "*"] or [target.style]
    return levels if names == "coarse" else levels[:1]
