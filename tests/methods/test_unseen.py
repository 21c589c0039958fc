"""As if never seen: its losses by hand, and what training does to similarities and names."""

from __future__ import annotations

import pytest
import torch
from small import World

from clipforget.methods.unseen import UnseenSettings, bias_of, excess, losses, mean_where, take_out, turn_away, unseen
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


def test_the_losses_by_hand() -> None:
    """Two images to forget, of which the second has no sibling of its class; one name of their own, two of others."""
    x, y, between, opposite = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-1.0, 0.0]])
    now = (torch.stack([between, x]), torch.stack([x, between]), opposite[None])
    original = (torch.stack([y, x]), torch.stack([x, y]), x[None])
    related = torch.tensor([[False, True], [False, False]])
    names = (between[None], torch.stack([y, x]))
    found = losses(now, original, related, names, UnseenSettings(siblings_weight=2.0, own_weight=3.0, name_weight=5.0))
    # cosines with the siblings, from the original's [[0, 1], [1, 0]]: [[.6, .8], [1, 0]]
    assert float(found["siblings"]) == pytest.approx(2 * (0.6**2 + 0.2**2) / 4)
    # bounds 1, of the one sibling of its class, and .5, of all; cosines among themselves [[1, .6], [.6, 1]]
    assert float(found["own kind"]) == pytest.approx(3 * (0.1**2 + 0.5**2) / 4)
    # cosines with their own name 1 and .6, with the farthest other one .6 and 0
    assert float(found["name"]) == pytest.approx(5 * (0.4**2 + 0.6**2) / 2)
    # siblings keep 1 and .8 of their cosine, others turn round
    assert float(found["retain"]) == pytest.approx(8 * (0 + 0.2 + 2) / 3)


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


def test_siblings_are_those_of_an_images_class(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    seen: list[torch.Tensor] = []
    monkeypatch.setattr("clipforget.methods.unseen.losses", lambda *given: seen.append(given[2]) or losses(*given))
    label = int(task.forget.labels[0])
    task.retain.labels[::4] = 1 - label
    list(unseen(task, UnseenSettings(steps=3, batch_size=16, stages=1)))
    shares = [float(related.float().mean()) for related in seen]
    expected = float((task.retain.labels == label).float().mean())
    assert len(seen) == 3 and sum(shares) / 3 == pytest.approx(expected, abs=0.1)
    assert all(torch.equal(row, related[0]) for related in seen for row in related)


@pytest.mark.parametrize(("kept", "gone"), [(0.96, True), (0.94, False)])
def test_the_names_direction_is_taken_out_unless_siblings_lose_by_it(
    world: World, monkeypatch: pytest.MonkeyPatch, kept: float, gone: bool
) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    before = {name: value.clone() for name, value in task.clip.model.state_dict().items()}
    found = iter([{"forget": 1.0, "retain": 0.8, "others": 0.9}, {"forget": 0.0, "retain": kept * 0.8, "others": 0.9}])
    monkeypatch.setattr("clipforget.unlearning.trainer.steer_accuracy", lambda task: next(found))
    with torch.no_grad():
        names = task.original.encode_text(list(task.forget_prompts))
    take_out(task, names, 1.0)
    cosines = task.clip.embed(task.others.pixels) @ names.T
    assert bool((cosines.abs() < 1e-5).all()) is gone
    assert bool(changed(before, task.clip.model.state_dict())) is gone


def test_all_images_move_away_from_the_name_and_other_names_keep_their_order(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    monkeypatch.setattr("clipforget.unlearning.trainer.steer_accuracy", lambda task: {"retain": 1.0})
    with torch.no_grad():
        name, others = (task.original.encode_text(list(texts)) for texts in (task.forget_prompts, task.class_prompts))
    steer = torch.cat([task.original.embed(images.pixels) for images in task.steer.values()])
    labels = torch.cat([images.labels for images in task.steer.values()])
    wrong = (steer @ others.T)[torch.arange(len(others)) != labels[:, None]]
    before = task.clip.embed(task.others.pixels)
    turn_away(task, name, others, -100.0)
    assert torch.equal(task.clip.embed(task.others.pixels), before), "nothing moves towards a name"
    turn_away(task, name, others, 0.0)
    level = float(wrong.mean())
    moved = torch.cat([task.clip.embed(images.pixels) for images in task.steer.values()])
    assert float((moved @ name.T).mean()) == pytest.approx(level, abs=0.1)
    after = task.clip.embed(task.others.pixels)
    assert float((after @ name.T).max()) < float((before @ name.T).mean())
    then, now = (torch.nn.functional.normalize(x @ others.T, dim=1) for x in (before, after))
    assert torch.allclose(then, now, atol=1e-3), "cosines with other names change by one factor an image"
    turn_away(task, name, others, 1.0)
    farther = torch.cat([task.clip.embed(images.pixels) for images in task.steer.values()])
    assert float((farther @ name.T).mean()) < float((moved @ name.T).mean()) - 0.1


def test_a_map_without_a_bias_gets_one_from_what_it_reads(world: World) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    generator = torch.Generator().manual_seed(0)
    size = task.clip.model.visual.attnpool.c_proj.in_features
    inputs = torch.cat([2 + torch.randn(200, size, generator=generator), torch.ones(200, 1)], dim=1).double()
    with torch.no_grad():
        task.clip.model.visual.attnpool.c_proj.bias.fill_(0.5)
        assert bias_of(task.clip.model, inputs).tolist() == [0.0] * size + [1.0]
        task.clip.model.visual.attnpool.c_proj.bias.zero_()
    found = bias_of(task.clip.model, inputs)
    assert found[-1] == 0 and torch.allclose(inputs @ found, torch.ones(200).double(), atol=0.3)


def test_the_name_is_the_last_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task, _ = build_task(world.config(goal=NEVER_SEEN))
    calls = []
    for step in ("take_out", "turn_away"):
        monkeypatch.setattr(f"clipforget.methods.unseen.{step}", lambda *values: calls.append(values))
    list(unseen(task, UnseenSettings(steps=2, batch_size=4, name_strength=0.5, name_distance=1.5)))
    (given, names, strength), (_, away, _, distance) = calls
    assert given is task and (strength, distance) == (0.5, 1.5)
    assert len(names) == len(away) == len(task.forget_prompts)
    list(unseen(task, UnseenSettings(steps=1, batch_size=4, name_distance=0.0)))
    assert len(calls) == 3, "at a distance of 0 nothing is moved"
