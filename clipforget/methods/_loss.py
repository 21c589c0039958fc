"""Methods that are a loss: the settings they share and the decorator that puts a loss into the one training loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clipforget.methods import IMAGE, Step, Task, method
from clipforget.settings import option

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Training:
    """The settings that every method of the one training loop has; a method's own settings inherit from it."""

    steps: int = option(60, "Steps of training", low=1, high=5000, search=(20, 60, 150))
    rate: float = option(1e-4, "Learning rate (AdamW)", low=1e-8, high=1.0, search=(1e-5, 3e-5, 1e-4, 3e-4, 1e-3))
    batch: int = option(16, "Images of each kind in a step", low=2, high=512, advanced=True)
    weight_decay: float = option(0.0, "Weight decay of AdamW", low=0.0, high=1.0, advanced=True)
    check_every: int = option(10, "Steps between two looks at validation", low=1, high=1000, advanced=True)


def loss_method(
    name: str,
    settings: type,
    *,
    title: str,
    source: str,
    changes: str = IMAGE,
    presets: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable:
    """Register a loss as a method: `loss(batch, settings)` gives the named, weighted scalars whose sum is minimised.

    settings inherits from Training; batch is a clipforget.methods._training.Batch. The first line of the docstring is
    the summary. All weights of the tower(s) that `changes` names are trained, in eval mode; logit_scale is not.
    """

    def register(loss: Callable[[Any, Any], dict[str, Tensor]]) -> Callable[[Any, Any], dict[str, Tensor]]:
        def run(task: Task, settings: Training) -> Iterator[Step]:
            from clipforget.methods._training import Trainer

            yield from Trainer(task, settings, changes).train(loss)

        run.__doc__ = loss.__doc__
        method(name, settings, title=title, source=source, changes=changes, presets=presets)(run)
        return loss

    return register
