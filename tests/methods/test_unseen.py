"""As if never seen: its two helpers by hand, and what training does to similarities and names."""

from __future__ import annotations

import pytest
import torch
from small import World

from clipforget.methods.unseen import UnseenSettings, excess, mean_where, unseen
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.runs.loading import build_task
from clipforget.unlearning.task import NEVER_SEEN


def test_only_what_lies_above_the_bound_counts() -> None:
    cosines = torch.tensor([[0.5, 0.1], [0.9, -1.0]])
    assert float(excess(cosines, torch.tensor([[0.1], [0.6]]))) == pytest.approx((0.4**2 + 0.3**2) / 4)


def test_siblings_of_the_same_class_are_averaged_and_all_where_there_is_none() -> None:
    related = torch.tensor([[True, False, True], [False, False, False]])
    means = mean_where(torch.tensor([[0.2, 0.9, 0.4], [0.0, 0.3, 0.6]]), related)
    assert means[:, 0].tolist() == pytest.approx([0.3, 0.3])


def test_the_targets_images_scatter_and_lose_their_name_by_late_weights_alone(world: World) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    steps = list(unseen(task, UnseenSettings(steps=40, learning_rate=1e-3, batch_size=16, stages=2)))
    assert task.goal == NEVER_SEEN and set(steps[-1].losses) == {"own kind", "name", "siblings", "retain"}

    def own_and_name(clip: Clip) -> tuple[float, float]:
        with torch.no_grad():
            features, names = clip.embed(task.forget.pixels), clip.encode_text(task.class_prompts)
            name = clip.encode_text(list(task.forget_prompts))
        return float((features @ features.T).mean()), float((features @ name.T - features @ names.T).mean())

    before, after = own_and_name(task.original), own_and_name(task.clip)
    assert after[0] < before[0] and after[1] < before[1] - 0.05
    moved = changed(task.original.model.state_dict(), task.clip.model.state_dict())
    assert moved and all(name.startswith(("visual.attnpool", "visual.layer4")) for name in moved)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_of_the_names_direction_nothing_is_left_in_the_end(world: World, strength: float) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    list(unseen(task, UnseenSettings(steps=2, batch_size=4, name_strength=strength)))
    with torch.no_grad():
        cosines = task.clip.embed(task.others.pixels) @ task.original.encode_text(list(task.forget_prompts)).T
    assert bool((cosines.abs() < 1e-5).all()) is (strength == 1.0)
