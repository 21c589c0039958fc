"""Stages compose to the tower, own its parameters, and say where a change begins."""

from __future__ import annotations

import pytest
import torch
from conftest import RESNET, build_clip
from torch.nn.functional import normalize

from clipforget.models.stages import first_changed, run_stages, stages, with_projection


def timm(name: str, size: int = 32, pool: str = "", proj: str = "linear") -> dict:
    return {"timm_model_name": name, "timm_pool": pool, "timm_proj": proj, "image_size": size}


VIT = {"layers": 3, "width": 16, "patch_size": 8, "image_size": 32, "head_width": 8}
TOWERS = {
    "modified_resnet": (RESNET, 6),
    "vit": (VIT, 5),
    "vit_average": ({**VIT, "pool_type": "avg", "final_ln_after_pool": True}, 5),
    "vit_attention": ({**VIT, "attentional_pool": True}, 5),
    "timm_mobilenetv2": (timm("mobilenetv2_050"), 24),
    "timm_resnet": (timm("resnet10t"), 17),
    "timm_convnext": (timm("test_convnext"), 9),
    "timm_vit": (timm("test_vit", 160), 9),
    "timm_mobilenetv3": (timm("mobilenetv3_small_050", 32, "avg", ""), 21),
}


@pytest.mark.parametrize("kind", TOWERS)
@torch.inference_mode()
def test_composition_is_the_tower(kind: str) -> None:
    vision, count = TOWERS[kind]
    clip = build_clip(vision)
    parts = stages(clip.model)
    pixels = torch.randn(3, 3, vision["image_size"], vision["image_size"])
    x = run_stages(parts, pixels)
    expected = clip.model.encode_image(pixels)
    if kind == "modified_resnet":  # its pool is computed in another order
        torch.testing.assert_close(normalize(x), normalize(expected), rtol=0, atol=1e-6)
    else:
        assert torch.equal(x, expected)
    assert x.shape == (3, 16)
    assert len(parts) == count


@pytest.mark.parametrize("kind", ["modified_resnet", "vit", "vit_average", "timm_vit"])
@torch.inference_mode()
def test_the_last_map_becomes_a_stage_of_its_own(kind: str) -> None:
    clip = build_clip(TOWERS[kind][0])
    parts = stages(clip.model)
    split = with_projection(clip.model, parts)
    x = whole = torch.randn(3, 3, *clip.image_size)
    for part in split:
        x = part.call(x)
    for part in parts:
        whole = part.call(whole)
    assert torch.equal(x, whole)
    last = [name for name in clip.model.state_dict() if name.startswith(("visual.attnpool.c_proj", "visual.proj"))]
    assert first_changed(split, last) == len(split) - bool(last) == len(parts)
    for name, _ in clip.model.visual.named_parameters():
        assert sum(part.owns(f"visual.{name}") for part in split) == 1


@pytest.mark.parametrize("kind", TOWERS)
def test_every_parameter_has_its_stage_and_no_other_tower_has(kind: str) -> None:
    clip = build_clip(TOWERS[kind][0])
    parts = stages(clip.model)
    for name, _ in clip.model.named_parameters():
        owners = [part.name for part in parts if part.owns(name)]
        assert len(owners) == (1 if name.startswith("visual.") else 0), (name, owners)


def test_a_change_is_felt_from_its_stage_on_and_not_before(tiny_clip) -> None:
    pixels = torch.randn(2, 3, 32, 32)
    before = outputs(tiny_clip, pixels)
    name = "visual.layer3.0.conv2.weight"
    tiny_clip.model.state_dict()[name].mul_(1.5)
    after = outputs(tiny_clip, pixels)
    first = first_changed(stages(tiny_clip.model), [name])
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert same == [True] * first + [False] * (len(same) - first)
    assert first == 3


@torch.no_grad()
def outputs(clip, x) -> list:
    found = []
    for part in stages(clip.model):
        x = part.call(x).clone()
        found.append(x)
    return found


def test_first_changed_of_text_nothing_and_the_unknown(tiny_clip) -> None:
    parts = stages(tiny_clip.model)
    assert first_changed(parts, []) == len(parts)
    assert first_changed(parts, ["text_projection", "logit_scale"]) == len(parts)
    assert first_changed(parts, ["visual.attnpool.c_proj.bias", "visual.layer4.0.bn1.weight"]) == 4
    assert first_changed(parts, ["visual.somewhere.weight"]) == 0


def test_a_tower_that_does_not_compose_is_one_stage(tiny_clip) -> None:
    tower = tiny_clip.model.visual
    plain = tower.forward
    tower.forward = lambda x: plain(x) + 1.0  # something that no stage knows of
    parts = stages(tiny_clip.model)
    assert [part.name for part in parts] == ["tower"]
    pixels = torch.randn(2, 3, 32, 32)
    assert torch.equal(parts[0].call(pixels), tiny_clip.model.encode_image(pixels))
