"""Stability: does the target come back when images are worn or weights are rounded? Forgetting by a hair breaks here.

Siblings go through the same, so that damage is not taken for memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from clipforget.audits import AuditImages, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip

PRUNED = 0.3  # share of each weight matrix, the smallest values
NOISE, CONTRAST = 0.3, 0.5  # standard deviation and factor, in the units of normalised pixels
Change = Callable[["Tensor"], "Tensor"]


@audit(
    "stability",
    title="Stability",
    question="Does it come back on worn images or with rounded weights?",
    source="Hendrycks and Dietterich, 2019 (worn images); Zhang et al., 2024 (quantised after unlearning)",
    reference_url="https://arxiv.org/abs/2410.16454",
    finds="wear brings back at most {} of it",
    hidden="it comes back",
    ideal="no more comes back than in a model that never saw the target; siblings stay",
    needs=("classes", "siblings"),
    cheap=False,
    seconds=6.0,
)
def stability(subject: Subject, task: AuditTask) -> Measuring:
    """Classify the target's test images, worn in four ways, and by weights rounded or pruned in four.

    The primary figure is the largest rise of the forget accuracy over that of clean images, in shares of them; the
    lowest accuracy of the siblings stands beside it. float16 and integers are rounded to and back, so that any machine
    can run it.
    """
    sets = {role: task.test[role] for role in ("forget", "siblings")}
    clean = {role: _accuracy(subject, task, images) for role, images in sets.items()}
    conditions, total = {}, len(WEAR) + len(ROUNDING)
    yield AuditStep(0, total)
    for number, (name, worn, model) in enumerate(_conditions(subject, sets), start=1):
        conditions[name] = {role: _accuracy(model, task, images) for role, images in worn.items()}
        yield AuditStep(number, total, name)
    name, most = max(conditions.items(), key=lambda entry: entry[1]["forget"])
    count = len(sets["forget"])
    rise = max(most["forget"] - clean["forget"], 0)
    figures = [
        replace(Figure.share("rise", "largest rise of forget accuracy", rise, count), note=name if rise else ""),
        Figure.share("forget", "target, clean", clean["forget"], count),
        Figure.share("worst", "target, at its highest", most["forget"], count),
        Figure.share("siblings-clean", "siblings, clean", clean["siblings"], len(sets["siblings"])),
        Figure.share(
            "siblings", "siblings, at their lowest",
            min(hits["siblings"] for hits in conditions.values()), len(sets["siblings"]),
        ),
    ]  # fmt: skip
    shares = {
        name: {role: hits / len(sets[role]) for role, hits in found.items()} for name, found in conditions.items()
    }
    return Measurement(tuple(figures), {"conditions": shares})


def _accuracy(subject: Subject, task: AuditTask, images: AuditImages) -> int:
    """How many images are nearest to their class, by its own name or with their fine name in its place."""
    cosines = subject.cosines(images, task.class_prompts)
    right = cosines.argmax(dim=1) == images.labels
    if task.subgroup_names and bool((images.subgroups >= 0).all()):
        fine = subject.cosines(images, [task.template.replace("{}", name) for name in task.subgroup_names])
        cosines = cosines.scatter(1, images.labels[:, None], fine.gather(1, images.subgroups[:, None]))
        right_fine = cosines.argmax(dim=1) == images.labels
        return max(int(right.sum()), int(right_fine.sum()))
    return int(right.sum())


def _conditions(
    subject: Subject, sets: dict[str, AuditImages]
) -> Iterator[tuple[str, dict[str, AuditImages], Subject]]:
    """Each condition: its name, the images, and the model."""
    for name, wear in WEAR.items():
        worn = {
            role: replace(images, pixels=wear(images.pixels[:]), key=f"{images.key}/{name}")
            for role, images in sets.items()
        }
        yield name, worn, subject
    for name, change in ROUNDING.items():
        yield name, sets, Subject(name, _rounded(subject.clip, change), refused=subject.refusal.names)


def _rounded(clip: Clip, change: Change) -> Clip:
    """A copy of the model whose matrices and filters went through a change."""
    import torch

    copy = clip.clone()
    with torch.no_grad():
        for parameter in copy.model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(change(parameter))
    return copy


def _noise(pixels: Tensor) -> Tensor:
    import torch

    return pixels + NOISE * torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))


def _blur(pixels: Tensor) -> Tensor:
    from torch.nn.functional import avg_pool2d, pad

    blurred: Tensor = avg_pool2d(pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return blurred


def _contrast(pixels: Tensor) -> Tensor:
    mean = pixels.mean(dim=(2, 3), keepdim=True)
    return mean + CONTRAST * (pixels - mean)


def _half_size(pixels: Tensor) -> Tensor:
    from torch.nn.functional import interpolate

    small = interpolate(pixels, scale_factor=0.5, mode="bilinear", antialias=True)
    large: Tensor = interpolate(small, size=pixels.shape[2:], mode="bilinear")
    return large


def _float16(weight: Tensor) -> Tensor:
    return weight.half().to(weight.dtype)


def _integers(bits: int) -> Change:
    """Symmetric integers of so many bits, with a step of its own for each output channel."""

    def change(weight: Tensor) -> Tensor:
        rows = weight.flatten(1)
        step = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / (2 ** (bits - 1) - 1)
        rounded: Tensor = ((rows / step).round() * step).view_as(weight)
        return rounded

    return change


def _pruned(weight: Tensor) -> Tensor:
    size = max(int(PRUNED * weight.numel()), 1)
    return weight * (weight.abs() > weight.abs().flatten().kthvalue(size).values)


WEAR: dict[str, Change] = {"noise": _noise, "blur": _blur, "half contrast": _contrast, "half resolution": _half_size}
ROUNDING: dict[str, Change] = {
    "float16": _float16, "8-bit integers": _integers(8), "4-bit integers": _integers(4), "30 % pruned": _pruned,
}  # fmt: skip
