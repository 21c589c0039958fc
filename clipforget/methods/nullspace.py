"""Nullspace projection: take what the names of the target point to out of the image features, in closed form.

Source: Mishra et al., Erasing CLIP Memories (arXiv 2512.14137): U is an orthonormal basis of the target's text
embeddings, and P = I - a U U^T (naive: a = 1, partial: a < 1) is folded into the last projection. Only the image side
is projected. Ours: reflection, a = 2, which turns the part round instead of taking it out; residual, which takes out
only what no retained name shares; ridge, (T_r T_r' + g I) (T_r T_r' + l T_f T_f' + g I)^-1 with the names as columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.errors import BadSetting
from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.task import Step, Task

if TYPE_CHECKING:
    from torch import Tensor

FORMS = ("partial", "reflection", "residual", "ridge")


@dataclass(frozen=True)
class NullspaceSettings:
    """Settings of nullspace projection."""

    form: str = option(
        "partial",
        "partial takes the target's directions out by the strength (paper); reflection turns them round, residual "
        "spares what retained names share, ridge weighs both (ours)",
        choices=FORMS,
    )
    strength: float = option(
        1.0, "a of partial and residual: the share of the directions that is taken out", low=0.0, high=1.0,
        search=(0.5, 0.7, 0.8, 0.9, 0.95, 1.0),
    )  # fmt: skip
    forget_weight: float = option(10.0, "l of ridge: weight of the target's names", low=0.0, high=1e6, advanced=True)
    ridge: float = option(0.01, "g of ridge: what holds every other direction", low=1e-8, high=100.0, advanced=True)
    protect_coarse: bool = option(
        False,
        "Count the coarse caption among the retained names (residual and ridge): the subgroup's own name is lost, but "
        "its images keep the coarse one (ours)",
    )

    @property
    def variant(self) -> str:
        """Name the forms that are ours."""
        return "" if self.form == "partial" else f"our {self.form}"


@method(
    "nullspace",
    NullspaceSettings,
    title="Nullspace projection",
    tier=0,
    source="Erasing CLIP Memories, arXiv 2512.14137",
    reference_url="https://arxiv.org/abs/2512.14137",
    presets={"paper": {}, "partial": {"strength": 0.8}, "ours": {"form": "reflection"}},
    preset_notes={"ours": "Ours, not the paper's: the directions are turned round, a = 2."},
)
def nullspace(task: Task, settings: NullspaceSettings) -> Iterator[Step]:
    """Take the directions of the target's names out of the image tower's last projection; no training.

    Raises BadModel for a tower that does not end in a linear map, BadSetting where the form `residual` leaves nothing
    to take out, since the target's names lie in the span of the retained ones.
    """
    import torch

    from clipforget.models.projection import project
    from clipforget.unlearning.trainer import steer_accuracy

    retained = [*task.retain_prompts, *(coarse_captions(task) if settings.protect_coarse else ())]
    with torch.no_grad():
        forget, retain = (task.original.encode_text(texts).cpu() for texts in (task.forget_prompts, retained))
    project(task.clip.model, matrix(forget, retain, settings))
    yield Step("forget", 1, 1, steer=steer_accuracy(task))


def coarse_captions(task: Task) -> list[str]:
    """List the captions of the superclasses that targets lie in, save those that are themselves to be forgotten."""
    names = [target.superclass for target in task.targets if target.superclass != "*"]
    captions = dict.fromkeys(task.template.replace("{}", name) for name in names)
    return [caption for caption in captions if caption not in task.forget_prompts]


def matrix(forget: Tensor, retain: Tensor, settings: NullspaceSettings) -> Tensor:
    """Return P, D x D, in double precision, from text features of the target's names (M x D) and others' (N x D)."""
    from clipforget.unlearning.directions import basis, orthogonal_part, projection_matrix, regression

    if settings.form == "ridge":
        forget, retain = forget.double(), retain.double()
        return regression(retain.T @ retain, forget.T @ forget, settings.forget_weight, settings.ridge)
    if settings.form == "residual":
        forget = orthogonal_part(forget, retain)
        if not len(forget):
            raise BadSetting(
                "The target's names lie in the span of the retained ones; choose the form partial or ridge."
            )
    return projection_matrix(basis(forget), 2.0 if settings.form == "reflection" else settings.strength)
