"""The dampening rule on toy vectors, and that the model's weights follow it."""

from __future__ import annotations

import torch
from tasks import task_for

from clipforget.generators import finish
from clipforget.methods.ssd import SsdSettings, dampening, ssd
from clipforget.models.clip import Clip
from clipforget.unlearning.diagonals import diagonals, forget_and_rest
from clipforget.unlearning.task import IMAGE
from clipforget.unlearning.trainer import tower_parameters


def test_the_rule_by_hand() -> None:
    forget = torch.tensor([1.0, 10.0, 10.1, 40.0, 0.0, 5.0])
    rest = torch.tensor([1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
    found = dampening(forget, rest, selection=10.0, constant=1.0)
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0, 1 / 10.1, 1 / 40, 1.0, 0.0]))
    torch.testing.assert_close(dampening(forget, rest, 10.0, 20.0), torch.tensor([1.0, 1.0, 1.0, 0.5, 1.0, 0.0]))


def test_weights_are_multiplied_as_the_diagonals_say(tiny_clip: Clip) -> None:
    settings = SsdSettings(selection=1.5, samples=4)
    task = task_for(tiny_clip)
    forget, rest = finish(diagonals(task, 4, "similarity"))
    steps = list(ssd(task, settings))
    before, after = (tower_parameters(clip.model, IMAGE) for clip in (tiny_clip, task.clip))
    count, total = 0, 0
    for name in before:
        rows = torch.stack([before[name].detach(), after[name].detach(), forget[name], rest[name]]).flatten(1)
        for old, new, f, r in rows.T.tolist():
            factor = min(r / f, 1.0) if f > 1.5 * r else 1.0
            assert abs(new - old * factor) <= 1e-5 * abs(old)
            count, total = count + (factor < 1), total + 1
    assert abs(steps[-1].data["dampened"] - count / total) < 1e-4 and 0 < count < total


def test_the_rest_is_half_siblings_half_others(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    forget, rest = forget_and_rest(task, 6)
    assert len(forget) == 6 and rest.labels.tolist() == [0] * 3 + [1] * 3
    assert rest.pixels[:3].mean() < -1 and rest.pixels[3:].mean().abs() < 1  # the brightness of siblings, and of others
