"""Selective nullspace: text directions and visual prototypes of the target taken out of the last projection.

Source: Mishra et al., Selective, Controlled and Domain-Agnostic Unlearning in Pretrained CLIP (arXiv 2512.14113), read
in its abstract: data-free, with three modes, a class everywhere, a class in one domain, one whole domain. The form
`projection` is the paper's P = I - a U U^T, U a basis of text directions and of visual prototypes that are synthesised;
how is inferred: the mean features of images dreamt up by gradient ascent, as CLIP-LIP does. The form `regression` is
ours and needs images: it turns the text directions of the forget images' features round, in the least-squares sense,
and leaves the features of all others where they were.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from clipforget.data.target import Target
from clipforget.errors import BadSetting
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import KINDS, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

MODES = ("auto", "class", "class-in-domain", "domain")
FORMS = ("projection", "regression")
TURN = 2.0  # by which regression takes directions out: 1 removes them, 2 turns them round


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
        "projection",
        "projection takes the directions out of every image (paper); regression out of the forget images alone (ours)",
        choices=FORMS,
    )
    strength: float = option(
        1.0, "a of projection: the share of the directions that is taken out", low=0.0, high=1.0,
        search=(0.3, 0.5, 0.7, 0.8, 0.9, 1.0),
    )  # fmt: skip
    synthesis_images: int = option(32, "Synthetic images of each prototype", low=1, high=512, advanced=True)
    synthesis_steps: int = option(
        200, "Steps of gradient ascent an image gets at most", low=1, high=10_000, advanced=True
    )
    forget_weight: float = option(1.0, "Weight of the forget images in regression", low=0.0, high=1e6, advanced=True)
    ridge: float = option(1e-4, "What holds every other direction in regression", low=1e-9, high=10.0, advanced=True)

    @property
    def tier(self) -> int:
        """Return 0, names only, for the form that dreams its images up."""
        return 3 if self.form == "regression" else 0

    @property
    def variant(self) -> str:
        """Name the form that is ours."""
        return "our regression on images" if self.form == "regression" else ""


@method(
    "selective_nullspace",
    SelectiveNullspaceSettings,
    title="Selective nullspace",
    tier=0,
    source="Selective, Controlled and Domain-Agnostic Unlearning in Pretrained CLIP, arXiv 2512.14113",
    reference_url="https://arxiv.org/abs/2512.14113",
    stages=("synthesise", "forget"),
    presets={"paper": {}, "ours": {"form": "regression"}},
    preset_notes={"ours": "Ours, not the paper's: a regression on images to forget, to retain and of other classes."},
)
def selective_nullspace(task: Task, settings: SelectiveNullspaceSettings) -> Iterator[Step]:
    """Take text directions and visual prototypes of the target out of the image tower's last projection; no training.

    Raises BadModel for a tower that does not end in a linear map, BadSetting where the mode does not fit the target,
    BadData where a set of images that the form needs is empty.
    """
    import torch

    from clipforget.models.projection import project
    from clipforget.unlearning.trainer import steer_accuracy

    task.check_images(settings.tier)
    captions = list(dict.fromkeys(caption(target, settings.mode, task.template) for target in task.targets))
    with torch.no_grad():
        texts = task.original.encode_text(captions).cpu().double()
    if settings.form == "projection":
        visual = yield from prototypes(task, captions, settings)
        project(task.clip.model, projection(texts, visual, settings.strength))
    else:
        class_embeddings = task.class_embeddings.cpu().double()
        features = {name: task.original.embed(getattr(task, name).pixels).double() for name in KINDS}
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


def prototypes(
    task: Task, captions: Sequence[str], settings: SelectiveNullspaceSettings
) -> Generator[Step, None, Tensor]:
    """Return the mean features, K x D, of images dreamt up for each of K captions, told from what is to be retained."""
    import torch

    from clipforget.unlearning.synthesis import synthesise

    generator = torch.Generator().manual_seed(task.seed)
    with torch.no_grad():
        embeddings = task.original.encode_text([*captions, *task.retain_prompts]).float()
    labels = torch.arange(len(captions)).repeat_interleave(settings.synthesis_images)
    steps, pixels = settings.synthesis_steps, torch.empty(0)
    dreams = synthesise(task.original, embeddings, labels, steps=steps, generator=generator)
    for step, (pixels, probability) in enumerate(dreams):  # noqa: B007
        yield Step("synthesise", max(step, 1), steps, {"synthetic": float(probability.mean())})
    features: Tensor = task.original.embed(pixels).double().unflatten(0, (len(captions), -1))
    return features.mean(dim=1)


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
    target = projection_matrix(basis(F.normalize(directions, dim=1)), TURN)
    return regression(retain, forget, settings.forget_weight, settings.ridge, target)
