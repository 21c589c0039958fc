"""Text-projection LoRA: one matrix moves, by a low rank, and where to."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from conftest import RESNET, TEXT, tokenize
from open_clip.model import CLIP
from tasks import task_for
from torch import Tensor
from torch.nn import functional as F

from clipforget.errors import BadModel
from clipforget.methods.text_projection_lora import text_projection_lora
from clipforget.methods.text_projection_lora.forgetting import TextProjectionLora, unprojected
from clipforget.methods.text_projection_lora.settings import TextProjectionLoraSettings
from clipforget.models.clip import Clip
from clipforget.models.lora import LowRank
from clipforget.models.weights import changed

PROMPTS = ["a photo of a car.", "a drawing of a dog"]
SETTINGS = TextProjectionLoraSettings(steps=150, rounds=1, learning_rate=1e-2, size_weight=0.0)


def norm(rows: Tensor) -> float:
    """Of all entries together, not squared."""
    return math.sqrt(sum(value**2 for row in rows.tolist() for value in row))


def test_what_lies_below_the_projection_is_read_once(tiny_clip: Clip) -> None:
    before = tiny_clip.fingerprint()
    texts = unprojected(tiny_clip, PROMPTS)
    raw = tiny_clip.model.encode_text(tiny_clip.tokenizer(PROMPTS))
    torch.testing.assert_close(texts @ tiny_clip.model.text_projection, raw)
    assert tiny_clip.fingerprint() == before


def test_a_projection_with_a_bias_is_refused_in_one_sentence() -> None:
    model = CLIP(16, dict(RESNET), {**TEXT, "proj_bias": True}).eval()
    clip = Clip("linear", model, None, tokenize, torch.device("cpu"))
    with pytest.raises(BadModel, match="choose another method"):
        TextProjectionLora(task_for(clip), TextProjectionLoraSettings())


@torch.no_grad()
def test_the_losses_are_those_of_the_formula(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    run = TextProjectionLora(task, TextProjectionLoraSettings(retain_weight=0.4, size_weight=0.5, close_names=2))
    update = LowRank(run.weight, 3, 1.0, torch.Generator().manual_seed(1))
    update.up.normal_(generator=torch.Generator().manual_seed(2))
    found = {name: float(value) for name, value in run.losses(update, 1.2).items()}
    moved = tiny_clip.model.text_projection + update.up @ update.down
    names, targets = (tiny_clip.encode_text(texts) for texts in (task.retain_prompts, task.forget_prompts))
    nearest = sorted(range(3), key=lambda i: -float(names[i] @ targets[0]))[:2]
    close = unprojected(tiny_clip, [task.retain_prompts[i] for i in nearest])
    empty = tiny_clip.encode_text([""])
    assert found == pytest.approx(
        {
            "forget": 1.2 * norm(empty - unprojected(tiny_clip, task.forget_prompts) @ moved),
            "retain": 0.4 * norm(close @ (tiny_clip.model.text_projection - moved)),
            "size": 0.5 * norm(update.up @ update.down),
        },
        rel=1e-4,
    )


def test_only_the_projection_moves_and_by_a_low_rank(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    list(text_projection_lora(task, TextProjectionLoraSettings(steps=5, rounds=1, rank=3)))
    moved = changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())
    assert list(moved) == ["text_projection"]
    assert torch.linalg.matrix_rank(moved["text_projection"] - tiny_clip.model.text_projection, rtol=1e-4) == 3


def test_the_target_moves_to_the_empty_prompt_and_close_names_stay(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    steps = list(text_projection_lora(task, dataclasses.replace(SETTINGS, retain_weight=1.0)))
    assert set(steps[-1].losses) == {"forget", "retain", "size"}
    with torch.no_grad():
        empty = tiny_clip.encode_text([""])[0]
        old, new = (clip.encode_text(task.forget_prompts)[0] for clip in (tiny_clip, task.clip))
        kept, now = (clip.encode_text(task.retain_prompts) for clip in (tiny_clip, task.clip))
    assert float(new @ empty) > 0.99 > float(old @ empty)
    assert float(F.cosine_similarity(kept, now).min()) > 0.97


def test_its_weight_grows_round_by_round_until_the_distance_has_fallen(tiny_clip: Clip) -> None:
    few = TextProjectionLoraSettings(steps=2, rounds=3, learning_rate=1e-4, forget_weight=1.1)
    steps = list(text_projection_lora(task_for(tiny_clip), few))
    assert [step.data["forget_weight"] for step in steps] == pytest.approx([1.1, 1.1, 1.15, 1.15, 1.2, 1.2])
    assert steps[2].losses["forget"] / 1.15 == pytest.approx(steps[0].losses["forget"] / 1.1), "each begins anew"
    assert [(step.step, step.total) for step in steps] == [(number, 6) for number in range(1, 7)]
    enough = list(text_projection_lora(task_for(tiny_clip), dataclasses.replace(SETTINGS, rounds=3)))
    assert len(enough) == SETTINGS.steps, "one round was enough"


def test_closing_it_early_leaves_the_update_merged(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    course = text_projection_lora(task, TextProjectionLoraSettings(steps=50))
    for _ in range(3):
        next(course)
    course.close()
    assert list(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == ["text_projection"]
    own, before = (clip.model.text_projection for clip in (task.clip, tiny_clip))
    assert own.is_leaf and own.grad is None and own.requires_grad == before.requires_grad
