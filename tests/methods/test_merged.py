"""Merging: what each part sees, and that the result is the original plus the parts' changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tasks import task_for

from clipforget.data.catalogue import load_dataset
from clipforget.data.target import Target
from clipforget.methods import METHODS
from clipforget.methods.merged import MergedSettings, merged, parts
from clipforget.methods.targeted import targeted
from clipforget.methods.targeted.settings import TargetedSettings
from clipforget.models.clip import Clip
from clipforget.runs.config import RunConfig
from clipforget.runs.loading import build_task
from clipforget.settings import as_dict
from clipforget.unlearning.task import ImageSet, Task

QUICK = {"forget_epochs": 3, "remind_steps": 2, "batch_size": 4, "layers": 2}


def two_targets(original: Clip) -> Task:
    """Convertibles (label 0, dark) and poodles (label 1): forget and retain images of both, cats as others."""
    task = task_for(original)
    generator = torch.Generator().manual_seed(9)

    def images(*labels: int) -> ImageSet:
        pixels = torch.randn(len(labels), 3, 32, 32, generator=generator)
        return ImageSet(pixels, torch.tensor(labels))

    kinds = {"forget": (0, 1, 0, 1, 1), "retain": (1, 0, 0, 1), "others": (2, 2, 2)}
    return replace(
        task,
        **{name: images(*labels) for name, labels in kinds.items()},
        steer={name: images(*labels) for name, labels in kinds.items()},
        targets=(Target("car", "convertible"), Target("dog", "poodle")),
        target_of={name: torch.tensor([0, 1, 0, 1, 1]) for name in ("forget", "steer")},
    )


def test_a_part_sees_its_own_target_and_the_other_targets_siblings_as_others(tiny_clip: Clip) -> None:
    task = two_targets(tiny_clip)
    for place, part in enumerate(parts(task)):
        assert part.targets == (task.targets[place],) and part.clip is not task.clip
        training = {name: (getattr(task, name), getattr(part, name)) for name in ("forget", "retain", "others")}
        steer = {name: (images, part.steer[name]) for name, images in task.steer.items()}
        for pairs in (training, steer):
            kept = {"forget": [[0, 2], [1, 3, 4]][place], "retain": [[1, 2], [0, 3]][place]}
            for name, rows in kept.items():
                whole, mine = pairs[name]
                assert torch.equal(mine.pixels, whole.pixels[rows]) and mine.labels.unique().tolist() == [place]
            assert pairs["others"][1].labels.tolist() == [2, 2, 2, 1 - place, 1 - place]


def test_whole_classes_share_what_is_retained(tiny_clip: Clip) -> None:
    task = replace(two_targets(tiny_clip), targets=(Target("car"), Target("dog")))
    task = replace(task, retain=task.others, steer={**task.steer, "retain": task.others})
    for part in parts(task):
        assert torch.equal(part.retain.pixels, task.retain.pixels)
        assert torch.equal(part.others.pixels, task.others.pixels)


@pytest.mark.parametrize("coefficient", [1.0, 0.5])
def test_the_result_is_the_original_plus_the_parts_changes(coefficient: float, tiny_clip: Clip) -> None:
    task = two_targets(tiny_clip)
    steps = list(merged(task, MergedSettings(**QUICK, coefficient=coefficient)))
    start = tiny_clip.model.state_dict()
    expected = {name: value.clone().double() for name, value in start.items()}
    for part in parts(task):
        list(targeted(part, TargetedSettings(**QUICK)))
        for name, value in part.clip.model.state_dict().items():
            expected[name] += coefficient * (value.double() - start[name].double())
    moved = 0
    for name, value in task.clip.model.state_dict().items():
        assert torch.allclose(value.double(), expected[name], atol=1e-6), name
        moved += not torch.equal(value, start[name])
    assert moved and steps[-1].stage == "merge" and set(steps[-1].steer) == {"forget", "retain", "others"}
    for stage, count in (("forget", 6), ("remind", 4)):
        numbered = [(n + 1, count, int(n >= count // 2)) for n in range(count)]
        seen = [(step.step, step.total, step.data["part"]) for step in steps if step.stage == stage]
        assert seen == numbered if stage == "remind" else set(seen) <= set(numbered) and {0, 1} == {s[2] for s in seen}


def test_one_target_is_targeted_forgetting(tiny_clip: Clip) -> None:
    one, other = task_for(tiny_clip), task_for(tiny_clip)
    list(merged(one, MergedSettings(**QUICK)))
    list(targeted(other, TargetedSettings(**QUICK)))
    pairs = zip(one.clip.model.parameters(), other.clip.model.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in pairs)


def test_its_settings_are_those_of_targeted() -> None:
    own, theirs = as_dict(MergedSettings()), as_dict(TargetedSettings())
    assert own == {**theirs, "coefficient": 1.0} and METHODS.load()["merged"].settings is MergedSettings


def test_a_task_knows_the_target_of_each_image(world) -> None:
    config: RunConfig = world.config(forget=("disc/big", "square", "disc/*/dark"))
    task, evaluation = build_task(config)
    items, selection = load_dataset(world.data).items, evaluation.splits
    for name, indices in (("forget", selection.train["forget"]), ("steer", selection.steer["forget"])):
        owners = []
        for i in indices:
            item = items[i]
            owners.append(0 if (item.superclass, item.subgroup) == ("disc", "big") else 1 + (item.superclass == "disc"))
        assert task.target_of[name].tolist() == owners and set(owners) == {0, 1, 2}
    assert len(task.target_of["forget"]) == len(task.forget)
    assert len(task.target_of["steer"]) == len(task.steer["forget"])
