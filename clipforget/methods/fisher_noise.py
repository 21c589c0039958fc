"""Fisher forgetting: noise on the weights, most on those that tell what is to be forgotten.

Source: Golatkar, Achille and Soatto, Eternal Sunshine of the Spotless Net (arXiv 1911.04933, section 5): the noise of
least harm has a variance that falls with the Fisher information of what is kept. The form `forget` is the baseline of
arXiv 2506.03117: Gaussian noise whose variance is derived from the Fisher information of D_f with a variance scaling
factor of 0.2, so a deviation of sqrt(0.2 F_f). The form `retain` is that of Unlearn-Sparse (Jia et al. 2023, arXiv
2304.04934; code: OPTML-Group/Unlearn-Sparse): sqrt(0.2 / F_r), clamped at 1e-3, with F of the retain set; at their
factor nearly every weight is at the clamp.
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

FORMS = ("forget", "retain")


@dataclass(frozen=True)
class FisherNoiseSettings:
    """Settings of Fisher forgetting."""

    form: str = option(
        "forget",
        "What the noise follows: forget grows with the forget images' Fisher information (arXiv 2506.03117); retain "
        "falls with the retain images' (Unlearn-Sparse)",
        choices=FORMS,
    )
    scale: float = option(
        0.2, "Factor of the noise's variance: F_f, or 1 / F_r, times this", low=0.0, high=1e6,
        search=(0.05, 0.2, 1.0, 3.0, 10.0),
    )  # fmt: skip
    limit: float = option(1e-3, "Largest deviation of the noise in the form retain", low=0.0, high=10.0, advanced=True)
    information: str = information_option()
    samples: int = samples_option()

    @property
    def tier(self) -> int:
        """Return 1, images to forget, where no other information is read."""
        return 1 if self.form == "forget" else 2

    @property
    def variant(self) -> str:
        """Name the form that is not that of arXiv 2506.03117, and the information that is ours."""
        form = "retain information" if self.form == "retain" else ""
        ours = "our information of similarities" if self.information == "similarity" else ""
        return ", ".join(filter(None, (form, ours)))


@method(
    "fisher_noise",
    FisherNoiseSettings,
    title="Fisher forgetting (Fisher)",
    tier=1,
    source="Eternal Sunshine of the Spotless Net, arXiv 1911.04933",
    reference_url="https://arxiv.org/abs/1911.04933",
    stages=("select", "forget"),
    presets={
        "paper": {"information": "likelihood"},
        "unlearn-sparse": {"form": "retain", "information": "likelihood"},
    },
    preset_notes={"unlearn-sparse": "From the literature: Unlearn-Sparse, arXiv 2304.04934, and its authors' code."},
)
def fisher_noise(task: Task, settings: FisherNoiseSettings) -> Iterator[Step]:
    """Add Gaussian noise to the weights, scaled by their Fisher information; no training.

    All weights of the image tower; BatchNorm statistics stay. Raises BadData where a set of training images is empty.
    """
    import torch

    from clipforget.unlearning import batches
    from clipforget.unlearning.diagonals import diagonal
    from clipforget.unlearning.trainer import steer_accuracy

    task.check_images(settings.tier)
    generator = torch.Generator().manual_seed(task.seed)
    images = batches.sample(getattr(task, settings.form), settings.samples, generator)
    fisher = yield from diagonal(task, images, settings.information)
    weights = dict(task.clip.model.named_parameters())
    for name, information in fisher.items():
        weight = weights[name].data
        noise = torch.randn(weight.shape, generator=generator).to(weight.device)
        weight += noise_deviation(information, settings) * noise
    yield Step("forget", 1, 1, steer=steer_accuracy(task))


def noise_deviation(information: Tensor, settings: FisherNoiseSettings) -> Tensor:
    """Return the noise's standard deviation from a Fisher diagonal of a weight's shape.

    forget: sqrt(scale F). retain: min(sqrt(scale / F), limit).
    """
    if settings.form == "forget":
        return (settings.scale * information).sqrt()
    return (settings.scale / information.clamp_min(1e-30)).sqrt().clamp(max=settings.limit)
