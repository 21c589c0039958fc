"""Weights between two models, embeddings at any of them, the walk along the path."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RESNET, build_clip
from torch import Tensor

from clipforget.errors import BadQuery, StaleIndex
from clipforget.generators import finish, relay
from clipforget.models.clip import Clip
from clipforget.models.weights import changed, fingerprint
from clipforget.soup import walk as module
from clipforget.soup.arithmetic import merge, soup
from clipforget.soup.model import SoupModel
from clipforget.soup.path import ALPHAS, EXACT, Bound, SoupPath, quantize_features, soup_fingerprint, unit
from clipforget.soup.storage import load_path, save_path
from clipforget.soup.walk import PathStep, walk_path

VIT = {"layers": 2, "width": 16, "patch_size": 8, "image_size": 32, "head_width": 8}
LATE = ("visual.layer4.", "visual.attnpool.")
PROMPTS = [f"a photo of a {name}" for name in ("cat", "dog", "ship", "tree")]


def move(clip: Clip, prefixes: tuple[str, ...] = LATE, by: float = 0.3, seed: int = 1) -> dict[str, Tensor]:
    """A made-up forgetting: the weights under the prefixes, moved by a share of their size."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: value + by * value.std() * torch.randn(value.shape, generator=generator)
        for name, value in clip.model.state_dict().items()
        if name.startswith(prefixes) and value.dim() > 1
    }


def images(count: int = 70) -> Tensor:
    """Noise on plain colours, which tell the images apart."""
    generator = torch.Generator().manual_seed(2)
    colours = 3 * torch.randn(count, 3, 1, 1, generator=generator)
    return colours + torch.randn(count, 3, 32, 32, generator=generator)


def plain(clip: Clip) -> Clip:
    """The same CLIP with an image tower that spreads images out, as untrained convolutions do not; one stage."""
    torch.manual_seed(3)
    layers = torch.nn.Flatten(), torch.nn.Linear(48, 32), torch.nn.Tanh(), torch.nn.Linear(32, 16)
    clip.model.visual = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), *layers).eval()
    clip.model.visual.image_size = 32
    return clip


def walked(clip: Clip, delta, pixels, texts=None, queries=None, **more) -> tuple[SoupPath, list[PathStep]]:
    texts = clip.class_embeddings(["cat", "dog", "ship", "tree"], "a photo of a {}") if texts is None else texts
    steps, walk = [], walk_path(clip, delta, pixels, torch.arange(len(pixels)) % 4, texts, queries or texts, **more)
    return finish(relay(walk, steps.append)), steps


def test_the_ends_of_a_soup_are_exact_and_the_middle_is_the_mean(tiny_clip) -> None:
    state, delta = tiny_clip.model.state_dict(), move(tiny_clip)
    assert delta
    for name in delta:
        assert torch.equal(soup(state, delta, 1.0)[name], state[name])
        assert torch.equal(soup(state, delta, 0.0)[name], delta[name])
        torch.testing.assert_close(soup(state, delta, 0.25)[name], 0.25 * state[name] + 0.75 * delta[name])
    assert set(soup(state, delta, 0.5)) == set(delta)


def test_a_soup_of_halves_and_of_counters() -> None:
    state = {"w": torch.tensor([1.0, 3.0], dtype=torch.float16), "n": torch.tensor(4)}
    delta = {"w": torch.tensor([2.0, 5.0], dtype=torch.float16), "n": torch.tensor(9)}
    mixed = soup(state, delta, 0.5)
    assert mixed["w"].dtype == torch.float16 and mixed["w"].tolist() == [1.5, 4.0]
    assert mixed["n"].item() == 4 and soup(state, delta, 0.4)["n"].item() == 9


def test_a_soup_is_a_copy(tiny_clip) -> None:
    state, delta = tiny_clip.model.state_dict(), move(tiny_clip)
    before = fingerprint(state)
    for alpha in (0.0, 0.5, 1.0):
        for value in soup(state, delta, alpha).values():
            value.zero_()
    assert fingerprint(state) == before and all(value.any() for value in delta.values())


@pytest.mark.parametrize("alpha", [-0.1, 1.5, float("nan")])
def test_alpha_outside_the_path(tiny_clip, alpha: float) -> None:
    with pytest.raises(BadQuery):
        soup(tiny_clip.model.state_dict(), move(tiny_clip), alpha)


def test_a_delta_of_another_model_is_refused(tiny_clip) -> None:
    state = tiny_clip.model.state_dict()
    for wrong in ({"visual.nothing": torch.zeros(2)}, {"visual.conv1.weight": torch.zeros(2)}):
        for call in (
            lambda d: soup(state, d, 0.5),
            lambda d: merge(state, [(1.0, d)]),
            lambda d: SoupModel(tiny_clip, d),
        ):
            with pytest.raises(StaleIndex, match="made for another model"):
                call(wrong)


def test_merge_adds_up_changes(tiny_clip) -> None:
    state = tiny_clip.model.state_dict()
    first, second = move(tiny_clip), move(tiny_clip, ("visual.layer3.", "visual.layer4."), seed=5)
    merged = merge(state, [(0.5, first), (2.0, second)])
    assert set(merged) == set(first) | set(second)
    for name, value in merged.items():
        expected = state[name].clone()
        expected += 0.5 * (first[name] - state[name]) if name in first else 0
        expected += 2.0 * (second[name] - state[name]) if name in second else 0
        torch.testing.assert_close(value, expected)
    torch.testing.assert_close(merge(state, [(1.0, first)]), first)
    assert merge(state, []) == {}


@pytest.mark.parametrize("vision", [RESNET, VIT], ids=["resnet", "vit"])
def test_embedding_at_both_ends_is_what_the_two_models_give(vision) -> None:
    clip, pixels = build_clip(vision), images(9)
    last = "visual.attnpool." if vision is RESNET else "visual.transformer.resblocks.1."
    unlearned = clip.clone()
    unlearned.model.load_state_dict(move(clip, (last,)), strict=False)
    delta = changed(clip.model.state_dict(), unlearned.model.state_dict())
    before = clip.fingerprint()
    np.testing.assert_allclose(SoupModel(clip, delta).embed(1.0, pixels), clip.embed(pixels).numpy(), atol=5e-4)
    np.testing.assert_allclose(SoupModel(clip, delta).embed(0.0, pixels), unlearned.embed(pixels).numpy(), atol=5e-4)
    assert not np.allclose(SoupModel(clip, delta).embed(0.5, pixels), clip.embed(pixels).numpy(), atol=5e-3)
    assert clip.fingerprint() == before
    soup_model = SoupModel(clip, delta)
    assert (soup_model.original, soup_model.unlearned) == (before, unlearned.fingerprint())
    assert (
        soup_model.set_alpha(0.0).fingerprint() == unlearned.fingerprint()
        and soup_model.set_alpha(1.0).fingerprint() == before
    )


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("cache", "disk"),
    [(0, False), (300_000, False), (10**9, False), (0, True)],
    ids=["nothing kept", "an early stage kept", "all kept", "all kept on the disk"],
)
def test_nodes_are_exact_bit_for_bit(tiny_clip, precision: str, cache: int, disk: bool, tmp_path: Path) -> None:
    delta, pixels = move(tiny_clip), images()
    folder = tmp_path if disk else None
    path, _ = walked(tiny_clip, delta, pixels, precision=precision, cache=cache, folder=folder, max_nodes=5)
    assert not list(tmp_path.iterdir())
    assert path.precision == precision and len(path) == len(pixels)
    for node in path.nodes:
        assert np.array_equal(node.features, SoupModel(tiny_clip, delta, precision).embed(node.alpha, pixels))
        assert node.fingerprint == soup_fingerprint(path.original, path.unlearned, node.alpha)
        np.testing.assert_allclose(np.linalg.norm(node.features, axis=1), 1, atol=1e-6)
    assert path.nodes[-1].fingerprint == tiny_clip.fingerprint()


def test_the_early_stages_run_once(tiny_clip, monkeypatch) -> None:
    calls, run = [], SoupModel.run

    def counted(self, x, start, stop):
        calls.append((start, stop, len(x)))
        return run(self, x, start, stop)

    monkeypatch.setattr(SoupModel, "run", counted)
    path, _ = walked(tiny_clip, move(tiny_clip), images(), max_nodes=5)
    early = [call for call in calls if call[:2] == (0, 4)]
    assert early == [(0, 4, 64), (0, 4, 6)]
    assert sum(call[:2] == (4, 7) for call in calls) == 2 * len(path.nodes)


def test_a_soup_holds_only_what_changes_twice(tiny_clip) -> None:
    delta = move(tiny_clip, ("visual.attnpool.c_proj",))
    soup_model, original = SoupModel(tiny_clip, delta), dict(tiny_clip.model.named_parameters())
    soup_model.set_alpha(0.5)
    soup_model.embed(0.0, images(3))
    own = {name for name, value in soup_model.clip.model.named_parameters() if not torch._C._is_cow_tensor(value)}
    filters = {name for name, value in original.items() if value.ndim == 4}  # in another order in memory
    assert own - filters == set(delta)
    assert all(torch._C._is_cow_tensor(value) for value in original.values())


def test_the_walk_ends_within_tolerance_and_between_nodes_it_is_near(tiny_clip) -> None:
    delta, pixels = move(plain(tiny_clip), ("visual.",), by=0.5), images(150)
    tolerance = Bound(agreement=0.97, accuracy=3.0)
    path, steps = walked(tiny_clip, delta, pixels, tolerance=tolerance)
    assert 3 <= len(path.nodes) < 17
    assert all(b.agreement >= 0.97 and b.accuracy <= 3.0 for b in path.segments)
    soup_model = SoupModel(tiny_clip, delta)
    for alpha in (0.07, 0.33, 0.81):
        exact = soup_model.embed(alpha, pixels)
        assert float((path.features(alpha) * exact).sum(axis=1).min()) > 0.999
    assert {node.alpha for node in path.nodes} <= set(ALPHAS)
    assert steps[-1].step == steps[-1].total == 3 * len(path.nodes) and steps[-1].nodes == len(path.nodes)


def test_progress_moves_forward(tiny_clip) -> None:
    _, steps = walked(tiny_clip, move(tiny_clip), images(), max_nodes=6, tolerance=Bound(1.0, 1e-3))
    assert [step.step for step in steps] == [*range(1, 13), 12]
    assert all(a.seconds <= b.seconds for a, b in pairwise(steps))
    assert all(0 < step.step <= step.total <= 12 for step in steps)
    assert steps[0].error is None and steps[-1].error is not None


def test_a_tolerance_out_of_reach_ends_at_17_nodes(tiny_clip) -> None:
    path, _ = walked(tiny_clip, move(tiny_clip, by=3.0), images(40), tolerance=Bound(1.0, 0.0))
    assert len(path.nodes) == 17
    assert len({bound.agreement for bound in path.segments}) > 1


def test_nothing_changed_needs_the_two_ends_alone(tiny_clip) -> None:
    path, _ = walked(tiny_clip, {}, images(10))
    assert path.alphas == (0.0, 1.0) and path.segments == (EXACT,) and path.original == path.unlearned
    assert np.array_equal(path.features(0.3), path.features(1.0)) or np.allclose(path.features(0.3), path.features(1.0))


def test_closing_the_walk_leaves_nothing_behind(tiny_clip) -> None:
    texts = tiny_clip.class_embeddings(["a", "b"], "{}")
    before, grad = tiny_clip.fingerprint(), torch.is_grad_enabled()
    walk = walk_path(tiny_clip, move(tiny_clip), images(), torch.zeros(70, dtype=torch.long), texts, texts)
    for _ in range(4):
        next(walk)
    assert torch.is_grad_enabled() == grad and not torch.is_inference_mode_enabled()
    assert not torch.is_autocast_enabled("cpu")
    walk.close()
    assert tiny_clip.fingerprint() == before
    assert not tiny_clip.model.training


def test_text_that_moves_is_embedded_at_every_node(tiny_clip) -> None:
    delta, pixels = move(tiny_clip, ("transformer.", "text_projection"), by=0.5), images(20)
    path, _ = walked(tiny_clip, delta, pixels, PROMPTS, PROMPTS)
    soup_model = SoupModel(tiny_clip, delta)
    assert soup_model.text_changed
    stack = soup_model.texts(path.alphas, PROMPTS)
    assert stack.shape == (len(path.nodes), 4, 16)
    for i, node in enumerate(path.nodes):
        assert np.array_equal(node.features, path.nodes[0].features)  # the image tower has not moved
        assert np.array_equal(node.class_embeddings, stack[i])
        with torch.no_grad():
            own = soup_model.set_alpha(node.alpha).encode_text(PROMPTS).numpy()
        np.testing.assert_allclose(node.class_embeddings, own, atol=5e-4)
    assert not np.allclose(path.class_embeddings(0.0), path.class_embeddings(1.0), atol=1e-2)
    with pytest.raises(ValueError, match="give the prompts"):
        walked(tiny_clip, delta, pixels)


def test_prompts_and_their_features_are_the_same_where_text_stays(tiny_clip) -> None:
    delta, pixels = move(tiny_clip), images(20)
    given, _ = walked(tiny_clip, delta, pixels, unit(SoupModel(tiny_clip, delta).text(1.0, PROMPTS)), max_nodes=3)
    embedded, _ = walked(tiny_clip, delta, pixels, PROMPTS, PROMPTS, max_nodes=3)
    np.testing.assert_allclose(given.nodes[0].class_embeddings, embedded.nodes[0].class_embeddings, atol=1e-6)
    assert embedded.nodes[0].class_embeddings is embedded.nodes[1].class_embeddings
    assert SoupModel(tiny_clip, delta).texts((0.0, 0.5, 1.0), PROMPTS).shape == (1, 4, 16)


def test_a_walked_path_survives_its_file(tiny_clip, tmp_path: Path) -> None:
    path, _ = walked(tiny_clip, move(tiny_clip), images(30), max_nodes=4)
    save_path(path, tmp_path / "path.npz")
    loaded = load_path(tmp_path / "path.npz", original=tiny_clip.fingerprint())
    for alpha in (0.0, 0.31, 1.0):
        assert np.array_equal(loaded.features(alpha), path.features(alpha))


@pytest.mark.parametrize("wrong", ["labels", "gallery", "sets"])
def test_shapes_that_do_not_fit(tiny_clip, wrong: str) -> None:
    texts = tiny_clip.class_embeddings(["a", "b"], "{}")
    more = {"gallery": {"gallery": np.ones(3, bool)}, "sets": {"sets": {"part": np.ones(3, bool)}}}.get(wrong, {})
    labels = torch.zeros(3 if wrong == "labels" else 10, dtype=torch.long)
    with pytest.raises(ValueError, match="one entry for each of the 10 images"):
        next(walk_path(tiny_clip, {}, images(10), labels, texts, texts, **more))


def test_bfloat16_is_chosen_only_where_it_saves_seconds(tiny_clip, monkeypatch) -> None:
    from clipforget.models import precision

    times = {"float32": 0.1, "bfloat16": 0.05}
    monkeypatch.setattr(precision, "seconds_per_image", lambda clip, pixels, name: times[name])
    assert precision.choose_precision(tiny_clip, images(2), 50) == "float32"
    assert precision.choose_precision(tiny_clip, images(2), 3000) == "bfloat16"
    times["bfloat16"] = 0.09
    assert precision.choose_precision(tiny_clip, images(2), 3000) == "float32"
    monkeypatch.undo()
    assert precision.seconds_per_image(tiny_clip, images(2), "bfloat16") > 0
    with pytest.raises(ValueError, match="float64"):
        precision.autocast(tiny_clip.device, "float64")
    monkeypatch.setattr(module, "choose_precision", lambda *_: "bfloat16")
    assert walked(tiny_clip, move(tiny_clip), images(5), max_nodes=3)[0].precision == "bfloat16"
    assert walked(tiny_clip, move(tiny_clip, ("visual.conv1.",)), images(5), max_nodes=3)[0].precision == "float32"


def test_kept_rows_survive_half_precision() -> None:
    rows = quantize_features(np.random.default_rng(0).normal(size=(500, 64)))
    assert np.array_equal(unit(rows.astype(np.float16)), rows)
