"""Representation: how alike every stage's output is to the original's. What is to stay should look as it did."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from clipforget.audits import NUMBER, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.audits._outputs import EMBEDDING, stage_outputs
from clipforget.data.splits import ROLES
from clipforget.evaluation.separation import linear_cka

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAST = 4  # images
MOST = 200  # images of each role
GROUPS = 16  # of images, each left out once for the interval
WIDTH = 1.96  # standard errors on each side
KEEP = 0.95  # CKA of the others below which they do not look as they did
LABELS = {"forget": "target", "siblings": "siblings", "others": f"others (at least {KEEP:.2f} is as before)"}


@audit(
    "representation",
    title="Representation",
    question="Do the model's features still look like the original's?",
    source="Kornblith et al., Similarity of Neural Network Representations Revisited, 2019",
    reference_url="https://arxiv.org/abs/1905.00414",
    finds="the target's features are as like the original's as a CKA of {}",
    hidden="not what a model without it makes of the target",
    ideal=f"what a model that never saw the target gives; others at least {KEEP:.2f}",
    two_sided=True,
)
def representation(subject: Subject, task: AuditTask) -> Measuring:
    """Compare each stage's mean output with the original's on the same test images: linear CKA, at most 1.

    For the target, its siblings and others (at most 200 images each), whose similarity is the control.
    """
    roles = [role for role in ROLES if len(task.test[role]) >= LEAST]
    if "forget" not in roles:
        return Measurement((Figure("forget", LABELS["forget"], None, note="It needs four test images of the target."),))
    figures, series = [], {}
    for done, role in enumerate(roles):
        yield AuditStep(done, len(roles), role)
        own, original = (stage_outputs(model, task.test[role], MOST) for model in (subject, task.original_subject))
        series[role] = [round(linear_cka(own[stage], original[stage]), 4) for stage in own]
        figures.append(_figure(role, own[EMBEDDING], original[EMBEDDING]))
    return Measurement(tuple(figures), {"stages": list(own), "cka": series})


def _figure(role: str, own: NDArray[Any], original: NDArray[Any]) -> Figure:
    """CKA of the embedding, with the interval of a jackknife that leaves out one group of images at a time."""
    import numpy as np

    value = linear_cka(own, original)
    if math.isnan(value):
        return Figure(role, LABELS[role], None, unit=NUMBER, note="All its features are alike, so there is no figure.")
    groups = np.arange(len(own)) % min(GROUPS, len(own) // 2)
    count = groups.max() + 1
    left = np.array([linear_cka(own[groups != group], original[groups != group]) for group in range(count)])
    half = WIDTH * math.sqrt((count - 1) * left.var())
    return Figure(role, LABELS[role], value, value - half, min(value + half, 1.0), len(own), NUMBER)
