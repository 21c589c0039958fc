"""Selective nullspace: text directions and visual prototypes of the target taken out of the last projection.

Source: Mishra et al., Selective, Controlled and Domain-Agnostic Unlearning in Pretrained CLIP (arXiv 2512.14113), with
its three modes: a class everywhere, a class in one domain, one whole domain. There the prototypes are synthesised; here
they are means of training images, and for subgroups the differences mean f(D_f) - mean f(D_r) (inferred). The form
`projection` is the paper's P = I - a U U^T. The form `regression` is ours: it takes the text directions out of the
forget images' features alone, in the least-squares sense, and leaves the features of all others where they were.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clipforget.data.target import Target
from clipforget.errors import BadData, BadSetting
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import KINDS, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

MODES = ("auto", "class", "class-in-domain", "domain")
FORMS = ("regression", "projection")


@dataclass(frozen=True)
class SelectiveNullspaceSettings:
    """Settings of selective nullspace."""

    mode: str = option(
        "auto",
        "What the text directions name: the class everywhere, the class in one domain (its style), one whole domain, "
        "or (auto) what the target says",
        choices=MODES,
    )
    form: str = option(
        "regression",
        "projection takes the directions out of every image (paper); regression out of the forget images alone (ours)",
        choices=FORMS,
        search=FORMS,
    )
    strength: float = option(
        2.0, "How far the directions are taken out: 1 removes them, 2 turns them round (ours; paper: 1)",
        low=0.0, high=10.0, search=(1.0, 1.5, 2.0, 3.0),
    )  # fmt: skip
    forget_weight: float = option(
        1.0, "Weight of the forget images in regression", low=0.0, high=1e6, search=(0.1, 0.3, 1.0, 3.0)
    )
    ridge: float = option(
        1e-4, "What holds every other direction in regression", low=1e-9, high=10.0, search=(1e-5, 1e-4, 1e-3, 1e-2)
    )

    @property
    def tier(self) -> int:
        """Return 2 for the form that reads no other images."""
        return 3 if self.form == "regression" else 2


@method(
    "selective_nullspace",
    SelectiveNullspaceSettings,
    title="Selective nullspace",
    tier=3,
    source="Selective, Controlled and Domain-Agnostic Unlearning in Pretrained CLIP, arXiv 2512.14113",
    reference_url="https://arxiv.org/abs/2512.14113",
    presets={"paper": {"form": "projection", "strength": 1.0}},
)
def selective_nullspace(task: Task, settings: SelectiveNullspaceSettings) -> Iterator[Step]:
    """Take text directions and visual prototypes of the target out of the image tower's last projection; no training.

    Raises BadModel for a tower that does not end in a linear map, BadSetting where the mode does not fit the target,
    BadData where there is no training image to forget or to retain.
    """
    import torch

    from clipforget.models.projection import project
    from clipforget.unlearning.trainer import steer_accuracy

    if not (len(task.forget) and len(task.retain)):
        raise BadData("There is no training image to forget or none to retain; choose others.")
    captions = dict.fromkeys(caption(target, settings.mode, task.template) for target in task.targets)
    with torch.no_grad():
        texts = task.original.encode_text(list(captions)).cpu().double()
    class_embeddings = task.class_embeddings.cpu().double()
    features = {name: task.original.embed(getattr(task, name).pixels).double() for name in KINDS[: settings.tier]}
    if settings.form == "projection":
        visual = prototypes(features["forget"], task.forget.labels, features["retain"], task.retain.labels)
        project(task.clip.model, projection(texts, visual, settings.strength))
    else:
        coarse = class_embeddings[task.forget.labels.unique()]
        directions = torch.cat([coarse, texts]) - class_embeddings.mean(dim=0)
        project(task.clip.model, selection(directions, features, settings))
    yield Step("forget", 1, 1, steer=steer_accuracy(task))


def caption(target: Target, mode: str, template: str) -> str:
    """Name a target in a mode: "a photo of a car.", "a pencil sketch of a car.", "a pencil sketch.".

    Raises BadSetting where the mode needs a class or a style that the target does not name.
    """
    name, style = target.name, target.style
    if {"class": name == "*", "domain": style == "*", "class-in-domain": "*" in (name, style)}.get(mode):
        raise BadSetting(f"The mode {mode} does not fit the target '{target}'; choose auto.")
    named = {"class": replace(target, style="*"), "domain": Target("*", style=style)}.get(mode, target)
    return named.prompt(template)


def prototypes(forget: Tensor, forget_labels: Tensor, retain: Tensor, retain_labels: Tensor) -> Tensor:
    """Return a visual prototype for each class among the forget images' labels: K x D from M x D and N x D features.

    mean f(D_f) - mean f(D_r) within the class, so that what it shares with its siblings stays; mean f(D_f) where no
    retained image is of the class.
    """
    import torch

    means = []
    for label in forget_labels.unique():
        siblings = retain[retain_labels == label]
        mean = forget[forget_labels == label].mean(dim=0)
        means.append(mean - siblings.mean(dim=0) if len(siblings) else mean)
    return torch.stack(means)


def projection(texts: Tensor, prototypes: Tensor, strength: float) -> Tensor:
    """Return P = I - strength U U^T, D x D, with U a basis of text directions (M x D) and prototypes (K x D)."""
    import torch
    from torch.nn import functional as F

    from clipforget.unlearning.directions import basis, projection_matrix

    return projection_matrix(basis(F.normalize(torch.cat([texts, prototypes]), dim=1)), strength)


def selection(directions: Tensor, features: dict[str, Tensor], settings: SelectiveNullspaceSettings) -> Tensor:
    """Return the D x D matrix that takes the directions (K x D) out of the features named forget alone.

    features maps forget, retain and others to N x D; retain and others, where there are any, count alike (ours).
    """
    import torch
    from torch.nn import functional as F

    from clipforget.unlearning.directions import basis, projection_matrix, regression

    moments = {name: rows.T @ rows / len(rows) for name, rows in features.items() if len(rows)}
    forget = moments.pop("forget")
    retain = torch.stack(list(moments.values())).mean(dim=0)
    target = projection_matrix(basis(F.normalize(directions, dim=1)), settings.strength)
    return regression(retain, forget, settings.forget_weight, settings.ridge, target)
