"""Probe by stage: what a linear classifier reads out of every stage of the image tower."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from clipforget.audits import AUC, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.audits._outputs import EMBEDDING, evenly, spaced, stage_outputs
from clipforget.evaluation.separation import Probe, auc, auc_interval, class_means, logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHOTS, ALL = (1, 4, 16), 0  # images of each group to fit on
DRAWS = 3  # of so few images, averaged
SHUFFLES = 8  # of the labels, averaged: one of them may lie anywhere
MOST = 100  # images of each group to fit on
TESTED = 150  # images of each group to test on, at most
PROBES: dict[str, Probe] = {"logistic": logistic, "class_means": class_means}
LABELS = {"siblings": "target against siblings", "others": "target against others"}
Outputs = Mapping[str, Mapping[str, "NDArray[Any]"]]  # by role and stage, N x channels
Areas = dict[tuple[str, int], float]  # AUC by probe and number of images to fit on


@audit(
    "probe",
    title="Probe by stage",
    question="Can a linear classifier still tell the target apart inside the model?",
    source="Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2016",
    reference_url="https://arxiv.org/abs/1610.01644",
    finds="a linear probe of the embedding tells the target apart with an AUC of {}",
    hidden="still readable",
    seconds=2.0,
)
def probe(subject: Subject, task: AuditTask) -> Measuring:
    """Fit linear probes on each stage's mean output: the target against its siblings and others, AUC on test images.

    Logistic regression and the difference of class means, on 1, 4, 16 (three draws) and all (at most 100) images of
    each group. Controls: shuffled labels, one sibling against another and, beside the original, a tower of shuffled
    weights.
    """
    roles = [role for role in LABELS if min(len(task.fit[role]), len(task.test[role])) > 1]
    if not roles:
        return Measurement((Figure("siblings", LABELS["siblings"], None, note="There is nothing to tell it from."),))
    yield AuditStep(0, 1)
    fit, test = _outputs(subject, task, roles)
    work = [(role, stage) for role in roles for stage in fit["forget"]]
    areas: dict[str, dict[str, Areas]] = {role: {} for role in roles}
    for done, (role, stage) in enumerate(work, 1):
        groups = (fit["forget"], fit[role], test["forget"], test[role])
        areas[role][stage] = _areas([outputs[stage] for outputs in groups], task.seed)
        yield AuditStep(done, len(work) + 1, stage)
    first = roles[0]
    figures = [
        _figure(role, LABELS[role], areas[role][EMBEDDING]["logistic", ALL], test["forget"], test[role])
        for role in roles
    ]
    figures.append(_kept(figures[0].value or 0.0, task, first))
    figures += [
        Figure(f"shots_{n}", f"{LABELS[first]}, {n} to fit on", area, count=DRAWS, unit=AUC, note="The mean of draws.")
        for (name, n), area in areas[first][EMBEDDING].items()
        if name == "logistic" and n != ALL
    ]
    figures += _controls(subject, task, fit, test, first)
    lines = [
        {
            "against": role,
            "probe": name,
            "shots": n,
            "auc": [round(found[name, n], 4) for found in areas[role].values()],
        }
        for role in roles
        for name, n in areas[role][EMBEDDING]
    ]
    return Measurement(tuple(figures), {"stages": list(fit["forget"]), "lines": lines})


def area_of(groups: Sequence[NDArray[Any]], fit: Probe = logistic) -> float:
    """Fit a probe to tell the first two groups apart; return the AUC at which it tells the next two apart, 0 to 1."""
    import numpy as np

    wanted, rest, tested, against = groups
    labels = np.arange(len(wanted) + len(rest)) < len(wanted)
    scores = fit(np.vstack([wanted, rest]), labels, np.vstack([tested, against]))
    return auc(scores[: len(tested)], scores[len(tested) :])


def _outputs(subject: Subject, task: AuditTask, roles: Iterable[str]) -> tuple[Outputs, Outputs]:
    """What the stages give for the images to fit on and to test on, of the target and some other roles."""
    every = ("forget", *roles)
    fit = {role: stage_outputs(subject, evenly(task.fit[role], MOST), MOST) for role in every}
    return fit, {role: stage_outputs(subject, task.test[role], TESTED) for role in every}


def _areas(groups: Sequence[NDArray[Any]], seed: int) -> Areas:
    """AUC by probe and by the number of images of each group to fit on, as far as there are so many."""
    import numpy as np

    rng, found = np.random.default_rng(seed), Areas()
    wanted, rest, *tested = groups
    for count in (n for n in SHOTS if n <= min(len(wanted), len(rest))):
        draws = [(rng.permutation(wanted)[:count], rng.permutation(rest)[:count]) for _ in range(DRAWS)]
        for name, fit in PROBES.items():
            found[name, count] = float(np.mean([area_of([*draw, *tested], fit) for draw in draws]))
    return found | {(name, ALL): area_of(groups, fit) for name, fit in PROBES.items()}


def _figure(
    key: str, label: str, area: float, tested: Mapping[str, NDArray[Any]], against: Mapping[str, NDArray[Any]]
) -> Figure:
    positives, negatives = len(tested[EMBEDDING]), len(against[EMBEDDING])
    return Figure(key, label, area, *auc_interval(area, positives, negatives), positives + negatives, AUC)


def _kept(area: float, task: AuditTask, role: str) -> Figure:
    """The share of the original's separation that is left, (AUC - .5) / (AUC of the original - .5)."""
    fit, test = _outputs(task.original_subject, task, [role])
    before = area_of([outputs[name][EMBEDDING] for outputs in (fit, test) for name in ("forget", role)]) - 0.5
    label = "kept of the original's separation"
    if before <= 0:
        return Figure("kept", label, None, note="The original does not tell the target apart.")
    return Figure("kept", label, (area - 0.5) / before, count=len(test["forget"][EMBEDDING]), note="A ratio of areas.")


def _controls(subject: Subject, task: AuditTask, fit: Outputs, test: Outputs, role: str) -> Iterator[Figure]:
    """What a probe of the embedding reads where there is nothing to read, and where all is there."""
    import numpy as np

    tested, against = test["forget"], test[role]
    wanted, both = fit["forget"][EMBEDDING], np.vstack([fit["forget"][EMBEDDING], fit[role][EMBEDDING]])
    rng = np.random.default_rng(task.seed)
    mixed = (np.split(rng.permutation(both), [len(wanted)]) for _ in range(SHUFFLES))
    area = float(np.mean([area_of([*halves, tested[EMBEDDING], against[EMBEDDING]]) for halves in mixed]))
    yield Figure("shuffled", "shuffled labels", area, count=SHUFFLES, unit=AUC, note="The mean of shuffles.")
    groups = []
    for images, outputs, most in ((task.fit[role], fit[role], MOST), (task.test[role], test[role], TESTED)):
        kinds = images.kinds[spaced(len(images), most)].numpy()
        groups += [outputs[EMBEDDING][kinds == kind] for kind in np.unique(task.test[role].kinds.numpy())[:2]]
    if len(groups) == 4 and all(map(len, groups)):
        pair = [{EMBEDDING: group} for group in groups]
        yield _figure("pair", "one sibling against another", area_of(groups), pair[2], pair[3])
    if subject.name == "original":
        random = Subject("random", subject.clip.clone())
        _shuffle_weights(random.clip.model, task.seed)
        fit, test = _outputs(random, task, [role])
        area = area_of([outputs[name][EMBEDDING] for outputs in (fit, test) for name in ("forget", role)])
        yield _figure("random", "a tower of shuffled weights", area, tested, against)


def _shuffle_weights(model: Any, seed: int) -> None:
    """Shuffle the entries of each weight of the image tower: as large as before, and nothing learnt is left."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.visual.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
