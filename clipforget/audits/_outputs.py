"""What stages give, as the audits by stage read it, and samples of images that are the same for every model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipforget.audits._subject import AuditImages, Subject

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

EMBEDDING = "embedding"


def spaced(count: int, most: int) -> Tensor:
    """Return at most so many of count indices, evenly spaced, so that every subgroup and style keeps its share."""
    import torch

    return torch.linspace(0, count - 1, most).round().long() if count > most else torch.arange(count)


def evenly(images: AuditImages, most: int) -> AuditImages:
    """Return at most so many of N images, evenly spaced."""
    return images if len(images) <= most else images.rows(spaced(len(images), most), f"{images.key}/{most}")


def stage_outputs(subject: Subject, images: AuditImages, most: int) -> dict[str, NDArray[Any]]:
    """Return each stage's pooled output (N x channels) by its name and last the unit embedding, N x D, as numpy.

    At most so many images, evenly spaced; all of them go through the model, once for all audits.
    """
    rows, features = spaced(len(images), most), subject.features(images)
    found = dict(subject.stages(images))
    found.popitem()
    found[EMBEDDING] = features
    return {name: values[rows].numpy() for name, values in found.items()}
