"""SCRUB: both kinds of step by hand, whose turn it is, and what they do to the divergence from the original."""

from __future__ import annotations

import math

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, SCALE, batch_of, cross_entropy
from tasks import task_for
from torch import Tensor

from clipforget.methods import METHODS
from clipforget.methods.scrub import ScrubSettings, is_max_step, scrub
from clipforget.models.clip import Clip

OLD = {
    "forget": torch.tensor([[0.6, 0.8, 0.0], [0.8, 0.36, 0.48]]),
    "retain": torch.tensor([[0.6, 0.0, 0.8], [0.8, 0.6, 0.0]]),
}
SETTINGS = ScrubSettings(steps=10, max_share=0.5, divergence_weight=0.25, retain_weight=3.0, temperature=4.0)


def divergence(kind: str, temperature: float) -> float:
    """Mean KL(before || now) of the softmaxes over logits / temperature, one image and one name at a time."""

    def distribution(image: Tensor) -> list[float]:
        cosines = [sum(a * b for a, b in zip(image.tolist(), n.tolist(), strict=True)) for n in CLASS_EMBEDDINGS]
        powers = [math.exp(SCALE * cosine / temperature) for cosine in cosines]
        return [power / sum(powers) for power in powers]

    total = 0.0
    for now, old in zip(FEATURES[kind], OLD[kind], strict=True):
        total += sum(p * math.log(p / q) for p, q in zip(distribution(old), distribution(now), strict=True))
    return total / len(OLD[kind])


def test_a_max_step_raises_the_divergence_on_forget_images() -> None:
    found = scrub(batch_of(OLD), SETTINGS)
    assert {name: value.item() for name, value in found.items()} == {
        "forget": pytest.approx(-16 * divergence("forget", 4.0), rel=1e-4)
    }


def test_a_min_step_lowers_divergence_and_cross_entropy_on_retain_images() -> None:
    assert {name: value.item() for name, value in scrub(batch_of(OLD, step=2), SETTINGS).items()} == {
        "divergence": pytest.approx(0.25 * 16 * divergence("retain", 4.0), rel=1e-4),
        "retain": pytest.approx(3 * cross_entropy(FEATURES["retain"], LABELS["retain"])),
    }


def test_turns_then_min_steps_alone() -> None:
    def turns(**settings: float) -> str:
        made = ScrubSettings(**{"steps": 10, **settings})  # type: ignore[arg-type]
        return "".join("+" if is_max_step(step, made) else "-" for step in range(1, int(made.steps) + 1))

    assert turns(max_share=0.5) == "+-+-+-----"
    assert turns(max_share=0.3) == "+-+-------"
    assert turns(max_share=1.0) == "+-+-+-+-+-"
    assert turns(max_share=1.0, steps=5) == "+-+--"  # a run never ends with a max step
    assert turns(max_share=0.0) == "----------"


def test_the_model_leaves_the_original_on_forget_images_only(tiny_clip: Clip) -> None:
    def moved(max_share: float) -> dict[str, float]:
        task = task_for(tiny_clip)
        settings = ScrubSettings(
            steps=60, learning_rate=1e-3, batch_size=8, max_share=max_share, divergence_weight=5.0, retain_weight=0.1
        )
        steps = list(METHODS.load()["scrub"].run(task, settings))
        assert ["forget" in step.losses for step in steps] == [is_max_step(n, settings) for n in range(1, 61)]
        divergences = {}
        for kind in ("forget", "retain"):
            pixels, scale = getattr(task, kind).pixels, task.clip.logit_scale
            old, new = (scale * clip.embed(pixels) @ task.class_embeddings.T for clip in (tiny_clip, task.clip))
            divergences[kind] = (old.softmax(-1) * (old.log_softmax(-1) - new.log_softmax(-1))).sum(-1).mean().item()
        return divergences

    both, min_steps_alone = moved(0.5), moved(0.0)
    assert both["forget"] > 10 * both["retain"] and both["forget"] > 10 * min_steps_alone["forget"]
