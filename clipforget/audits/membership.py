"""Membership: does the model still treat images that it was trained on otherwise than images that it never saw?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipforget.audits import AUC, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.data.splits import ROLES
from clipforget.evaluation.separation import auc, auc_interval, true_positives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from clipforget.audits import AuditImages

RATE = 0.01  # of false positives
LABELS = {"loss": "by loss", "cosine": "by cosine", "margin": "by margin"}


@audit(
    "membership",
    title="Membership",
    question="Can one tell which pictures of the target it was trained on?",
    source="Carlini et al., Membership Inference Attacks From First Principles, 2022",
    reference_url="https://arxiv.org/abs/2112.03570",
    finds="pictures of the target from its training are told from new ones with an AUC of {}",
    hidden="its training shows",
    ideal="0.5: no difference. Far below is a difference too, the other way round (the Streisand effect)",
    two_sided=True,
    needs=("classes", "members"),
    looks_at="both towers",
)
def membership(subject: Subject, task: AuditTask) -> Measuring:
    """Tell train images, which the original was pretrained on, from test images by loss, cosine and margin.

    AUC, and the share of members found at a false-positive rate of 1 %. Siblings and others, by loss, are controls.
    """
    roles = [role for role in ROLES if min(len(task.fit[role]), len(task.test[role]))]
    figures = []
    for done, role in enumerate(roles):
        yield AuditStep(done, len(roles), role)
        seen, unseen = (_scores(subject, task, images) for images in (task.fit[role], task.test[role]))
        if role == "forget":
            figures += [_figure(name, LABELS[name], seen[name], unseen[name]) for name in LABELS]
            figures += [_caught(name, seen[name], unseen[name]) for name in LABELS]
        else:
            figures.append(_figure(role, f"{role}, {LABELS['loss']}", seen["loss"], unseen["loss"]))
    return Measurement(tuple(figures))


def _scores(subject: Subject, task: AuditTask, images: AuditImages) -> dict[str, NDArray[Any]]:
    """N scores by name, each the higher the more an image looks as if it had been trained on."""
    import torch

    cosines = subject.features(images) @ subject.texts(task.class_prompts).T
    own = cosines.gather(1, images.labels[:, None])[:, 0]
    best = cosines.scatter(1, images.labels[:, None], -torch.inf).max(dim=1).values
    likelihood = torch.log_softmax(subject.clip.logit_scale * cosines.double(), dim=1)
    loss = likelihood.gather(1, images.labels[:, None])[:, 0]
    return {"loss": loss.numpy(), "cosine": own.numpy(), "margin": (own - best).numpy()}


def _figure(key: str, label: str, seen: NDArray[Any], unseen: NDArray[Any]) -> Figure:
    area = auc(seen, unseen)
    return Figure(key, label, area, *auc_interval(area, len(seen), len(unseen)), len(seen) + len(unseen), AUC)


def _caught(name: str, seen: NDArray[Any], unseen: NDArray[Any]) -> Figure:
    label = f"found at {RATE:.0%} false positives, {LABELS[name]}"
    return Figure.share(f"caught_{name}", label, true_positives(seen, unseen, RATE), len(seen))
