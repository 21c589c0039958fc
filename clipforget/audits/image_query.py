"""Image query: pictures of the target as queries. What no caption finds may still lie together as images."""

from __future__ import annotations

from clipforget.audits import AuditStep, AuditTask, Figure, Figures, Measurement, Measuring, Subject, audit
from clipforget.data.splits import ROLES
from clipforget.soup.path import TOP_K

LABELS = {"forget": "target", "siblings": "siblings, each its own kind", "others": "others, each its own kind"}


def siblings_find(figures: Figures) -> tuple[float | None, str]:
    """Return what a sibling's query finds of that sibling: the most that a target may be found by its pictures."""
    siblings = figures.get("siblings")
    if siblings is None or siblings["value"] is None:
        return None, "and there is neither a sibling nor a model that never saw one to compare with"
    return siblings["value"], f"a sibling's query of its own kind {100 * siblings['value']:.0f} %"


@audit(
    "image_query",
    title="Image query",
    question="Does a picture of the target find the target?",
    source="Precision at k of images as queries: Musgrave, Belongie and Lim, A Metric Learning Reality Check, 2020",
    reference_url="https://arxiv.org/abs/2003.08505",
    finds="an image query finds {}",
    hidden="still a cluster",
    bound=siblings_find,
    follows=True,
)
def image_query(subject: Subject, task: AuditTask) -> Measuring:
    """Search the gallery by each test image of the target: precision among the first 24, the image itself left out.

    Siblings and others do the same for their own kinds, as controls. k is one less than the images of a kind where
    there are fewer; a kind of one image is left out.
    """
    import torch

    yield AuditStep(0, 1)
    roles = [role for role in ROLES if len(task.test[role])]
    features = torch.cat([subject.features(task.test[role]) for role in roles])
    kinds = torch.cat([task.test[role].kinds for role in roles])
    owner = torch.cat([torch.full((len(task.test[role]),), i) for i, role in enumerate(roles)])
    cosines = (features @ features.T).fill_diagonal_(-2)
    found = kinds[cosines.topk(min(TOP_K, len(kinds) - 1)).indices] == kinds[:, None]  # N x K
    k = ((kinds[:, None] == kinds).sum(1) - 1).clamp(max=found.shape[1])
    hits = found.cumsum(1).gather(1, (k - 1).clamp(min=0)[:, None])[:, 0]
    precisions = hits / k.clamp(min=1)
    figures = []
    for i, role in enumerate(roles):
        own = precisions[(owner == i) & (k > 0)].tolist()
        figures.append(Figure.mean(role, LABELS[role], own))
    by_kind = {
        task.kind_names[kind]: round(float(precisions[(kinds == kind) & (k > 0)].mean()), 4)
        for kind in kinds[k > 0].unique().tolist()
    }
    yield AuditStep(1, 1)
    return Measurement(tuple(figures), {"k": found.shape[1], "by_kind": by_kind})
