"""RAZOR: the score and the three terms by hand, and which layers move, round by round."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from batches import CLASS_EMBEDDINGS, FEATURES, LABELS, batch_of, cosine, cross_entropy
from tasks import task_for

from clipforget.methods.razor import RazorSettings, rank, razor, saliency, three_terms
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.unlearning import fisher
from clipforget.unlearning.diagonals import forget_and_rest

SETTINGS = RazorSettings(steps=2, rounds=3, layers=2, depth=1.0, samples=4, batch_size=4)


def test_importance_and_agreement_by_hand() -> None:
    weight = torch.tensor([[3.0, 4.0]])
    for retain, agreement in (([0.0, 7.0], 0.0), ([5.0, 0.0], 1.0), ([-5.0, 0.0], -1.0), ([3.0, 4.0], 0.6)):
        found = saliency(weight, torch.tensor([[2.0, 0.0]]), torch.tensor([retain]))
        assert found == pytest.approx((0.4, agreement))


def test_the_ranking_weighs_importance_by_agreement(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    names = fisher.candidates(task.clip.model)
    forget, rest = forget_and_rest(task, 4)
    weights = [task.clip.model.get_parameter(name).requires_grad_() for name in names]
    cosines, logits = ((task.clip.encode_image(part.pixels) @ task.class_embeddings.T) for part in (forget, rest))
    lowered = torch.autograd.grad(cosines[:, 0].relu().mean(), weights)
    scale = task.clip.logit_scale
    held = torch.autograd.grad(torch.nn.functional.cross_entropy(scale * logits, rest.labels), weights)
    for balance in (0.0, 0.5, 1.0):
        wanted = {}
        for name, weight, g_f, g_r in zip(names, weights, lowered, held, strict=True):
            agreement = float((g_f * g_r).sum() / (g_f.norm() * g_r.norm()))
            wanted[name] = float(g_f.norm() / weight.detach().norm()) * (1 + agreement) ** balance
        layers = rank(task, names, forget, rest, balance)
        assert {layer.name: layer.relative for layer in layers} == pytest.approx(wanted, rel=1e-2)
        assert layers == sorted(layers, key=lambda layer: -layer.relative)


def test_the_three_terms_by_hand() -> None:
    old = {"retain": torch.tensor([[0.6, 0.0, 0.8], [0.8, 0.6, 0.0]])}
    batch = batch_of(old, forget=torch.tensor([[0.8, 0.6, 0.0], [-0.6, 0.0, 0.8]]))
    found = three_terms(batch, RazorSettings(forget_weight=3.0, feature_weight=5.0))
    kept = torch.cat([FEATURES["retain"], FEATURES["others"]])
    drift = sum(
        (1 - cosine(new, before)) / 4
        for new, before in zip(kept, torch.cat([old["retain"], FEATURES["others"]]), strict=True)
    )
    assert {name: value.item() for name, value in found.items()} == {
        "forget": pytest.approx(
            3 * cosine(torch.tensor([0.8, 0.6, 0.0]), CLASS_EMBEDDINGS[0]) / 2
        ),  # the other is below 0
        "retain": pytest.approx(cross_entropy(kept, torch.cat([LABELS["retain"], LABELS["others"]]))),
        "features": pytest.approx(5 * drift, rel=1e-5),
    }


def test_each_round_adds_the_best_layer_that_is_left(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), limit=-1.0)  # never forgotten enough
    steps = list(razor(task, SETTINGS))
    chosen = [layer["name"] for layer in steps[0].data["layers"] if layer["chosen"]]
    added = [step.data["added"] for step in steps if "added" in step.data]
    assert chosen == [layer["name"] for layer in steps[0].data["layers"][:2]] and len(set(chosen + added)) == 4
    assert [(step.step, step.total) for step in steps[1:]] == [(number, 6) for number in range(1, 7)]
    assert set(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == {*chosen, *added}


def test_it_ends_once_it_is_forgotten(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), limit=1.0)
    steps = list(razor(task, SETTINGS))
    assert [step.stage for step in steps] == ["select", "forget", "forget"]
    assert len(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == 2


def test_no_more_layers_than_there_are(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), limit=-1.0)
    steps = list(razor(task, dataclasses.replace(SETTINGS, depth=0.0, layers=5)))
    assert len(changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())) == 1
    assert len(steps) == 7 and not any("added" in step.data for step in steps)


def test_the_forget_pairs_move_apart_and_the_rest_stays(tiny_clip: Clip) -> None:
    task = dataclasses.replace(task_for(tiny_clip), limit=-1.0)
    names = torch.nn.functional.normalize(
        tiny_clip.embed(task.forget.pixels).mean(dim=0) + task.class_embeddings, dim=1
    )
    task = dataclasses.replace(task, class_embeddings=names)  # near enough to the images to have a cosine to lose
    list(razor(task, dataclasses.replace(SETTINGS, steps=20, learning_rate=1e-3, batch_size=8)))
    before, after = (clip.embed(task.forget.pixels) @ names[0] for clip in (tiny_clip, task.clip))
    assert after.mean() < before.mean() - 0.05
