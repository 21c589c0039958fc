"""Low-rank updates: applied equals merged, and merging leaves a plain model."""

from __future__ import annotations

import pytest
import torch
from conftest import build_clip
from torch import nn

from clipforget.models.clip import Clip
from clipforget.models.lora import LowRank, attach, merge
from clipforget.unlearning.fisher import candidates

VIT = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}


class Projected(nn.Module):
    """A plain projection parameter, as ViT towers have one."""

    def __init__(self) -> None:
        super().__init__()
        self.proj = nn.Parameter(torch.randn(6, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.proj


def fill(updates: dict[str, LowRank]) -> None:
    for update in updates.values():
        nn.init.normal_(update.up)


@pytest.mark.parametrize(
    ("layer", "name", "shape"),
    [
        (nn.Conv2d(4, 6, 3), "0.weight", (2, 4, 5, 5)),
        (nn.Conv2d(4, 8, 3, groups=2), "0.weight", (2, 4, 5, 5)),
        (nn.Conv2d(4, 4, 3, groups=4), "0.weight", (2, 4, 5, 5)),
        (nn.Linear(6, 5), "0.weight", (2, 6)),
        (Projected(), "0.proj", (2, 6)),
    ],
)
def test_merged_equals_applied(layer: nn.Module, name: str, shape: tuple[int, ...]) -> None:
    model = nn.Sequential(layer)
    x, before = torch.randn(shape), [n for n, _ in model.named_parameters()]
    plain = model(x)
    updates = attach(model, [name], 3, scale=0.5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), plain)  # B starts at zero
    fill(updates)
    applied, delta = model(x), 0.5 * updates[name].up @ updates[name].down
    original = dict(model.named_parameters())
    weight = next(value for key, value in original.items() if key.endswith("original")).detach().clone()
    merge(model, names=[name])
    assert [n for n, _ in model.named_parameters()] == before
    assert type(layer) in (nn.Conv2d, nn.Linear, Projected)
    assert torch.allclose(model(x), applied, atol=1e-5) and not torch.allclose(applied, plain)
    assert torch.allclose(dict(model.named_parameters())[name], weight + delta.view_as(weight))


@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_every_candidate_of_a_tower(tower: str, tiny_clip: Clip) -> None:
    """Attention included, with and without gradients: torch's fast path must not go round the update."""
    clip = tiny_clip if tower == "resnet" else build_clip(VIT)
    names, x = candidates(clip.model), torch.randn(3, 3, 32, 32)
    keys, plain = list(clip.model.state_dict()), clip.embed(x)
    for name in names:
        updates = attach(clip.model, [name], 2, generator=torch.Generator().manual_seed(1))
        fill(updates)
        with torch.enable_grad():
            slow = clip.encode_image(x)

        fast = clip.embed(x)
        assert torch.allclose(slow.detach(), fast, atol=1e-5), name
        gradients = torch.autograd.grad(slow.square().mean(dim=0)[0], list(updates[name].parameters()))
        assert any(gradient.abs().sum() > 0 for gradient in gradients), name
        merge(clip.model, names=[name])
        assert torch.allclose(clip.embed(x), fast, atol=1e-5), name
        assert not torch.equal(fast, plain), name
    assert list(clip.model.state_dict()) == keys and not clip.model.training


def test_rank_is_cut_to_the_matrix() -> None:
    update = LowRank(torch.zeros(4, 1, 3, 3), 64, 1.0, torch.Generator())
    assert update.down.shape == (4, 9) and update.up.shape == (4, 4)


def test_merge_takes_given_values_and_is_idempotent() -> None:
    model = nn.Sequential(nn.Linear(3, 2))
    attach(model, ["0.weight"], 1, generator=torch.Generator())
    merge(model, {"0.weight": torch.full((2, 3), 7.0)}, names=["0.weight"])
    merge(model, names=["0.weight"])
    assert bool((model[0].weight == 7).all())
