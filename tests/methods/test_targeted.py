"""Targeted forgetting: what each of the paper's stages does to the weights of a tiny CLIP."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from conftest import build_clip
from tasks import task_for
from torch import Tensor

from clipforget.errors import BadData
from clipforget.methods import METHODS
from clipforget.methods.targeted.forgetting import FLOOR
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.settings import options, parse
from clipforget.unlearning.fisher import candidates
from clipforget.unlearning.losses import zero_shot_cross_entropy
from clipforget.unlearning.task import ImageSet, Step, Task

SHORT: dict = {"forget_epochs": 3, "batch_size": 4, "layers": 3, "remind_steps": 3}
VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
STILL = 1e-7  # a learning rate that leaves the weights where they are


def run(task: Task, **values: object) -> list[Step]:
    method = METHODS.load()["targeted"]
    return list(method.run(task, parse(method.settings, {**SHORT, **values})))


def change(task: Task) -> dict[str, Tensor]:
    """What a run has added to the weights, by name."""
    start = task.original.model.state_dict()
    return {name: value - start[name] for name, value in changed(start, task.clip.model.state_dict()).items()}


def forgotten(original: Clip, **values: object) -> dict[str, Tensor]:
    task = task_for(original)
    run(task, **values)
    return change(task)


def cosine(clip: Clip, images: ImageSet, class_embeddings: Tensor) -> float:
    return float((clip.embed(images.pixels) * class_embeddings[images.labels]).sum(dim=1).mean())


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_forgets_in_the_chosen_layers_and_leaves_all_else_alone(tower: str, tiny_clip: Clip) -> None:
    original = tiny_clip if tower == "resnet" else build_clip(VIT)
    task = task_for(original)
    before = {name: value.clone() for name, value in original.model.state_dict().items()}
    steps = run(task, remind_steps=2)
    run(forget := task_for(original), remind_steps=0, forget_learning_rate=1e-2)
    assert cosine(forget.clip, task.forget, task.class_embeddings) < cosine(
        original, task.forget, task.class_embeddings
    )
    after = task.clip.model.state_dict()
    layers = next(step.data["layers"] for step in steps if "layers" in step.data)
    assert set(change(task)) == {layer["name"] for layer in layers if layer["chosen"]}
    assert list(after) == list(before) and not task.clip.model.training
    assert all(torch.equal(value, before[name]) for name, value in original.model.state_dict().items())
    assert not any(hasattr(module, "parametrizations") for module in task.clip.model.modules())
    assert all(torch.equal(value, before[name]) for name, value in after.items() if "running" in name)


def test_adapts_the_layers_of_highest_relative_fisher_information(tiny_clip: Clip) -> None:
    """Measured again with plain gradients, image by image; the highest plain information lies elsewhere."""
    task = task_for(tiny_clip)
    layers = next(step.data["layers"] for step in run(task, remind_steps=0) if "layers" in step.data)
    names = candidates(tiny_clip.model)
    weights = [dict(tiny_clip.model.named_parameters())[name].requires_grad_() for name in names]
    means = []
    for images in (task.forget, task.retain):
        squares = []
        for pixels, label in zip(images.pixels, images.labels, strict=True):
            own = (tiny_clip.encode_image(pixels[None])[0] * task.class_embeddings[label]).sum()
            squares.append(torch.stack([g.square().sum() for g in torch.autograd.grad(own, weights)]))
        means.append(torch.stack(squares).mean(dim=0))
    tiny_clip.model.requires_grad_(False)
    forget, retain = means
    ratio = forget / (retain + FLOOR * retain.median())
    assert [layer["relative"] for layer in layers] == pytest.approx(ratio.tolist(), rel=1e-3)
    ratio[forget < forget.quantile(0.25)] = 0
    relative, plain = ({names[i] for i in rank.topk(3).indices} for rank in (ratio, forget))
    assert set(change(task)) == relative != plain
    assert set(forgotten(tiny_clip, selection="fisher", remind_steps=0)) == plain
    assert set(forgotten(tiny_clip, selection="random", remind_steps=0)) not in (relative, plain)


@pytest.mark.parametrize("decay", [0.2, 0.9])
def test_the_average_keeps_the_originals_share(decay: float, tiny_clip: Clip) -> None:
    """Where reminding leaves the weights in place, 1 - beta^T of what forgetting did is left."""
    whole = forgotten(tiny_clip, remind_steps=0)
    part = forgotten(tiny_clip, remind_steps=3, remind_learning_rate=STILL, ema_decay=decay)
    assert whole.keys() == part.keys() and whole
    for name, value in whole.items():
        torch.testing.assert_close(part[name], (1 - decay**3) * value, rtol=1e-2, atol=1e-5)


def test_the_records_say_the_originals_share(tiny_clip: Clip) -> None:
    steps = run(task_for(tiny_clip), ema_decay=0.7)
    assert list(dict.fromkeys(step.stage for step in steps)) == ["select", "forget", "remind"]
    shares = [step.data["original_share"] for step in steps if step.stage == "remind"]
    assert shares == pytest.approx([0.7, 0.49, 0.343])
    assert set(steps[-1].steer) == {"forget", "retain", "others"}
    assert all(1 <= step.step <= step.total for step in steps)


def test_reminding_brings_the_retain_images_back(tiny_clip: Clip) -> None:
    task, other = task_for(tiny_clip), task_for(tiny_clip)
    run(task, remind_steps=0)
    run(other, remind_steps=10, remind_learning_rate=5e-3, ema_decay=0)
    embeddings, scale = task.class_embeddings, task.clip.logit_scale

    def loss(clip: Clip) -> float:
        return float(zero_shot_cross_entropy(clip.embed(task.retain.pixels), task.retain.labels, embeddings, scale))

    assert loss(other.clip) < loss(task.clip) - 0.1


def test_reminders_are_aligned_with_the_originals_statistics(tiny_clip: Clip) -> None:
    found = {name: forgotten(tiny_clip, alignment=name) for name in ("batchnorm", "recorded", "none")}
    for one, two in (("batchnorm", "none"), ("batchnorm", "recorded"), ("recorded", "none")):
        assert any(not torch.equal(value, found[two][name]) for name, value in found[one].items())
    for alignment, aligned in (("batchnorm", True), ("recorded", True), ("none", False)):
        steps = run(task_for(tiny_clip), alignment=alignment)
        courses = [step.data["alignment"] for step in steps if step.stage == "remind"]
        assert all(course[-1] < course[0] for course in courses) if aligned else not any(courses)
    still, moved = (run(task_for(tiny_clip), forget_learning_rate=rate) for rate in (STILL, 1e-3))
    for one, two in zip(still, moved, strict=True):  # by the original, whatever forgetting has done
        assert one.data.get("alignment") == two.data.get("alignment")


def test_forgetting_ends_where_nothing_is_left_or_with_its_epochs(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    task = dataclasses.replace(task, class_embeddings=tiny_clip.embed(task.forget.pixels)[:3])  # cosines near 1
    steps = [step for step in run(task, forget_learning_rate=STILL, remind_steps=0) if step.stage == "forget"]
    assert len(steps) == steps[0].total == 3 * math.ceil(len(task.forget) / 4)
    assert set(steps[-1].steer) == {"forget", "retain", "others"}
    for stop, expected in ((0.0, 1), (-1.0, len(steps))):  # cosines near -1 from the start
        turned = dataclasses.replace(task_for(tiny_clip), class_embeddings=-task.class_embeddings)
        taken = run(turned, forget_learning_rate=STILL, remind_steps=0, stop_cosine=stop)
        assert sum(step.stage == "forget" for step in taken) == expected


def test_the_papers_preset_forgets_in_whole_epochs_and_keeps_more_of_the_original() -> None:
    """Tables 4 and 5 of the paper come out with it: accuracies that collapse once the average has left the original."""
    method = METHODS.load()["targeted"]
    paper, usual = parse(method.settings, method.presets["paper"]), method.settings()
    assert paper.stop_cosine == -1 < usual.stop_cosine
    assert paper.ema_decay**10 > 0.5 > usual.ema_decay**10 and paper.ema_decay**50 < 0.1


@pytest.mark.parametrize("stage", ["select", "forget", "remind"])
def test_closing_midway_leaves_a_plain_model(stage: str, tiny_clip: Clip) -> None:
    """And not one that is mostly the original: the average has only begun."""
    task = task_for(tiny_clip)
    keys = list(task.clip.model.state_dict())
    method = METHODS.load()["targeted"]
    records = method.run(task, parse(method.settings, {**SHORT, "ema_decay": 0.9}))
    next(step for step in records if step.stage == stage)
    records.close()
    assert list(task.clip.model.state_dict()) == keys
    if stage == "remind":
        whole = forgotten(tiny_clip, remind_steps=0)
        length = {name: float(value.norm()) for name, value in change(task).items()}
        assert all(length[name] > 0.7 * float(value.norm()) for name, value in whole.items())


def test_same_seed_same_weights(tiny_clip: Clip) -> None:
    prints = []
    for seed in (0, 0, 1):
        task = task_for(tiny_clip, seed)
        run(task)
        prints.append(task.clip.fingerprint())
    assert prints[0] == prints[1] != prints[2] and tiny_clip.fingerprint() not in prints


def test_nothing_to_retain_is_said(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    empty = ImageSet(task.retain.pixels[:0], task.retain.labels[:0])
    with pytest.raises(BadData, match="no training image to retain"):
        run(dataclasses.replace(task, retain=empty))


def test_each_setting_says_whose_it_is() -> None:
    for option in options(METHODS.load()["targeted"].settings):
        assert any(word in option.help for word in ("paper", "inferred")), option.name


def test_it_says_what_towers_without_batchnorm_get() -> None:
    assert any("without BatchNorm" in note and "recorded" in note for note in METHODS.load()["targeted"].notes)
