"""Alignment: moments and loss by hand, a delta within its bound that lowers the loss, nothing left behind."""

from __future__ import annotations

import pytest
import torch
from conftest import build_clip
from torch import nn

from clipforget.models.clip import Clip
from clipforget.unlearning import alignment
from clipforget.unlearning.alignment import Statistics, align, alignment_loss, moments, statistics

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}


def test_moments_of_batchnorm_and_of_tokens() -> None:
    x = torch.tensor([[[[1.0, 3.0]]], [[[5.0, 7.0]]]])  # 2 x 1 x 1 x 2
    ((mean, variance),) = moments(nn.BatchNorm2d(1), x)
    assert mean.item() == 4 and variance.item() == 5
    tokens = torch.tensor([[[1.0], [2.0], [4.0]], [[3.0], [6.0], [8.0]]])  # 2 images, class token + 2 patches
    own, patches = moments(nn.LayerNorm(1), tokens)
    assert (own[0].item(), own[1].item()) == (2, 1)
    assert (patches[0].item(), patches[1].item()) == (5, 5)


def test_moments_of_maps_are_those_of_their_channels() -> None:
    x = torch.randn(4, 6, 3, 3)  # ConvNeXt has its channels first, Swin has them last
    rows = x.movedim(1, -1).reshape(-1, 6)
    for given in (x, x.movedim(1, -1)):
        ((mean, variance),) = moments(nn.LayerNorm(6), given)
        assert torch.allclose(mean, rows.mean(0), atol=1e-6) and torch.allclose(variance, rows.var(0, correction=0))


def test_loss_by_hand() -> None:
    wanted = Statistics("batchnorm", {"a": ((torch.zeros(2), torch.ones(2)),)})
    seen = {"a": ((torch.tensor([3.0, 4.0]), torch.tensor([1.0, 3.0])),)}
    assert alignment_loss(seen, wanted).item() == pytest.approx(5 + 2)


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_delta_lowers_the_loss_within_its_bound(tower: str, tiny_clip: Clip) -> None:
    clip = tiny_clip if tower == "resnet" else build_clip(VIT)
    clip.model.requires_grad_(False)
    before = {name: value.clone() for name, value in clip.model.state_dict().items()}
    wanted = statistics(clip, torch.randn(8, 3, 32, 32))
    assert wanted.kind == {"resnet": "batchnorm", "vit": "recorded"}[tower]
    pixels = 2 * torch.randn(4, 3, 32, 32) + 1
    delta, course = align(clip, pixels, wanted, steps=6, bound=0.2)
    assert delta.abs().max() <= 0.2 and delta.any() and not delta.requires_grad
    assert len(course) == 6 and course[-1] < course[0]
    assert all(torch.equal(value, before[name]) for name, value in clip.model.state_dict().items())
    assert not any(module._forward_pre_hooks for module in clip.model.modules())


def test_without_steps_or_bound_nothing_moves(tiny_clip: Clip) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    wanted = statistics(tiny_clip, pixels)
    assert not align(tiny_clip, pixels, wanted, steps=0, bound=0.1)[0].any()
    assert not align(tiny_clip, pixels, wanted, steps=2, bound=0.0)[0].any()


def test_a_tower_without_norms_has_nothing_to_align(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alignment, "_norm_layers", lambda clip: {})
    pixels = torch.randn(2, 3, 32, 32)
    delta, course = align(tiny_clip, pixels, statistics(tiny_clip, pixels), steps=2, bound=0.1)
    assert not delta.any() and course == []


def test_every_image_keeps_the_cosine_asked_for(tiny_clip: Clip) -> None:
    tiny_clip.model.requires_grad_(False)
    pixels = 2 * torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)) + 1
    wanted, before = statistics(tiny_clip, pixels), tiny_clip.embed(pixels)

    def cosines(least: float) -> tuple[torch.Tensor, list[float]]:
        delta, course = align(tiny_clip, pixels, wanted, steps=8, bound=2.0, least_cosine=least)
        return (tiny_clip.embed(pixels + delta) * before).sum(dim=1), course

    free, near = cosines(-1.0), cosines(0.995)
    assert free[0].min() < 0.99 and near[0].min() >= 0.995 - 1e-6
    assert len(near[1]) == 9 and near[1][-1] < near[1][0], "the loss of the final change is the last one"
