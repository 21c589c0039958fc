"""SalUn: the mask, the wrong names, and frozen weights that stay bit for bit."""

from __future__ import annotations

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, batch_of, cross_entropy
from tasks import task_for
from torch.nn import functional as F

from clipforget.generators import finish
from clipforget.methods import METHODS
from clipforget.methods.salun import SalunSettings, forget_gradients, freeze_outside, salient, salun, wrong_names
from clipforget.models.clip import Clip
from clipforget.unlearning.task import IMAGE
from clipforget.unlearning.trainer import Trainer


def gradients_of(clip: Clip, settings: SalunSettings) -> dict[str, torch.Tensor]:
    return finish(forget_gradients(Trainer(task_for(clip), settings, IMAGE, tier=3)))


def test_the_gradient_is_that_of_all_forget_images(tiny_clip: Clip) -> None:
    found = gradients_of(tiny_clip, SalunSettings(batch_size=3))  # 8 images: the batches do not come out even
    task = task_for(tiny_clip)
    model = task.clip.model
    logits = (
        F.normalize(model.encode_image(task.forget.pixels), dim=-1) @ task.class_embeddings.T * model.logit_scale.exp()
    )
    F.cross_entropy(logits, task.forget.labels, reduction="sum").backward()
    wanted = {name: p.grad for name, p in model.named_parameters() if name.startswith("visual.")}
    assert set(found) == set(wanted)
    for name, gradient in found.items():
        assert torch.allclose(gradient, wanted[name], rtol=1e-3, atol=1e-3), name


def test_the_mask_keeps_the_largest_over_all_weights() -> None:
    gradients = {"a": torch.tensor([[0.1, -5.0], [0.0, 2.0]]), "b": torch.tensor([-3.0, 0.2, 0.3, 0.4])}
    masks = salient(gradients, 3 / 8)
    assert masks["a"].tolist() == [[False, True], [False, True]] and masks["b"].tolist() == [True, False, False, False]
    assert sum(int(mask.sum()) for mask in salient(gradients, 1.0).values()) == 7  # all but the one without gradient
    assert sum(int(mask.sum()) for mask in salient(gradients, 1e-4).values()) == 1


def test_frozen_weights_stay_bit_for_bit(tiny_clip: Clip) -> None:
    settings = SalunSettings(steps=4, learning_rate=1e-2, batch_size=4, share=0.3, weight_decay=0.5)
    masks = salient(gradients_of(tiny_clip, settings), settings.share)
    task = task_for(tiny_clip)
    list(METHODS.load()["salun"].run(task, settings))
    before, after = tiny_clip.model.state_dict(), task.clip.model.state_dict()
    moved = total = 0
    for name, mask in masks.items():
        assert torch.equal(after[name][~mask], before[name][~mask]), name
        moved += int((after[name] != before[name]).sum())
        total += mask.numel()
    assert moved == pytest.approx(0.3 * total, rel=0.02)


def test_moments_are_cleared_outside_the_mask() -> None:
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    original, mask = weight.detach().clone(), torch.tensor([True, False])
    optimizer = torch.optim.AdamW([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.tensor([1.0, 1.0])
    optimizer.step()
    freeze_outside(mask, weight, original, optimizer)
    assert weight[0] != 1.0 and weight[1] == 2.0
    for moment in ("exp_avg", "exp_avg_sq"):
        assert optimizer.state[weight][moment][0] != 0 and optimizer.state[weight][moment][1] == 0


def test_wrong_names_random_and_runner_up() -> None:
    kept = torch.cat([FEATURES["retain"], FEATURES["others"]])
    own = cross_entropy(kept, torch.cat([LABELS["retain"], LABELS["others"]]))
    drawn = batch_of().wrong_labels("forget")  # the same seed draws the same
    found = wrong_names(batch_of(), SalunSettings(relabel="random", retain_weight=2.0))
    assert found["forget"].item() == pytest.approx(cross_entropy(FEATURES["forget"], drawn))
    assert found["retain"].item() == pytest.approx(2 * own)
    found = wrong_names(batch_of({"forget": CLASS_EMBEDDINGS[[2, 1]]}), SalunSettings(relabel="runner-up"))
    assert found["forget"].item() == pytest.approx(cross_entropy(FEATURES["forget"], torch.tensor([2, 1])))
    found = wrong_names(batch_of(), SalunSettings(relabel="runner-up"))
    assert found["forget"].item() == pytest.approx(cross_entropy(FEATURES["forget"], torch.tensor([1, 2])))


def test_it_says_how_far_the_selection_is(tiny_clip: Clip) -> None:
    steps = list(salun(task_for(tiny_clip), SalunSettings(steps=2, batch_size=4)))
    assert [(step.stage, step.step, step.total) for step in steps] == [
        ("select", 1, 2), ("select", 2, 2), ("forget", 1, 2), ("forget", 2, 2),
    ]  # fmt: skip
