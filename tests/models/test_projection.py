"""Folding a matrix into the last linear map, against the matrix applied to the features themselves."""

from __future__ import annotations

import pytest
import torch
from conftest import build_clip
from open_clip.model import CLIP
from torch.nn import functional as F

from clipforget.errors import BadModel
from clipforget.models.clip import Clip
from clipforget.models.projection import project
from clipforget.models.weights import changed

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
TIMM = {"timm_model_name": "test_resnet", "timm_model_pretrained": False, "timm_pool": "avg", "image_size": 32}
TOWERS = {
    "resnet": (None, {"visual.attnpool.c_proj.weight", "visual.attnpool.c_proj.bias"}),
    "vit": (VIT, {"visual.proj"}),
    "timm linear": (
        {**TIMM, "timm_proj": "linear", "timm_proj_bias": True},
        {"visual.head.proj.weight", "visual.head.proj.bias"},
    ),
    "timm mlp": ({**TIMM, "timm_proj": "mlp"}, {"visual.head.mlp.fc2.weight"}),
    "timm classifier": ({**TIMM, "timm_proj": ""}, {"visual.trunk.fc.weight", "visual.trunk.fc.bias"}),
}


@pytest.mark.parametrize("tower", TOWERS)
def test_features_are_those_times_the_matrix(tower: str, tiny_clip: Clip) -> None:
    vision, moved = TOWERS[tower]
    clip = tiny_clip if vision is None else build_clip(vision)
    generator = torch.Generator().manual_seed(0)
    pixels, matrix = torch.randn(3, 3, 32, 32, generator=generator), torch.randn(16, 16, generator=generator)
    with torch.no_grad():
        for name in moved:
            if name.endswith("bias"):
                clip.model.get_parameter(name).normal_(generator=generator)
    before = {name: value.clone() for name, value in clip.model.state_dict().items()}
    with torch.no_grad():
        wanted = F.normalize(torch.stack([matrix @ raw for raw in clip.model.encode_image(pixels)]), dim=-1)
        project(clip.model, matrix)
        found = clip.encode_image(pixels)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert set(changed(before, clip.model.state_dict())) == moved


def test_a_tower_that_ends_otherwise_is_refused(tiny_clip: Clip) -> None:
    tiny_clip.model.visual.attnpool.c_proj = torch.nn.Identity()
    with pytest.raises(BadModel, match="does not end in a linear map"):
        project(tiny_clip.model, torch.eye(16))
    model: CLIP = build_clip(VIT).model
    model.visual.proj = None
    with pytest.raises(BadModel, match="VisionTransformer"):
        project(model, torch.eye(16))
