"""LEACE: the eraser by hand and against its other form, what it leaves alone, and that the model's means coincide."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from conftest import build_clip
from tasks import task_for
from torch import Tensor

from clipforget.errors import BadData
from clipforget.generators import finish
from clipforget.methods.leace import RETAIN, LeaceSettings, covariances, embed, eraser, leace
from clipforget.models.clip import Clip
from clipforget.unlearning.task import ImageSet, Task


def samples(kinds: int = 1) -> tuple[Tensor, Tensor]:
    """60 features of 5 dimensions, correlated, far from the origin, and 0/1 labels in `kinds` columns."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(5, 5, generator=generator)
    which = torch.arange(60) % (kinds + 2)  # two of the classes carry no label
    labels = torch.stack([which == kind for kind in range(kinds)], dim=1).double()
    features = torch.randn(60, 5, generator=generator) @ mixing + 3 + which[:, None] * mixing[0]
    return features, labels


def test_two_dimensions_by_hand() -> None:
    covariance, cross = torch.diag(torch.tensor([4.0, 1.0])).double(), torch.tensor([[2.0], [1.0]]).double()
    found = eraser(covariance, cross, ridge=0.0)  # W = diag(1/2, 1), W S = (1, 1)
    torch.testing.assert_close(found, torch.tensor([[0.5, -1.0], [-0.25, 0.5]]).double())
    half = eraser(covariance, cross, ridge=0.0, strength=0.5)
    torch.testing.assert_close(half, torch.tensor([[0.75, -0.5], [-0.125, 0.75]]).double())
    ridged = eraser(torch.diag(torch.tensor([1.5, 0.5])).double(), torch.ones(2, 1).double(), ridge=0.5)
    torch.testing.assert_close(ridged, torch.tensor([[2.0, -2.0], [-1.0, 1.0]]).double() / 3)  # of diag(2, 1)


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_one_label_against_the_form_without_whitening(ridge: float) -> None:
    covariance, cross = covariances(*samples())
    ridged = covariance + ridge * covariance.diagonal().mean() * torch.eye(5)
    weights = torch.linalg.solve(ridged, cross)  # that of linear discriminant analysis
    torch.testing.assert_close(eraser(covariance, cross, ridge), torch.eye(5) - cross @ weights.T / (cross.T @ weights))


@pytest.mark.parametrize("kinds", [1, 2])
def test_class_means_coincide_and_what_is_orthogonal_stays(kinds: int) -> None:
    features, labels = samples(kinds)
    covariance, cross = covariances(features, labels)
    matrix = eraser(covariance, cross, ridge=0.0)
    erased = features.double() @ matrix.T
    means = torch.stack([*(erased[labels[:, kind] == 1].mean(dim=0) for kind in range(kinds)), erased.mean(dim=0)])
    torch.testing.assert_close(means, means[:1].expand_as(means))
    assert covariances(erased, labels)[1].abs().max() < 1e-12  # no linear trace of the labels is left
    torch.testing.assert_close(matrix @ matrix, matrix)
    assert torch.linalg.matrix_rank(matrix) == 5 - kinds
    basis = torch.linalg.svd((torch.linalg.inv(covariance) @ cross).T).Vh[kinds:]  # cross' covariance^-1 v = 0
    torch.testing.assert_close(matrix @ basis.T, basis.T)


def test_no_other_eraser_moves_the_features_less() -> None:
    features, labels = samples()
    covariance, cross = covariances(features, labels)
    centred, generator = features.double() - features.double().mean(dim=0), torch.Generator().manual_seed(1)

    def moved(matrix: Tensor) -> float:
        return float((centred @ matrix.T - centred).square().sum())

    least = moved(eraser(covariance, cross, ridge=0.0))
    for _ in range(20):  # any P with P S = 0: I - S v' / (v' S)
        v = torch.randn(5, 1, generator=generator).double()
        assert moved(torch.eye(5) - cross @ v.T / (v.T @ cross)) > least


@pytest.mark.parametrize("told_from", ["all", "retain"])
@pytest.mark.parametrize("tower", ["resnet", "vit"])
def test_the_models_means_coincide(told_from: str, tower: str, tiny_clip: Clip) -> None:
    vit = {"layers": 1, "width": 16, "head_width": 8, "patch_size": 8, "image_size": 32}
    task = task_for(tiny_clip if tower == "resnet" else build_clip(vit))
    list(leace(task, LeaceSettings(told_from=told_from)))
    rest = task.retain.pixels if told_from == RETAIN else torch.cat([task.retain.pixels, task.others.pixels])

    def apart(clip: Clip) -> float:
        forget, others = (clip.model.encode_image(pixels).detach().mean(dim=0) for pixels in (task.forget.pixels, rest))
        return float((forget - others).norm() / others.norm())

    assert apart(task.original) > 1e-3 and apart(task.clip) < 1e-2 * apart(task.original)


def test_every_target_is_a_direction_of_its_own(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    task = dataclasses.replace(task, target_of={"forget": torch.tensor([0, 1] * 4)})
    list(leace(task, LeaceSettings(told_from=RETAIN)))
    old, new = (dict(clip.model.visual.named_parameters())["attnpool.c_proj.weight"] for clip in (tiny_clip, task.clip))
    assert torch.linalg.matrix_rank((new - old).detach(), rtol=1e-3) == 2


def test_strength_zero_changes_nothing_and_raw_features_are_read(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    raw = finish(embed(task, task.forget))
    torch.testing.assert_close(raw, tiny_clip.model.encode_image(task.forget.pixels).detach())
    list(leace(task, LeaceSettings(strength=0.0)))
    assert task.clip.fingerprint() == tiny_clip.fingerprint()


def test_without_images_it_says_so(tiny_clip: Clip) -> None:
    def without(task: Task, name: str) -> Task:
        images: ImageSet = getattr(task, name)
        return dataclasses.replace(task, **{name: ImageSet(images.pixels[:0], images.labels[:0])})

    task = task_for(tiny_clip)
    with pytest.raises(BadData, match="needs training images"):
        list(leace(without(task, "retain"), LeaceSettings(told_from=RETAIN)))
    assert list(leace(without(task, "retain"), LeaceSettings()))  # others are left
