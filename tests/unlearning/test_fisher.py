"""Relative Fisher information against a loop of plain gradients."""

from __future__ import annotations

import math

import pytest
import torch
from conftest import build_clip

from clipforget.generators import finish, relay
from clipforget.models.clip import Clip
from clipforget.unlearning.fisher import FLOOR, candidates, diagonal, relative, squared_gradients
from clipforget.unlearning.losses import zero_shot_cross_entropy


def test_candidates_of_a_resnet_and_a_vit(tiny_clip: Clip) -> None:
    names = candidates(tiny_clip.model)
    assert "visual.layer1.0.conv1.weight" in names and "visual.attnpool.c_proj.weight" in names
    assert all(name.startswith("visual.") for name in names)
    assert not any("embedding" in name or "bn" in name or name.endswith("bias") for name in names)
    vit = build_clip({"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32})
    assert "visual.proj" in candidates(vit.model)
    assert "visual.transformer.resblocks.0.attn.in_proj_weight" in candidates(vit.model)
    assert "visual.class_embedding" not in candidates(vit.model)
    assert candidates(vit.model, 0.0) == ["visual.proj"]
    assert candidates(tiny_clip.model, 0.15) == names[-math.ceil(0.15 * len(names)) :]


def test_squared_gradients_equal_a_loop(tiny_clip: Clip) -> None:
    names = candidates(tiny_clip.model)[:4] + candidates(tiny_clip.model)[-2:]
    pixels = torch.randn(3, 3, 32, 32)
    captions = tiny_clip.class_embeddings(["a", "b", "c"], "{}")
    found = torch.stack(list(squared_gradients(tiny_clip, names, pixels, captions)))
    weights = [dict(tiny_clip.model.named_parameters())[name] for name in names]
    for i in range(3):
        feature = tiny_clip.model.encode_image(pixels[i : i + 1])[0]
        cosine = feature @ captions[i] / feature.norm()
        for j, weight in enumerate(weights):
            (gradient,) = torch.autograd.grad(cosine, [weight], retain_graph=True)
            assert torch.isclose(found[i, j], gradient.square().sum(), rtol=1e-3, atol=1e-9)
    batch = tiny_clip.encode_image(pixels)
    mean = torch.autograd.grad((batch * captions).sum(dim=1).mean(), weights)
    squared_mean = torch.stack([g.square().sum() for g in mean])
    assert not torch.allclose(found.mean(dim=0), squared_mean, rtol=0.05, atol=0)  # another quantity


def test_relative_by_hand_and_dead_layers_never_win() -> None:
    forget = torch.tensor([1e-12, 4.0, 2.0, 3.0, 1.0])
    retain = torch.tensor([0.0, 1.0, 2.0, 1.0, 1.0])
    layers = relative(list("abcde"), forget, retain, 2)
    assert [layer.name for layer in layers if layer.chosen] == ["b", "d"]
    assert layers[1].relative == float(torch.tensor(4.0 / (1.0 + FLOOR * 1.0)))
    inside = relative(list("abcde"), forget, retain, 1, eligible={"c", "e"})
    assert [layer.name for layer in inside if layer.chosen] == ["c"]
    assert sum(layer.chosen for layer in relative(list("abcde"), forget, retain, 64)) == 4  # a lies below the quartile


@pytest.mark.parametrize(("rule", "expected"), [("fisher", {"b", "d"}), ("all", {"b", "c", "d"})])
def test_other_rules_for_comparison(rule: str, expected: set[str]) -> None:
    forget, retain = torch.tensor([9.0, 5.0, 1.0, 3.0]), torch.tensor([1.0, 9.0, 0.1, 1.0])
    found = relative(list("abcd"), forget, retain, 2, eligible={"b", "c", "d"}, rule=rule)
    assert {layer.name for layer in found if layer.chosen} == expected


def test_random_layers_are_eligible_and_follow_the_seed() -> None:
    names, ones = [str(i) for i in range(20)], torch.ones(20)

    def draw(seed: int) -> list[str]:
        generator = torch.Generator().manual_seed(seed)
        found = relative(names, ones, ones, 4, eligible=set(names[:12]), rule="random", generator=generator)
        return [layer.name for layer in found if layer.chosen]

    assert len(draw(0)) == 4 and set(draw(0)) <= set(names[:12])
    assert draw(0) == draw(0) and len({tuple(draw(seed)) for seed in range(5)}) > 1


def test_the_diagonal_equals_a_loop_over_images(tiny_clip: Clip) -> None:
    names = ["visual.layer4.0.conv1.weight", "visual.layer1.0.bn1.bias", "visual.attnpool.c_proj.weight"]
    parameters = {name: tiny_clip.model.get_parameter(name) for name in names}
    pixels, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 2, 1, 0])
    class_embeddings = tiny_clip.class_embeddings(["a", "b", "c"], "{}")

    def likelihood(features: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return -zero_shot_cross_entropy(features, label, class_embeddings, 5.0)

    done: list[int] = []
    found = finish(relay(diagonal(tiny_clip, parameters, pixels, labels, likelihood), done.append))
    assert done == [1, 2, 3, 4] and list(found) == names
    for name, parameter in parameters.items():
        wanted = torch.zeros_like(parameter)
        for i in range(4):
            feature = tiny_clip.model.encode_image(pixels[i : i + 1])[0]
            weights = (5.0 * class_embeddings @ feature / feature.norm()).softmax(dim=0)
            (gradient,) = torch.autograd.grad(weights[labels[i]].log(), [parameter])
            wanted += gradient**2 / 4
        torch.testing.assert_close(found[name], wanted, rtol=1e-2, atol=1e-9)
        assert wanted.max() > 0
