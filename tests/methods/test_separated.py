"""Separated forgetting: its losses by hand, what the separation trains, and that anchored forgetting follows on it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget.errors import BadModel
from clipforget.methods.anchored import anchored
from clipforget.methods.anchored.settings import AnchoredSettings
from clipforget.methods.separated import SeparatedSettings, losses, separate, separated
from clipforget.models.clip import Clip
from clipforget.models.stages import stages
from clipforget.models.weights import changed
from clipforget.unlearning.task import Task

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
SHORT = SeparatedSettings(separate_steps=15, separate_learning_rate=1e-3, batch_size=8, views=1)


def change(task: Task) -> dict[str, torch.Tensor]:
    """What was added to the weights, by name."""
    start = task.original.model.state_dict()
    return {name: value - start[name] for name, value in changed(start, task.clip.model.state_dict()).items()}


def test_the_losses_by_hand() -> None:
    """Two classes and two fine names: any of these will do for the target, the rest is to get its own class."""
    forget = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.25, 0.25, 0.25, 0.25]]).log()
    siblings = torch.tensor([[0.5, 0.1, 0.2, 0.2]]).log()
    others = torch.tensor([[0.1, 0.8, 0.05, 0.05], [0.3, 0.2, 0.25, 0.25]]).log()
    found = losses((forget, siblings, others), 2, torch.tensor([0]), torch.tensor([1, 0]))
    expected = {"forget": [0.7, 0.5], "retain": [0.5], "others": [0.8, 0.3]}
    for name, shares in expected.items():
        assert float(found[name]) == pytest.approx(-float(torch.tensor(shares).log().mean()))


def test_the_target_is_told_from_its_siblings_by_late_weights(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    steps = list(separate(task, replace(SHORT, original_share=0.0)))
    assert [step.stage for step in steps] == ["separate"] * 15 and steps[-1].step == steps[-1].total
    names = torch.cat([task.class_embeddings, task.original.encode_text(list(task.forget_prompts)).detach()])

    def lead(clip: Clip) -> float:
        """By how much the fine name beats the coarse one with the target's images more than with siblings."""
        leads = [
            clip.embed(images.pixels) @ (names[-1] - names[int(task.forget.labels[0])])
            for images in (task.forget, task.retain)
        ]
        return float(leads[0].mean() - leads[1].mean())

    assert lead(task.clip) > lead(task.original) + 0.1
    parts = stages(tiny_clip.model)
    late = parts[-3:]  # 0.35 of six, rounded up
    assert len(parts) == 6 and all(any(stage.owns(name) for stage in late) for name in change(task))


def test_the_original_keeps_its_share(tiny_clip: Clip) -> None:
    whole, part = task_for(tiny_clip), task_for(tiny_clip)
    list(separate(whole, replace(SHORT, original_share=0.0)))
    list(separate(part, replace(SHORT, original_share=0.7)))
    found, all_of_it = change(part), change(whole)
    assert found.keys() == all_of_it.keys() and found
    for name, value in found.items():
        torch.testing.assert_close(value, 0.3 * all_of_it[name], rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_anchored_forgetting_follows_on_what_was_separated(tower: str, tiny_clip: Clip) -> None:
    original = tiny_clip if tower == "resnet" else build_clip(VIT)
    task, by_hand, alone = (task_for(original) for _ in range(3))
    steps = list(separated(task, SHORT))
    assert list(dict.fromkeys(step.stage for step in steps)) == ["separate", "select", "forget"]
    list(separate(by_hand, SHORT))
    separation = change(by_hand)
    list(anchored(by_hand, SHORT))
    list(anchored(alone, SHORT))
    assert task.clip.fingerprint() == by_hand.clip.fingerprint() != alone.clip.fingerprint()
    assert separation and set(change(task)) >= set(separation)


def test_it_sees_others_even_where_they_are_no_anchors(tiny_clip: Clip) -> None:
    settings = replace(SHORT, others_weight=0.0)
    assert AnchoredSettings(others_weight=0.0).tier == 2 and settings.tier == 3
    task = task_for(tiny_clip)
    assert list(separated(task, settings))[-1].stage == "forget"


def test_without_a_finer_name_there_is_nothing_to_separate(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    task = replace(task, forget_prompts=(task.class_prompts[0],))
    assert not list(separate(task, SHORT)) and not change(task)


def test_a_tower_without_a_last_map_is_refused_before_training() -> None:
    task = task_for(build_clip(VIT))
    task.original.model.visual.proj = None
    with pytest.raises(BadModel):
        next(separated(task, SHORT))
