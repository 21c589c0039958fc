"""Several forgettings in one: each target is forgotten by itself, then the changes of the weights are added up.

theta = theta_0 + sum_i c (theta_i - theta_0). Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv
2506.03117), Table 6, which merges ship, airplane and cat of CIFAR-10; the arithmetic is that of task vectors (Ilharco
et al. 2023, arXiv 2212.04089). One coefficient for all (ours: the public text of the paper does not give it).

What a part sees (ours): its own target's images to forget; its siblings to retain (all retained images where it has
none, as with whole classes); everything else as others. Images of the other targets are shown to it nowhere: held in
place, they would be remembered by this change of weights and forgotten by theirs.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from clipforget.generators import relay
from clipforget.methods import method
from clipforget.methods.targeted.settings import PAPER, PAPER_NOTE, REFERENCE_URL, SOURCE, TargetedSettings
from clipforget.settings import option
from clipforget.unlearning.task import ImageSet, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    Change = tuple[float, Mapping[str, Tensor]]


@dataclass(frozen=True)
class MergedSettings(TargetedSettings):
    """The settings of each part, and how much of its change is taken."""

    coefficient: float = option(
        1.0, "Share of each part's change of the weights that is added", low=0.0, high=2.0, search=(0.5, 0.75, 1.0)
    )


@method(
    "merged",
    MergedSettings,
    title="Merged forgettings",
    tier=2,
    source=f"{SOURCE}, Table 6",
    reference_url=REFERENCE_URL,
    stages=("select", "forget", "remind", "merge"),
    presets={"paper": PAPER},
    preset_notes={"paper": PAPER_NOTE},
)
def merged(task: Task, settings: MergedSettings) -> Iterator[Step]:
    """Forget each target by itself with targeted forgetting and add up the changes of the weights.

    Where the task brings changes of finished runs, a soup of several, those are added up and nothing is trained.
    The stages run over all parts, one after the other; `data["part"]` of a Step is the part's index in the targets.
    Raises BadData where a part has too few images.
    """
    from clipforget.soup.arithmetic import merge
    from clipforget.unlearning.trainer import steer_accuracy

    changes = task.changes or (yield from _trained(task, settings))
    weights = task.clip.model.state_dict()
    for name, value in merge(task.original.model.state_dict(), changes).items():
        weights[name].copy_(value)
    yield Step("merge", 1, 1, steer=steer_accuracy(task))


def _trained(task: Task, settings: MergedSettings) -> Generator[Step, None, list[Change]]:
    """Forget each target by itself; return how much of each part's change is taken, and the change."""
    from clipforget.methods.targeted.forgetting import TargetedForgetting
    from clipforget.models.weights import changed

    runs = [TargetedForgetting(part, settings) for part in parts(task)]
    stages = [TargetedForgetting.forget, *([TargetedForgetting.remind] if settings.remind_steps else [])]
    try:
        for index, run in enumerate(runs):
            layers = yield from relay(run.select(), partial(_numbered, index, len(runs)))
            run.attach(layers)
        for stage in stages:
            for index, run in enumerate(runs):
                yield from map(partial(_numbered, index, len(runs)), stage(run))
    finally:
        for run in runs:
            run.finish()
    start = task.original.model.state_dict()
    return [(settings.coefficient, changed(start, run.task.clip.model.state_dict())) for run in runs]


def parts(task: Task) -> list[Task]:
    """Split the task: one for each target, with its own copy of the model, its images and siblings (see above)."""
    if len(task.targets) < 2:
        return [replace(task, clip=task.original.clone())]
    return [_part(task, index) for index in range(len(task.targets))]


def _part(task: Task, index: int) -> Task:
    retain, others = _siblings(task, index, task.retain, task.others)
    steer = dict(task.steer)
    steer["forget"] = steer["forget"].take(task.target_of["steer"] == index)
    steer["retain"], steer["others"] = _siblings(task, index, steer["retain"], steer["others"])
    return replace(
        task,
        clip=task.original.clone(),
        forget=task.forget.take(task.target_of["forget"] == index),
        retain=retain,
        others=others,
        steer=steer,
        targets=(task.targets[index],),
        target_of={},
    )


def _siblings(task: Task, index: int, retain: ImageSet, others: ImageSet) -> tuple[ImageSet, ImageSet]:
    """Retained images of the target's own superclass, and the others with the rest of the retained ones."""
    import torch

    covered = torch.tensor([task.targets[index].covers(name) for name in task.names])
    siblings = covered[retain.labels]
    if not siblings.any():
        return retain, others
    rest = retain.take(~siblings)
    return retain.take(siblings), others.joined(rest)


def _numbered(index: int, count: int, step: Step) -> Step:
    """Return the record of one of `count` parts, counted through all of them."""
    number, total = index * step.total + step.step, count * step.total
    return replace(step, step=number, total=total, data={**step.data, "part": index})
