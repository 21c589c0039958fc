"""Text-projection LoRA: one matrix moves, by a low rank, and where to."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from conftest import RESNET, TEXT, tokenize
from open_clip.model import CLIP
from small import World
from tasks import task_for
from torch.nn import functional as F

from clipforget.errors import BadModel
from clipforget.methods.text_projection_lora import text_projection_lora
from clipforget.methods.text_projection_lora.forgetting import TextProjectionLora, unprojected
from clipforget.methods.text_projection_lora.settings import TextProjectionLoraSettings
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.runs.loading import build_task
from clipforget.unlearning.task import TEXT as TEXT_TOWER
from clipforget.unlearning.trainer import steer_accuracy

PROMPTS = ["a photo of a car.", "a drawing of a dog"]


def test_what_lies_below_the_projection_is_read_once(tiny_clip: Clip) -> None:
    before = tiny_clip.fingerprint()
    texts = unprojected(tiny_clip, PROMPTS)
    projected = F.normalize(texts @ tiny_clip.model.text_projection, dim=-1)
    torch.testing.assert_close(projected, tiny_clip.encode_text(PROMPTS))
    run = TextProjectionLora(task_for(tiny_clip), TextProjectionLoraSettings())
    torch.testing.assert_close(run.project(texts), tiny_clip.encode_text(PROMPTS))
    assert tiny_clip.fingerprint() == before


def test_a_projection_with_a_bias_is_refused_in_one_sentence() -> None:
    model = CLIP(16, dict(RESNET), {**TEXT, "proj_bias": True}).eval()
    clip = Clip("linear", model, None, tokenize, torch.device("cpu"))
    with pytest.raises(BadModel, match="choose another method"):
        TextProjectionLora(task_for(clip), TextProjectionLoraSettings())


def test_only_the_projection_moves_and_by_a_low_rank(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    list(text_projection_lora(task, TextProjectionLoraSettings(steps=5, rank=3)))
    moved = changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())
    assert list(moved) == ["text_projection"]
    assert torch.linalg.matrix_rank(moved["text_projection"] - tiny_clip.model.text_projection, rtol=1e-4) == 3


def test_names_alone_move_the_target_to_its_nearest_neighbour_and_leave_the_others(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    steps = list(text_projection_lora(task, TextProjectionLoraSettings(steps=150, images=0)))
    assert set(steps[-1].losses) == {"forget", "retain"}
    with torch.no_grad():
        old, kept = (tiny_clip.encode_text(texts) for texts in (task.forget_prompts, task.retain_prompts))
        new, now = (task.clip.encode_text(texts) for texts in (task.forget_prompts, task.retain_prompts))
    nearest = kept[(old @ kept.T).argmax()]
    assert float(new[0] @ nearest) > 0.99 > float(old[0] @ nearest)
    assert float((kept * now).sum(dim=1).min()) > 0.99


@torch.no_grad()
def test_the_losses_are_those_of_the_formula(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    run = TextProjectionLora(task, TextProjectionLoraSettings(retain_weight=2.0, image_weight=0.5, margin=0.1))
    found = {name: float(value) for name, value in run.losses().items()}
    forget, kept = (tiny_clip.encode_text(texts) for texts in (task.forget_prompts, task.retain_prompts))
    assert found["forget"] == pytest.approx(1 - float((forget @ kept.T).max()), abs=1e-5)
    assert found["retain"] == pytest.approx(0.0, abs=1e-5), "nothing has moved yet"
    scale, expected = tiny_clip.logit_scale, 0.0
    for image in task.forget.pixels:
        cosines = (tiny_clip.encode_image(image[None]) @ task.class_embeddings.T)[0]
        expected += max(0.0, float(cosines[0] - cosines[1:].max()) + 0.1) / len(task.forget)
    assert found["forget images"] == pytest.approx(0.5 * scale * expected, rel=1e-3)
    kept_sets = (task.retain, task.others)
    entropies = [
        F.cross_entropy(scale * tiny_clip.encode_image(s.pixels) @ task.class_embeddings.T, s.labels) for s in kept_sets
    ]
    assert found["retain images"] == pytest.approx(0.5 * float(sum(entropies)), rel=1e-3)


def test_few_images_take_the_coarse_caption_from_the_target(world: World) -> None:
    task, _ = build_task(world.config())
    steps = list(text_projection_lora(task, TextProjectionLoraSettings(steps=200)))
    before = steer_accuracy(dataclasses.replace(task, clip=task.original), changes=TEXT_TOWER)
    after = steps[-1].steer
    assert before["forget"] > 0.9 and after["forget"] < 0.2 and after["others"] > 0.9, (before, after)
    fresh = dataclasses.replace(task, clip=task.original.clone())
    names_alone = list(text_projection_lora(fresh, TextProjectionLoraSettings(steps=200, images=0)))[-1].steer
    assert names_alone["forget"] > after["forget"], "it is the images that reach the coarse caption"


def test_closing_it_early_leaves_the_update_merged(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    course = text_projection_lora(task, TextProjectionLoraSettings(steps=50))
    for _ in range(3):
        next(course)
    course.close()
    assert list(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == ["text_projection"]
    own, before = (clip.model.text_projection for clip in (task.clip, tiny_clip))
    assert own.is_leaf and own.grad is None and own.requires_grad == before.requires_grad
