"""Captions of the modes, the prototypes, and both forms by what they do to features."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tasks import task_for
from torch import Tensor
from torch.nn import functional as F

from clipforget.data.target import Target
from clipforget.errors import BadSetting
from clipforget.generators import finish
from clipforget.methods.selective_nullspace import (
    SelectiveNullspaceSettings,
    caption,
    projection,
    prototypes,
    selection,
    selective_nullspace,
)
from clipforget.models.clip import Clip

TEMPLATE = "a photo of a {}."


def test_captions_of_the_modes() -> None:
    fine, whole = Target("car", "van", "sketch"), Target("*", "*", "sketch")
    assert [caption(fine, mode, TEMPLATE) for mode in ("auto", "class", "class-in-domain", "domain")] == [
        "a sketch of a van.", "a photo of a van.", "a sketch of a van.", "a sketch.",
    ]  # fmt: skip
    assert caption(whole, "auto", TEMPLATE) == caption(whole, "domain", TEMPLATE) == "a sketch."
    assert caption(Target("car"), "auto", TEMPLATE) == "a photo of a car."
    for mode, target in (("class", whole), ("domain", Target("car")), ("class-in-domain", Target("car", "van"))):
        with pytest.raises(BadSetting, match="choose auto"):
            caption(target, mode, TEMPLATE)


def test_prototypes_are_the_mean_features_of_images_dreamt_up(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    task = task_for(tiny_clip)
    dreamt, asked = torch.randn(6, 3, 32, 32, generator=torch.Generator().manual_seed(0)), []

    def synthesise(clip: Clip, embeddings: Tensor, labels: Tensor, **_: Any) -> Iterator[tuple[Tensor, Tensor]]:
        asked.append((embeddings, labels.tolist()))
        yield torch.zeros_like(dreamt), torch.zeros(6)
        yield dreamt, torch.ones(6)

    monkeypatch.setattr("clipforget.unlearning.synthesis.synthesise", synthesise)
    found = finish(prototypes(task, ["a van.", "a sketch."], SelectiveNullspaceSettings(synthesis_images=3)))
    ((embeddings, labels),) = asked
    assert labels == [0, 0, 0, 1, 1, 1]
    torch.testing.assert_close(embeddings, tiny_clip.encode_text(["a van.", "a sketch.", *task.retain_prompts]))
    features = tiny_clip.embed(dreamt).double()
    torch.testing.assert_close(found, torch.stack([sum(features[:3]) / 3, sum(features[3:]) / 3]))


def apart(count: int, direction: torch.Tensor, seed: int) -> torch.Tensor:
    """Unit vectors around a direction."""
    noise = 0.1 * torch.randn(count, len(direction), generator=torch.Generator().manual_seed(seed))
    return F.normalize(direction + noise, dim=1).double()


def test_the_projection_takes_text_and_prototype_out() -> None:
    texts, means = apart(1, torch.eye(6)[0], 0), 3 * apart(2, torch.eye(6)[2], 1)
    found = projection(texts, means, 1.0)
    assert (found @ torch.cat([texts, means]).T).abs().max() < 1e-9
    torch.testing.assert_close(found @ found, found)
    assert torch.linalg.matrix_rank(found) == 3


def test_the_selection_turns_the_forget_features_round_alone() -> None:
    """Both share their class's direction; what sets the forget features apart is another one."""
    name, mark = torch.eye(8)[0], torch.eye(8)[1]
    features = {
        "forget": apart(40, name + mark, 0),
        "retain": apart(40, name - mark, 1),
        "others": apart(40, torch.eye(8)[2], 2),
    }
    found = selection(name[None].double(), features, SelectiveNullspaceSettings(ridge=1e-6))
    moved = {kind: ((x @ found.T)[:, 0].mean() / x[:, 0].mean()) for kind, x in features.items()}
    assert abs(moved["forget"] + 1) < 0.15 and abs(moved["retain"] - 1) < 0.1
    kept = F.cosine_similarity(features["others"] @ found.T, features["others"])
    assert kept.mean() > 0.98


def test_the_methods_features_are_the_matrix_times_the_original(tiny_clip: Clip) -> None:
    task, settings = task_for(tiny_clip), SelectiveNullspaceSettings(form="regression", ridge=1e-3)
    list(selective_nullspace(task, settings))
    features = {
        name: task.original.embed(getattr(task, name).pixels).double() for name in ("forget", "retain", "others")
    }
    with torch.no_grad():
        text = task.original.encode_text(task.forget_prompts)
        raw = task.original.model.encode_image(task.forget.pixels).double()
    directions = torch.cat([task.class_embeddings[:1], text]).double() - task.class_embeddings.double().mean(dim=0)
    wanted = F.normalize(raw @ selection(directions, features, settings).T, dim=1).float()
    torch.testing.assert_close(task.clip.embed(task.forget.pixels), wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("form", ["projection", "regression"])
def test_a_whole_style(form: str, tiny_clip: Clip) -> None:
    """Forget and retain images of every class, no others beside them."""
    task = task_for(tiny_clip)
    mixed = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2])
    styled = dataclasses.replace(
        task,
        targets=(Target("*", "*", "sketch"),),
        forget_prompts=("a sketch.",),
        retain_prompts=("a poster.",),
        forget=dataclasses.replace(task.forget, labels=mixed),
        retain=dataclasses.replace(task.retain, labels=mixed),
        others=dataclasses.replace(task.retain, labels=mixed),
        steer={name: task.steer[name] for name in ("forget", "retain")},
    )
    *_, step = selective_nullspace(styled, SelectiveNullspaceSettings(form=form, synthesis_images=2, synthesis_steps=1))
    assert set(step.steer) == {"forget", "retain"}
    assert styled.clip.fingerprint() != tiny_clip.fingerprint()
