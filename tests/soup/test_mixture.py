"""Several changes at once: the ends of every line are exact, and the approximation is right where it has to be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor

from clipforget.generators import finish
from clipforget.models.clip import Clip
from clipforget.soup.bisection import UNKNOWN
from clipforget.soup.error import ErrorMeter
from clipforget.soup.mixture import MixtureModel, approximate_line, exact_line, nodes_within, point_fingerprint
from clipforget.soup.path import Node
from clipforget.soup.walk import walk_path

PROMPTS = ("a photo of a disc.", "a photo of a square.", "a photo of a stripe.")


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def changes_of(clip: Clip) -> list[Mapping[str, Tensor]]:
    """Two changes, of different stages, one of them shared."""
    generator = torch.Generator().manual_seed(2)
    state, changes = clip.model.state_dict(), []
    for names in (
        ("visual.attnpool.c_proj.weight",),
        ("visual.attnpool.c_proj.weight", "visual.layer4.0.conv1.weight"),
    ):
        noise = {name: torch.randn(state[name].shape, generator=generator) for name in names}
        changes.append({name: state[name] + 0.3 * state[name].std() * value for name, value in noise.items()})
    return changes


def test_a_point_is_its_weights_and_the_original_is_left_alone(tiny_clip: Clip, pixels: Tensor) -> None:
    before = tiny_clip.fingerprint()
    changes = changes_of(tiny_clip)
    model = MixtureModel(tiny_clip, changes)
    with pytest.raises(ValueError, match="hold images"):
        model.embed((1.0, 1.0))
    model.hold(pixels)
    start = tiny_clip.model.state_dict()
    for point in ((1.0, 1.0), (0.0, 1.0), (0.25, 0.5)):
        clip = tiny_clip.clone()
        state = clip.model.state_dict()
        for alpha, change in zip(point, changes, strict=True):
            for name, value in change.items():
                state[name] += (1 - alpha) * (value - start[name])
        assert np.allclose(model.embed(point), clip.encode_image(pixels).detach().numpy(), atol=1e-3), point
    assert not model.text_changed and model.original == before == tiny_clip.fingerprint() and model.seconds > 0


def test_lines_go_through_the_point_and_end_where_they_must(tiny_clip: Clip, pixels: Tensor) -> None:
    changes, labels = changes_of(tiny_clip), np.arange(24) % 3
    texts = tiny_clip.encode_text(PROMPTS).detach().numpy()
    paths = [finish(walk_path(tiny_clip, change, pixels, labels, PROMPTS, PROMPTS, max_nodes=9)) for change in changes]
    model = MixtureModel(tiny_clip, changes)
    model.hold(pixels)

    def node(point: tuple[float, ...]) -> Node:
        return Node(0.0, point_fingerprint(model.original, ["a", "b"], point), model.embed(point), texts)

    meter = ErrorMeter(labels, np.ones(24, dtype=bool), {})
    line = exact_line((0.3, 0.62), 0, node, meter, max_nodes=3)
    assert line.alphas == (0.0, 0.3, 0.5, 1.0) and len({n.fingerprint for n in line.nodes}) == 4
    for alpha in line.alphas:
        assert np.array_equal(line.features(alpha), model.embed((alpha, 0.62)))
    assert all(bound is not UNKNOWN and bound.accuracy < 100 for bound in line.segments)

    alone = approximate_line(paths, (0.3, 1.0), 0)  # the other run is left out: its own path
    for alpha in alone.alphas:
        assert np.allclose(alone.features(alpha), paths[0].features(alpha), atol=2e-3)
    both = approximate_line(paths, (0.3, 0.62), 1)
    assert both.alphas == (0.0, 0.25, 0.5, 0.62, 0.75, 1.0) and set(both.segments) == {UNKNOWN}
    exact = model.embed((0.3, 0.62))
    off, without = (np.linalg.norm(features - exact) for features in (both.features(0.62), both.features(1.0)))
    assert off < without / 2  # much nearer than leaving the second run out
    assert [nodes_within(seconds) for seconds in (0.01, 0.5, 30.0)] == [9, 4, 3]
