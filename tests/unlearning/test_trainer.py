"""The one training loop: what moves, what is said, what a diverging training says."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from tasks import task_for

from clipforget.errors import BadData, BadSetting
from clipforget.models.clip import Clip
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import BOTH, IMAGE, TEXT, ImageSet
from clipforget.unlearning.trainer import Batch, Trainer, tower_parameters


def test_the_parameters_of_each_tower(tiny_clip: Clip) -> None:
    image, text, both = (set(tower_parameters(tiny_clip.model, changes)) for changes in (IMAGE, TEXT, BOTH))
    assert all(name.startswith("visual.") for name in image) and not image & text
    assert image | text == both == {name for name, _ in tiny_clip.model.named_parameters()} - {"logit_scale"}


def test_epochs_are_passes_over_the_largest_set(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)  # 8 images of each kind
    few = dataclasses.replace(task, forget=ImageSet(task.forget.pixels[:3], task.forget.labels[:3]))

    def steps(tier: int, **settings: float) -> int:
        return Trainer(few, TrainingSettings(**settings), IMAGE, tier=tier).settings.steps  # type: ignore[arg-type]

    assert steps(2, epochs=2.0, batch_size=5) == 4  # 16 images in fives
    assert steps(1, epochs=2.0, batch_size=2) == 3  # of the 3 to forget alone
    assert steps(1, epochs=2.0, batch_size=64) == 2  # a batch holds no image twice
    assert steps(1, epochs=0.0, steps=7) == 7


def test_several_kinds_one_after_the_other(tiny_clip: Clip) -> None:
    batch = Trainer(task_for(tiny_clip), TrainingSettings(batch_size=4), IMAGE, tier=3).batch()
    both = batch.features("retain", "others")
    assert torch.equal(both, torch.cat([batch.features("retain"), batch.features("others")])) and both.shape == (8, 16)
    assert batch.labels("retain", "others").tolist() == [0] * 4 + [1] * 4
    assert both.requires_grad and not batch.features("retain", original=True).requires_grad


def test_wrong_labels_are_every_other_one(tiny_clip: Clip) -> None:
    batch = Trainer(task_for(tiny_clip), TrainingSettings(batch_size=8), IMAGE, tier=3).batch()
    drawn = torch.stack([batch.wrong_labels("forget", "others") for _ in range(20)])
    assert set(drawn[:, :8].flatten().tolist()) == {1, 2} and set(drawn[:, 8:].flatten().tolist()) == {0, 2}


def test_one_name_has_no_wrong_label(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), names=("car",))
    with pytest.raises(BadData, match="at least two superclasses"):
        Trainer(task, TrainingSettings(batch_size=4), IMAGE, tier=3).batch().wrong_labels("forget")


def test_a_diverging_training_says_what_to_do(tiny_clip: Clip) -> None:
    def loss(batch: Batch, settings: TrainingSettings) -> dict[str, torch.Tensor]:
        return {"forget": batch.features("forget").sum() * torch.inf}

    task = task_for(tiny_clip)
    with pytest.raises(BadSetting, match="at step 1; take a smaller learning rate"):
        list(Trainer(task, TrainingSettings(), IMAGE, tier=3).train(loss))
    for parameter, before in zip(task.clip.model.parameters(), tiny_clip.model.parameters(), strict=True):
        assert parameter.grad is None and parameter.requires_grad == before.requires_grad


def test_only_what_the_tier_uses_is_asked_for(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    empty = ImageSet(task.others.pixels[:0], task.others.labels[:0])
    task = dataclasses.replace(task, others=empty)
    assert set(Trainer(task, TrainingSettings(), IMAGE, tier=2).batch().images) == {"forget", "retain"}
    with pytest.raises(BadData, match="no training image to compare with"):
        Trainer(task, TrainingSettings(), IMAGE, tier=3)
