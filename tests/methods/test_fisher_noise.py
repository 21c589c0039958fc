"""The size of the noise by hand, and on the model's weights."""

from __future__ import annotations

import torch
from tasks import task_for

from clipforget.methods.fisher_noise import FLOOR, FisherNoiseSettings, fisher_noise, noise_deviation
from clipforget.models.clip import Clip


def test_the_deviation_by_hand() -> None:
    forget, rest = torch.tensor([0.0, 4.0, 4.0, 9.0]), torch.tensor([1.0, 1.0, 7.0, 0.0])
    torch.testing.assert_close(noise_deviation(forget, rest, "printed", 3.0), torch.tensor([0.0, 2.0, 2.0, 3.0]))
    floor = FLOOR * 9 / 4
    wanted = [0.0, 2 * (4 / (1 + floor)) ** 0.5, 2 * (4 / (7 + floor)) ** 0.5, 3 * 3.0]
    torch.testing.assert_close(noise_deviation(forget, rest, "fair", 3.0), torch.tensor(wanted))


def test_noise_grows_with_the_scale_and_spares_weights_without_information(tiny_clip: Clip) -> None:
    moved = {}
    for scale in (0.5, 1.0):
        task = task_for(tiny_clip)
        list(fisher_noise(task, FisherNoiseSettings(form="printed", scale=scale, samples=4)))
        moved[scale] = {
            name: value - tiny_clip.model.get_parameter(name) for name, value in task.clip.model.named_parameters()
        }
    for name, change in moved[1.0].items():
        torch.testing.assert_close(change, 2 * moved[0.5][name], rtol=1e-3, atol=1e-5)
    assert moved[1.0]["visual.attnpool.c_proj.weight"].abs().max() > 0
    assert moved[1.0]["token_embedding.weight"].abs().max() == 0
    bias = moved[1.0]["visual.attnpool.k_proj.bias"]  # the softmax cancels it
    assert bias.abs().max() < 1e-5
