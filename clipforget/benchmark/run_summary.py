"""One finished run as a comparison sees it: its figures at one alpha, its curve, what its audits found. No torch.

Accuracies and ratios are shares, 0 to 1; H and Score percent, 0 to 100; seconds; bytes.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

from clipforget.benchmark import matched
from clipforget.benchmark.documents import NAMED
from clipforget.benchmark.matched import LEVELS
from clipforget.errors import RunProblem
from clipforget.evaluation.curves import LEVEL, Curve, Reading, collapsed
from clipforget.evaluation.documents import HAndScore, RunCost, Scores
from clipforget.evaluation.metrics import is_retained, ratio
from clipforget.evaluation.scores import read_scores
from clipforget.runs.audited import SUBJECTS, AuditGap, audit_gaps, audits_view, read_audits
from clipforget.runs.store import Run
from clipforget.soup.path import index_of

NOT_FORGOT, COLLAPSED = "did not forget", "has collapsed"


@dataclass(frozen=True)
class SetFigures:
    """The accuracies of a set before and after, and their ratio."""

    label: str
    before: float
    after: float
    ratio: float


@dataclass(frozen=True)
class RunSummary:
    """What a comparison needs of a finished run, at its suggested alpha, whose index is `index`.

    sets are keyed as the rows of the scores: forget and what is retained. curve: over every alpha; read: where it comes
    down to each of LEVELS and to NAMED. collapsed: why it has collapsed. reasons: why some of this is of another kind
    than in runs made today. seconds, memory and parameters are None where the run does not say.
    """

    alpha: float
    h: float
    score: float
    sets: dict[str, SetFigures]
    chance: float
    untouched: HAndScore
    curve: Curve
    read: dict[str, Reading | None]
    collapsed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    seconds: float | None = None
    memory: int | None = None
    parameters: int | None = None
    index: int = 0
    audits: dict[str, AuditGap] = field(default_factory=dict)
    untouched_audits: dict[str, AuditGap] = field(default_factory=dict)

    @property
    def gap(self) -> float | None:
        """The average gap to a model that never saw the target, 0 to 1, over the audits that have one."""
        gaps = [entry["gap"] for entry in self.audits.values() if entry["gap"] is not None]
        return statistics.fmean(gaps) if gaps else None

    @property
    def verdict(self) -> str:
        """Say in words what is wrong, if anything."""
        causes = f"{COLLAPSED}: {', '.join(self.collapsed)}" if self.collapsed else ""
        return "; ".join(filter(None, (NOT_FORGOT if self.read["10"] is None else "", causes)))


def run_summary(run: Run, alpha: float | None = None) -> RunSummary:
    """Summarize a finished run; with an alpha as if there were no other. Raises RunProblem for unreadable scores."""
    scores = read_scores(run.path("scores.json"))
    index = index_of(scores["best"] if alpha is None else alpha, scores["alphas"])
    sets = {}
    for row in scores["rows"]:
        if row["key"] == "forget" or is_retained(row["key"]):
            before, after = row["before"]["value"], row["after"][index]
            sets[row["key"]] = SetFigures(row["label"], before, after, ratio(after, before))
    curve, siblings = Curve.of(scores["alphas"], scores["rows"]), sets.get("siblings")
    curve = curve if alpha is None else curve.only(index)
    cost: RunCost = run.info().get("cost") or {}
    read = readings(curve, scores["chance"])
    found = _audits(run, alpha, read["10"])
    return RunSummary(
        alpha=scores["alphas"][index],
        h=scores["h"][index],
        score=scores["score"][index],
        sets=sets,
        chance=scores["chance"],
        untouched=scores["do_nothing"],
        curve=curve,
        read=read,
        collapsed=tuple(collapsed(index, siblings.ratio if siblings else None, scores.get("collapse"))),
        reasons=tuple(_reasons(scores)),
        index=index,
        seconds=cost.get("seconds"),
        memory=cost.get("memory"),
        parameters=cost.get("parameters"),
        audits=found.get("zero" if alpha == 0 else "chosen", {}),
        untouched_audits=found.get("original", {}),
    )


def _audits(run: Run, alpha: float | None, reading: Reading | None) -> dict[str, dict[str, AuditGap]]:
    """What its audits found by subject, the chosen one also where its curve is read at 10 %.

    Nothing where it is read at an alpha that they were not done at, or damaged.
    """
    try:
        document = read_audits(run)
    except RunProblem:  # which the run's own page says
        return {}
    read_at = run.info()["best"] if alpha is None else alpha
    if document is None or read_at not in (0.0, document["alpha"]):
        return {}
    view = audits_view(run, document)
    matched = {} if reading is None else {"chosen": reading.alpha}
    return {subject: audit_gaps(view, subject, matched.get(subject)) for subject in SUBJECTS}


def readings(curve: Curve, chance: float) -> dict[str, Reading | None]:
    """Read a curve at each of LEVELS of forget accuracy, and at NAMED; None where it never gets there."""
    named = curve.by_class_name()
    by_level = {level: curve.read(matched.accuracy_of(level, chance)) for level in LEVELS}
    return {**by_level, NAMED: named.read(LEVEL) if named else None}


def _reasons(scores: Scores) -> Iterable[str]:
    """Why some of a run's figures are of another kind, or missing."""
    keys = [row["key"] for row in scores["rows"]]
    if "forget-coarse" not in keys:
        yield "Forget accuracy is that under the coarse name alone in runs made before the fine name counted."
    if "collapse" not in scores:
        yield "Whether older runs have collapsed is told by their siblings alone."
    if "siblings" not in keys:
        yield "Where a whole class is forgotten there are no siblings, so their figures are blank."
