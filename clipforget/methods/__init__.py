"""Methods of forgetting: one file each. A method is its loss, or a generator of Step records that changes the model.

    @loss_method(
        "gradient_ascent", GradientAscentSettings, title="Gradient ascent", tier=1, source="Golatkar et al. 2020",
        reference_url="https://arxiv.org/abs/1911.04933",
    )
    def gradient_ascent(batch: Batch, settings: GradientAscentSettings) -> dict[str, Tensor]:
        ...

    @method(
        "nullspace", NullspaceSettings, title="Nullspace projection", tier=0, source="Erasing CLIP Memories",
        reference_url="https://arxiv.org/abs/2512.14137",
    )
    def nullspace(task: Task, settings: NullspaceSettings) -> Iterator[Step]:
        ...

The tier says what a method may use: see TIERS. What methods are given, and the training loop of `loss_method`, are at
home in clipforget.unlearning.
Files here import torch inside functions, so that the settings are known without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from clipforget.registry import Registry
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import BOTH, IMAGE, NOTHING, TEXT, Step, Task

if TYPE_CHECKING:
    from torch import Tensor


Run = Callable[[Task, Any], Iterator[Step]]  # the settings are those that the method is registered with
Presets = Mapping[str, Mapping[str, bool | float | str]]  # by name, the settings that differ from the defaults
AnyRun = TypeVar("AnyRun", bound=Run)
AnyLoss = TypeVar("AnyLoss", bound="Callable[[Any, Any], dict[str, Tensor]]")


@dataclass(frozen=True)
class Method:
    """A registered method: call `run(task, settings)` and iterate.

    `source` names its paper, `reference_url` is where to read it ("" where there is nothing). `tier` says what it uses
    as its defaults have it, 0 to 3 (see TIERS): images for training and for any choice, not those that only figures are
    read from.
    `changes` is one of IMAGE, TEXT, BOTH, NOTHING; `presets` maps names (paper, ...) to settings that differ from the
    defaults, from the literature; `preset_notes` those of them that need it to a sentence: what is not the paper's.
    `note` is a sentence on what is special about it, or empty.
    """

    name: str
    title: str
    tier: int
    summary: str
    source: str
    reference_url: str
    settings: type
    run: Run
    stages: tuple[str, ...] = ("forget",)
    changes: str = IMAGE
    presets: Presets = field(default_factory=dict)
    preset_notes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def title_of(self, settings: Any) -> str:
        """Return the title, with what these settings make of the paper's method where they say so (`variant`)."""
        variant = getattr(settings, "variant", "")
        return f"{self.title}, {variant}" if variant else self.title

    def tier_of(self, settings: Any) -> int:
        """Return the tier with these settings: what they say themselves where they decide it (`tier`), else `tier`."""
        return int(getattr(settings, "tier", self.tier))

    @property
    def uses(self) -> str:
        """Say what it uses: "Tier 2: names, images to forget and to retain"."""
        return f"Tier {self.tier}: {TIERS[self.tier]}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Say what does not apply to the method and what is special about it, a plain sentence each."""
        notes = [NOTES[self.changes]] if self.changes in NOTES else []
        if not self.tier and not hasattr(self.settings, "tier"):  # whatever the settings
            decides = "" if self.changes == NOTHING else ": names alone decide what is forgotten"
            notes.append(f"It needs no images{decides}.")
        return (*notes, *filter(None, [self.note]))


TIERS = (  # what a method may use
    "names only",
    "names, images to forget",
    "names, images to forget and to retain",
    "names, images to forget and to retain, labelled images of other classes",
)
NOTES = {
    TEXT: "It changes the text tower only: image features stay as they were.",
    BOTH: "It changes both towers, so captions move too.",
    NOTHING: "It changes no weights, so there is nothing to soup and alpha only switches it off at 1.",
}
METHODS: Registry[Method] = Registry("method", __name__)


def method(
    name: str,
    settings: type,
    *,
    title: str,
    tier: int,
    source: str,
    reference_url: str = "",
    stages: tuple[str, ...] = ("forget",),
    changes: str = IMAGE,
    presets: Presets | None = None,
    preset_notes: Mapping[str, str] | None = None,
    note: str = "",
) -> Callable[[AnyRun], AnyRun]:
    """Register a generator function as a method; the first line of its docstring is the summary.

    Raises ValueError for a tier that is none of 0 to 3.
    """
    if tier not in range(len(TIERS)):
        raise ValueError(f"The tier of the method {name} must be from 0 to {len(TIERS) - 1}; it is {tier}.")

    def register(run: AnyRun) -> AnyRun:
        summary = (run.__doc__ or "").strip().splitlines()[0]
        METHODS[name] = Method(
            name,
            title,
            tier,
            summary,
            source,
            reference_url,
            settings,
            run,
            stages,
            changes,
            presets or {},
            preset_notes or {},
            note,
        )
        return run

    return register


def loss_method(
    name: str,
    settings: type,
    *,
    title: str,
    tier: int,
    source: str,
    reference_url: str = "",
    changes: str = IMAGE,
    presets: Presets | None = None,
    preset_notes: Mapping[str, str] | None = None,
) -> Callable[[AnyLoss], AnyLoss]:
    """Register a loss as a method: `loss(batch, settings)` gives the named, weighted scalars whose sum is minimised.

    settings inherits from TrainingSettings; batch is a clipforget.unlearning.trainer.Batch. The first line of the
    docstring is the summary. All weights of the tower(s) that `changes` names are trained, in eval mode; logit_scale is
    not.
    """

    def register(loss: AnyLoss) -> AnyLoss:
        def run(task: Task, settings: TrainingSettings) -> Iterator[Step]:
            from clipforget.unlearning.trainer import Trainer

            tier = METHODS[name].tier_of(settings)
            yield from Trainer(task, settings, changes, tier=tier).train(loss)

        run.__doc__ = loss.__doc__
        register_run = method(
            name,
            settings,
            title=title,
            tier=tier,
            source=source,
            reference_url=reference_url,
            changes=changes,
            presets=presets,
            preset_notes=preset_notes,
        )
        register_run(run)
        return loss

    return register
