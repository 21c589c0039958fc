"""The end of a tower embeds as the whole tower does, with the weights of the moment."""

import pytest
import torch
from conftest import RESNET, build_clip

from clipforget.models import lora
from clipforget.models.precision import autocast
from clipforget.unlearning import tail as module
from clipforget.unlearning.tail import Tail
from clipforget.unlearning.task import ImageSet

VIT = {"layers": 3, "width": 16, "patch_size": 8, "image_size": 32, "head_width": 8}
TIMM = {"timm_model_name": "mobilenetv2_050", "timm_pool": "", "timm_proj": "linear", "image_size": 32}
LATE = {
    "resnet": (RESNET, "visual.layer4.0.conv2.weight"),
    "vit": (VIT, "visual.transformer.resblocks.2.attn.in_proj_weight"),
    "vit projection": (VIT, "visual.proj"),
    "timm": (TIMM, "visual.trunk.conv_head.weight"),
}


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", LATE)
@torch.no_grad()
def test_it_embeds_bit_for_bit_as_the_tower_does(kind: str, precision: str, monkeypatch) -> None:
    vision, name = LATE[kind]
    clip, generator = build_clip(vision), torch.Generator().manual_seed(0)
    sets = {
        key: ImageSet(torch.randn(count, 3, 32, 32, generator=generator), torch.zeros(count))
        for key, count in (("forget", 5), ("retain", 3))
    }
    tail = Tail(clip, [name], sets, precision)
    updates = lora.attach(clip.model, [name], 2, generator=generator)
    for _ in range(2):  # the weights move, what is kept stays
        updates[name].up.add_(1.0)
        for key, images in tail.sets.items():
            assert images.pixels.shape != sets[key].pixels.shape, "activations"
            with autocast(clip.device, precision):
                assert torch.equal(tail.encode_image(images.pixels), clip.encode_image(sets[key].pixels))
    lora.merge(clip.model, names=[name])
    monkeypatch.setattr(module, "MOST", 0)
    assert Tail(clip, [name], sets, precision).sets == sets, "nothing is kept that takes too much"


def test_a_change_at_the_start_and_no_images_leave_all_as_it_is(tiny_clip) -> None:
    images = ImageSet(torch.randn(2, 3, 32, 32), torch.zeros(2))
    tail = Tail(tiny_clip, ["visual.conv1.weight"], {"forget": images}, "float32")
    assert tail.sets == {"forget": images}
    assert torch.equal(tail.encode_image(images.pixels), tiny_clip.encode_image(images.pixels))
    assert Tail(tiny_clip, [], {}, "float32").sets == {}
