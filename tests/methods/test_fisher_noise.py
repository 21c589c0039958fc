"""The size of the noise by hand, and on the model's weights."""

from __future__ import annotations

from collections.abc import Generator

import pytest
import torch
from tasks import task_for
from torch import Tensor

from clipforget.methods.fisher_noise import FisherNoiseSettings, fisher_noise, noise_deviation
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.unlearning.task import ImageSet, Step, Task


def test_the_deviation_by_hand() -> None:
    information = torch.tensor([0.0, 5.0, 20.0, 1.25])
    forget = noise_deviation(information, FisherNoiseSettings(scale=0.2))
    torch.testing.assert_close(forget, torch.tensor([0.0, 1.0, 2.0, 0.5]))  # the variance is 0.2 F
    retain = noise_deviation(information, FisherNoiseSettings(form="retain", scale=0.2, limit=0.3))
    torch.testing.assert_close(retain, torch.tensor([0.3, 0.2, 0.1, 0.3]))  # sqrt(0.2 / F), of 1.25 clamped from 0.4


@pytest.mark.parametrize(("form", "brightness"), [("forget", 2.0), ("retain", -2.0)])
def test_whose_information_it_is(
    form: str, brightness: float, tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def measured(task: Task, images: ImageSet, *_: str) -> Generator[Step, None, dict[str, Tensor]]:
        seen.append(images.pixels.mean().item())
        yield from ()
        return {"visual.attnpool.c_proj.bias": torch.full((16,), 5.0)}

    monkeypatch.setattr("clipforget.unlearning.diagonals.diagonal", measured)
    task = task_for(tiny_clip)
    list(fisher_noise(task, FisherNoiseSettings(form=form, limit=10.0)))
    assert seen == [pytest.approx(brightness, abs=0.1)]
    assert list(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == ["visual.attnpool.c_proj.bias"]


def test_noise_grows_with_the_scale_and_spares_weights_without_information(tiny_clip: Clip) -> None:
    moved = {}
    for scale in (1.0, 4.0):
        task = task_for(tiny_clip)
        list(fisher_noise(task, FisherNoiseSettings(scale=scale, samples=4)))
        moved[scale] = {
            name: value - tiny_clip.model.get_parameter(name) for name, value in task.clip.model.named_parameters()
        }
    for name, change in moved[4.0].items():
        torch.testing.assert_close(change, 2 * moved[1.0][name], rtol=1e-3, atol=1e-5)
    assert moved[4.0]["visual.attnpool.c_proj.weight"].abs().max() > 0
    assert moved[4.0]["token_embedding.weight"].abs().max() == 0
    bias = moved[4.0]["visual.attnpool.k_proj.bias"]  # the softmax cancels it
    assert bias.abs().max() < 1e-5
