"""Every family of towers: what its features are made of, and what each method makes of a model of it."""

from __future__ import annotations

import pytest
import torch
from families import FAMILIES, load_family
from tasks import QUICK, task_for

from clipforget.errors import BadModel
from clipforget.methods import METHODS
from clipforget.models import trunk
from clipforget.models.clip import Clip
from clipforget.models.projection import add_to_projection, before_projection, projection_weight
from clipforget.models.stages import stages
from clipforget.models.weights import changed
from clipforget.settings import options, parse
from clipforget.unlearning.task import NOTHING

NAMES = list(METHODS.load())
FOLDING = ("leace", "nullspace", "selective_nullspace")  # they multiply the features by a matrix
CANNOT = {
    **{("siglip", name): "so no matrix can be folded in; choose another method" for name in FOLDING},
    ("siglip", "text_projection_lora"): "has no plain text projection; choose another method",
    ("no projection", "text_projection_lora"): "has no plain text projection; choose another method",
}
KINDS = ("anchored", "targeted", "nullspace", "finetune", "ssd")  # one method of each kind
QUICKLY = {(name, method) for name in ("convnext", "mobilenet", "siglip", "coca") for method in KINDS}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Every family's model, loaded once."""
    return {name: load_family(name, tmp_path_factory.mktemp("family")) for name in FAMILIES}


@pytest.mark.parametrize("method", NAMES)
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.slow
def test_each_method_changes_each_family_or_says_why_not(clips: dict[str, Clip], name: str, method: str) -> None:
    check(clips[name], name, method)


@pytest.mark.parametrize(("name", "method"), sorted(QUICKLY))
def test_a_method_of_each_kind_changes_each_family(clips: dict[str, Clip], name: str, method: str) -> None:
    check(clips[name], name, method)


def check(original: Clip, name: str, method: str) -> None:
    task, kind = task_for(original), METHODS[method]
    known = {option.name for option in options(kind.settings)}
    settings = parse(kind.settings, {key: value for key, value in QUICK.items() if key in known})
    before = {key: value.clone() for key, value in original.model.state_dict().items()}
    if (name, method) in CANNOT:
        with pytest.raises(BadModel, match=CANNOT[name, method]):
            list(kind.run(task, settings))
        return
    list(kind.run(task, settings))
    after = task.clip.model.state_dict()
    moved = set(changed(before, after))
    undone = method == "clip_lip"  # takes back a step that does not help, as may happen with noise
    assert bool(moved) == (kind.changes != NOTHING) or undone
    assert all(value.isfinite().all() for value in after.values() if value.is_floating_point())
    assert not {key for key in moved if key.startswith("logit_") or "running_" in key or "num_batches" in key}
    assert all(torch.equal(value, before[key]) for key, value in original.model.state_dict().items())


PIXELS = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", FAMILIES)
def test_features_are_as_long_as_the_towers_make_them(clips: dict[str, Clip], name: str) -> None:
    """No method sees normalised ones, which a CoCa of open_clip's gives unless told otherwise."""
    model = clips[name].model
    with torch.no_grad():
        image, text = model.encode_image(PIXELS), model.encode_text(clips[name].tokenizer(["a photo of a dog"]))
    assert not torch.isclose(image.norm(dim=1), torch.ones(3)).any()
    assert name == "no projection" or not torch.isclose(text.norm(dim=1), torch.ones(1)).any()


@pytest.mark.parametrize("name", FAMILIES)
def test_each_tower_runs_in_stages(clips: dict[str, Clip], name: str) -> None:
    assert len(stages(clips[name].model)) > 3


@pytest.mark.parametrize("name", FAMILIES)
def test_each_tower_runs_in_the_faster_format(
    clips: dict[str, Clip], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = clips[name].embed(PIXELS)
    for dtype, bound in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        monkeypatch.setattr(trunk, "fastest_format", lambda clip, dtype=dtype: dtype)
        assert (trunk.Trunk(clips[name]).encode_image(PIXELS) - expected).norm(dim=1).max() < bound
    assert {value.dtype for value in clips[name].model.visual.parameters()} == {torch.float32}, "a copy was cast"


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_map_reads_what_it_says(clips: dict[str, Clip], name: str) -> None:
    """Features are the map of what it reads, and what is added to the map comes out of the tower."""
    original, changed_clip = clips[name], clips[name].clone()
    weight = projection_weight(original.model)
    change = 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        read = before_projection(original.model).encode_image(PIXELS).double()
        read, residual = read[:, : weight.shape[1] - 1], read[:, weight.shape[1] - 1 :]
        biased = torch.cat([read, torch.ones(3, 1)], dim=1)
        rest = residual if name == "siglip" else 0
        add_to_projection(changed_clip.model, change)
        change[:, -1] *= bool(weight[:, -1].any())  # a map without a bias gets none
        for clip, matrix in ((original, weight), (changed_clip, weight + change)):
            torch.testing.assert_close(
                clip.model.encode_image(PIXELS).double(), biased @ matrix.T + rest, rtol=1e-4, atol=1e-5
            )
    assert (residual.shape[1] == len(weight)) == (name == "siglip")
