"""CLIP-LIP: the loss by hand, and which weights a step moves."""

from __future__ import annotations

import pytest
import torch
from conftest import build_clip
from tasks import task_for

from clipforget.methods.clip_lip import clip_lip
from clipforget.methods.clip_lip.forgetting import ClipLip, lipschitz, strongest
from clipforget.methods.clip_lip.settings import SIGMAS, ClipLipSettings
from clipforget.models.clip import Clip
from clipforget.models.weights import changed

FEW = {"synthesis_images": 4, "synthesis_steps": 5, "samples": 2}


@pytest.fixture
def vit() -> Clip:
    """Its untrained image tower moves with the pixels; that of a ResNet stands almost still."""
    return build_clip({"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32})


def test_the_loss_is_the_mean_distance_a_unit_of_noise_moves_the_features(vit: Clip) -> None:
    pixels = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    texts = vit.tokenizer(["a car", "a dog", "a cat"])
    found = lipschitz(vit, pixels, texts, 0.5, 2, torch.Generator().manual_seed(7))
    noise, total = torch.Generator().manual_seed(7), 0.0
    image, text = vit.model.encode_image, vit.model.encode_text
    for _ in range(2):
        moves = 0.5 * torch.randn(3, 3, 32, 32, generator=noise)
        for x, t, e in zip(pixels, texts, moves, strict=True):
            noisy = image((x + e)[None])[0]
            distances = ((image(x[None])[0] - noisy) ** 2).sum() ** 0.5 + ((text(t[None])[0] - noisy) ** 2).sum() ** 0.5
            total += float((distances / (2 * (e**2).sum() ** 0.5)).detach()) / 6
    assert found.item() == pytest.approx(total, rel=1e-4)
    found.backward()
    grads = {name: p.grad for name, p in vit.model.named_parameters() if p.grad is not None}
    assert any(name.startswith("visual.") for name in grads) and "text_projection" in grads, "both towers are smoothed"


def test_the_strongest_weights_are_those_of_the_highest_mean_gradient() -> None:
    weights = {name: torch.zeros(size, requires_grad=True) for name, size in (("a", 4), ("b", 1), ("c", 2), ("d", 3))}
    for name, gradient in (("a", [1.0, 1, 1, 1]), ("b", [-3.0]), ("c", [0.0, 4.0])):
        weights[name].grad = torch.tensor(gradient)
    assert strongest(weights, 2) == ["b", "c"] and strongest(weights, 9) == ["b", "c", "a"]


def test_a_step_moves_only_the_strongest_weights_of_each_tower(vit: Clip) -> None:
    task = task_for(vit)
    run = ClipLip(task, ClipLipSettings(layers=2, **FEW))
    list(run.synthesise())
    assert len(run.pixels) == 4
    run._descend(run._optimizer(), SIGMAS[0], 2)
    moved = set(changed(vit.model.state_dict(), task.clip.model.state_dict()))
    visual = {name for name in moved if name.startswith("visual.")}
    assert len(visual) == 2 and len(moved - visual) == 2
    weights = dict(vit.model.named_parameters())
    assert all(weights[name].ndim >= 2 and "embed" not in name for name in moved)


def test_the_target_loses_probability_and_a_step_in_vain_is_undone(vit: Clip) -> None:
    task = task_for(vit)
    steps = list(clip_lip(task, ClipLipSettings(steps=8, stop=0.0, learning_rate=1e-3, **FEW)))
    forget = [step for step in steps if step.stage == "forget"]
    assert steps[0].stage == "synthesise" and forget[-1].steer.keys() == {"forget", "retain", "others"}
    start = ClipLip(task_for(vit), ClipLipSettings(**FEW))
    list(start.synthesise())
    seen, best = start._synthetic_accuracy()[1], start._synthetic_accuracy()[1]
    for step, after in zip(forget, [*forget[1:], None], strict=True):
        vain = step.losses["synthetic"] >= best
        best = min(best, step.losses["synthetic"])
        if after is not None:
            assert (after.data["sigma"] > step.data["sigma"]) == vain
    start.clip.model.load_state_dict(task.clip.model.state_dict())
    assert best < seen and abs(start._synthetic_accuracy()[1] - best) < 1e-6, (
        "the weights kept are not those of the best step"
    )


def test_the_coarse_caption_is_judged_where_a_target_has_one(vit: Clip) -> None:
    task = task_for(vit)
    coarse, fine = (ClipLip(task, ClipLipSettings(caption=caption, **FEW)) for caption in ("coarse", "fine"))
    assert [coarse.prompts[label] for label in coarse.labels] == ["a photo of a car."] * 4
    assert [fine.prompts[label] for label in fine.labels] == ["a photo of a convertible."] * 4
    assert [coarse.fine[label] for label in coarse.fine_labels] == ["a photo of a convertible."] * 4
