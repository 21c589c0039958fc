"""The tower before its last map: which number format it takes, and whose map it puts its features through."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from clipforget.models import trunk
from clipforget.models.clip import Clip
from clipforget.models.projection import add_to_projection, projection_weight

PIXELS = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> dict[torch.dtype, float]:
    """Seconds that a pass takes in each format, on a processor that has bfloat16."""
    seconds = {torch.float32: 0.4, torch.bfloat16: 0.1}
    monkeypatch.setattr(trunk, "_formats", {})
    monkeypatch.setattr(trunk, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(trunk, "seconds_per_pass", lambda clip, dtype: seconds[dtype])
    return seconds


def test_a_tower_that_is_decisively_faster_in_bfloat16_takes_it(
    tiny_clip: Clip, measured: dict[torch.dtype, float]
) -> None:
    assert trunk.fastest_format(tiny_clip) == torch.bfloat16
    measured[torch.bfloat16] = 0.5
    assert trunk.fastest_format(tiny_clip) == torch.bfloat16, "remembered"


@pytest.mark.parametrize(("slow", "fast"), [(0.4, 0.35), (0.04, 0.01)])
def test_others_stay_exact(tiny_clip: Clip, measured: dict[torch.dtype, float], slow: float, fast: float) -> None:
    measured.update({torch.float32: slow, torch.bfloat16: fast})
    assert trunk.fastest_format(tiny_clip) == torch.float32


def test_a_processor_without_bfloat16_and_a_gpu_are_not_even_timed(
    tiny_clip: Clip, measured: dict[torch.dtype, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert trunk.fastest_format(replace(tiny_clip, device=torch.device("cuda"))) == torch.float32
    monkeypatch.setattr(trunk, "has_bfloat16", lambda device: False)
    assert trunk.fastest_format(tiny_clip) == torch.float32


def test_the_time_of_a_pass_is_measured(tiny_clip: Clip) -> None:
    assert (
        trunk.seconds_per_pass(tiny_clip, torch.float32) > 0 and trunk.seconds_per_pass(tiny_clip, torch.bfloat16) > 0
    )


def test_features_go_through_the_map_as_it_is(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of the map that rounding to bfloat16 would swallow is seen: only what lies before it is rounded."""
    monkeypatch.setattr(trunk, "fastest_format", lambda clip: torch.bfloat16)
    changed = tiny_clip.clone()
    tower = trunk.Trunk(changed)
    inputs, residual = tower.read(PIXELS)
    before, weight = tower.raw(inputs, residual), projection_weight(changed.model)
    change = 1e-4 * weight
    add_to_projection(changed.model, change)
    torch.testing.assert_close(tower.raw(inputs, residual) - before, inputs @ change.T, rtol=1e-2, atol=1e-9)
    assert tower.read(PIXELS)[0].equal(inputs), "the tower itself is a copy"
