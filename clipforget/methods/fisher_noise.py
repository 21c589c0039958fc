"""Fisher forgetting: noise on the weights, most on those that tell what is to be forgotten.

Source: Golatkar, Achille and Soatto, Eternal Sunshine of the Spotless Net (arXiv 1911.04933, section 5): the noise of
least harm has a variance that falls with the Fisher information of what is kept. As a baseline of arXiv 2506.03117 it
is Gaussian noise whose variance is the Fisher information of D_f, times 0.2; that its deviation is scale * sqrt(F_f) is
inferred, the public text lost the formula. The fair form is ours: the same noise times sqrt(F_f / F_r), weight by
weight, so that it spares what the rest depends on as much.
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

FORMS = ("fair", "printed")
FLOOR = 1e-2  # share of a tensor's mean F_r that is added below the fraction of the fair form


@dataclass(frozen=True)
class FisherNoiseSettings:
    """Settings of Fisher forgetting."""

    form: str = option(
        "fair",
        "What the noise follows: printed takes the forget images' Fisher information alone, as the paper's baseline; "
        "fair divides it by the rest's (ours)",
        choices=FORMS,
    )
    scale: float = option(0.3, "Scale of the noise", low=0.0, high=10.0, search=(0.1, 0.2, 0.3, 0.5, 1.0))
    limit: float = option(
        3.0, "Largest factor that the fair form multiplies the noise by",
        low=0.0, high=100.0, advanced=True, search=(1.0, 3.0, 10.0),
    )  # fmt: skip
    information: str = information_option()
    samples: int = samples_option()

    @property
    def tier(self) -> int:
        """Return 1, images to forget, where no other information is read."""
        return 1 if self.form == "printed" else 3


@method(
    "fisher_noise",
    FisherNoiseSettings,
    title="Fisher forgetting (Fisher)",
    tier=3,
    source="Eternal Sunshine of the Spotless Net, arXiv 1911.04933",
    reference_url="https://arxiv.org/abs/1911.04933",
    stages=("select", "forget"),
    presets={"paper": {"form": "printed", "information": "likelihood", "scale": 0.2}},
)
def fisher_noise(task: Task, settings: FisherNoiseSettings) -> Iterator[Step]:
    """Add Gaussian noise to the weights, scaled by their Fisher information for the forget images; no training.

    All weights of the image tower; BatchNorm statistics stay. Raises BadData where a set of training images is empty.
    """
    import torch

    from clipforget.unlearning import batches
    from clipforget.unlearning.diagonals import diagonal, diagonals
    from clipforget.unlearning.trainer import steer_accuracy

    if settings.tier == 1:
        task.check_images(1)
        images = batches.sample(task.forget, settings.samples, torch.Generator().manual_seed(task.seed))
        forget = yield from diagonal(task, images, settings.information)
        rest = forget
    else:
        forget, rest = yield from diagonals(task, settings.samples, settings.information)
    weights = dict(task.clip.model.named_parameters())
    generator = torch.Generator().manual_seed(task.seed)
    for name, information in forget.items():
        weight = weights[name].data
        noise = torch.randn(weight.shape, generator=generator).to(weight.device)
        weight += settings.scale * noise_deviation(information, rest[name], settings.form, settings.limit) * noise
    yield Step("forget", 1, 1, steer=steer_accuracy(task))


def noise_deviation(forget: Tensor, rest: Tensor, form: str, limit: float) -> Tensor:
    """Return the noise's standard deviation at scale 1, from two Fisher diagonals of a weight's shape.

    printed: sqrt(F_f). fair: sqrt(F_f) * min(sqrt(F_f / (F_r + floor)), limit).
    """
    if form == "printed":
        return forget.sqrt()
    ratio = forget / (rest + FLOOR * rest.mean() + 1e-20)
    return forget.sqrt() * ratio.sqrt().clamp(max=limit)
