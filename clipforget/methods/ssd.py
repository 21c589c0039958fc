"""Selective Synaptic Dampening (SSD): shrink the weights that matter far more to what is forgotten than to the rest.

Source: Foster, Schoepf and Brintrup, arXiv 2308.07707, equations 3 and 4. Theirs: where F_f > a F_D a weight is
multiplied by min(b F_D / F_f, 1), with diagonal Fisher information from squared per-sample gradients; a = 10 and b = 1
for their class and subclass tasks. Ours: the similarity with the own caption by default (their likelihood: setting
`information`), the image tower alone, and siblings and other images in equal parts for D, so that the forget images are
not counted on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import information_option, samples_option
from clipforget.unlearning.task import Step, Task

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SsdSettings:
    """Settings of selective synaptic dampening."""

    selection: float = option(
        1.0, "a: a weight is dampened where its forget Fisher information is over a times the rest's",
        low=0.0, high=1000.0, search=(1.0, 2.0, 5.0, 10.0, 20.0),
    )  # fmt: skip
    dampening: float = option(
        1.0, "b: a dampened weight keeps b times rest / forget Fisher information of itself, at most all",
        low=0.0, high=100.0, search=(0.1, 0.3, 1.0, 3.0),
    )  # fmt: skip
    information: str = information_option()
    samples: int = samples_option()

    @property
    def variant(self) -> str:
        """Name the information that is ours."""
        return "our information of similarities" if self.information == "similarity" else ""


@method(
    "ssd",
    SsdSettings,
    title="Selective synaptic dampening (SSD)",
    tier=3,
    source="Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening, arXiv 2308.07707",
    reference_url="https://arxiv.org/abs/2308.07707",
    stages=("select", "forget"),
    presets={"paper": {"information": "likelihood", "selection": 10.0, "dampening": 1.0}},
)
def ssd(task: Task, settings: SsdSettings) -> Iterator[Step]:
    """Shrink the weights whose Fisher information for the forget images exceeds that for the rest; no training.

    The last Step carries data["dampened"], the share of the image tower's weights that were, 0 to 1. Raises BadData
    where a set of training images is empty.
    """
    from clipforget.unlearning.diagonals import diagonals
    from clipforget.unlearning.trainer import steer_accuracy

    forget, rest = yield from diagonals(task, settings.samples, settings.information)
    weights = dict(task.clip.model.named_parameters())
    count = 0
    for name, information in forget.items():
        factors = dampening(information, rest[name], settings.selection, settings.dampening)
        weights[name].data.mul_(factors)
        count += int((factors < 1).sum())
    share = count / sum(information.numel() for information in forget.values())
    yield Step("forget", 1, 1, steer=steer_accuracy(task), data={"dampened": share})


def dampening(forget: Tensor, rest: Tensor, selection: float, constant: float) -> Tensor:
    """Return what every weight is multiplied by, 0 to 1, from two Fisher diagonals of one shape (equations 3 and 4)."""
    import torch

    factor = (constant * rest / forget.clamp_min(torch.finfo(forget.dtype).tiny)).clamp(max=1.0)
    return torch.where(forget > selection * rest, factor, torch.ones_like(factor))
