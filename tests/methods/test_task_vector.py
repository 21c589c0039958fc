"""The arithmetic by hand, and the coefficient that steer allows."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from batches import FEATURES, LABELS, SCALE, batch_of, cross_entropy
from tasks import task_for

from clipforget.methods.task_vector import TaskVectorSettings, _tuning, negate, task_vector
from clipforget.models.clip import Clip
from clipforget.unlearning.task import IMAGE, Task
from clipforget.unlearning.trainer import Trainer, steer_accuracy, tower_parameters


def test_the_arithmetic_by_hand() -> None:
    found = negate(torch.tensor([1.0, 2.0]), torch.tensor([0.5, -1.0]), 0.4)
    torch.testing.assert_close(found, torch.tensor([0.8, 2.4]))


def weights(task: Task) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in tower_parameters(task.clip.model, IMAGE).items()}


@pytest.mark.parametrize("tuning", ["similarity", "likelihood"])
def test_the_result_is_the_start_less_the_coefficient_times_the_tuning(tuning: str, tiny_clip: Clip) -> None:
    settings = TaskVectorSettings(
        steps=3,
        batch_size=4,
        learning_rate=1e-4,
        max_coefficient=1.0,
        coefficients=4,
        min_control_accuracy=0.0,
        tuning=tuning,
    )
    tuned = task_for(tiny_clip)
    losses = [step.losses["tuning"] for step in Trainer(tuned, settings, IMAGE, tier=1).train(_tuning)]
    assert losses[-1] < losses[0]
    task = task_for(tiny_clip)
    start = weights(task)
    steps = list(task_vector(task, settings))
    assert steps[-1].data == {"coefficient": 1.0}  # with kept 0 the first one will do
    there = weights(tuned)
    for name, value in weights(task).items():
        torch.testing.assert_close(value, 2 * start[name] - there[name], rtol=1e-4, atol=1e-6)
    text = task.class_embeddings[0]
    before, after = (float((clip.embed(task.forget.pixels) @ text).mean()) for clip in (tiny_clip, tuned.clip))
    if tuning == "similarity":
        assert after > before > float((task.clip.embed(task.forget.pixels) @ text).mean())


def test_the_largest_coefficient_that_keeps_the_control(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    for name, images in task.steer.items():  # call every image what the model calls it, so that all are right
        found = (tiny_clip.embed(images.pixels) @ task.class_embeddings.T).argmax(dim=1)
        task.steer[name] = dataclasses.replace(images, labels=found)
    label = int(task.steer["retain"].labels[0])
    task = dataclasses.replace(
        task, forget=dataclasses.replace(task.forget, labels=torch.full_like(task.forget.labels, label))
    )
    before = steer_accuracy(task)
    assert before["retain"] == before["others"] == 1
    settings = TaskVectorSettings(
        steps=20, batch_size=4, learning_rate=0.1, max_coefficient=20.0, coefficients=4, min_control_accuracy=0.95
    )
    steps = [step for step in task_vector(task, settings) if step.stage == "negate"]
    tried = [step.data["coefficient"] for step in steps]
    assert tried == [20.0, 15.0, 10.0, 5.0, 0.0][: len(tried)]
    fits = [step.steer["others"] >= 0.95 * before["others"] for step in steps]
    assert fits == [False] * (len(fits) - 1) + [True]
    assert len(tried) > 1, "the tuning did no harm, so nothing was weighed"


@pytest.mark.parametrize(("kept", "tried"), [(0.78, [2.0, 1.0]), (0.74, [2.0, 1.0, 0.0])])
def test_a_share_of_the_control_is_enough(
    kept: float, tried: list[float], tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 0.8 at first 0.76 has to be left."""
    found = iter([0.8, 0.7, kept, 0.8])
    monkeypatch.setattr(Trainer, "steer_accuracy", lambda self: {"forget": 0.5, "others": next(found)})
    settings = TaskVectorSettings(
        steps=1, batch_size=4, check_every=1000, max_coefficient=2.0, coefficients=2, min_control_accuracy=0.95
    )
    monkeypatch.setattr(Trainer, "train", lambda self, loss: iter(()))
    steps = list(task_vector(task_for(tiny_clip), settings))
    assert [step.data["coefficient"] for step in steps] == tried


def test_both_tunings_by_hand() -> None:
    likelihood = _tuning(batch_of(), TaskVectorSettings(tuning="likelihood"))
    assert likelihood["tuning"].item() == pytest.approx(cross_entropy(FEATURES["forget"], LABELS["forget"]))
    similarity = _tuning(batch_of(), TaskVectorSettings())
    assert similarity["tuning"].item() == pytest.approx(-SCALE * (0.8 + 0.6) / 2)
