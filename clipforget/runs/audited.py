"""What audits found of a run: as audits.json keeps it, and as people read it, with verdicts. No torch."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.audits import AUDITS, SHARE, gap, judge, written
from clipforget.errors import BadSetting, RunProblem
from clipforget.evaluation.documents import FigureDocument, MeasurementDocument
from clipforget.runs.references import References, no_reference, references_of
from clipforget.runs.store import Run
from clipforget.settings import read_document
from clipforget.tabular import csv_safe

AUDITS_FILE = "audits.json"
REFERENCE = "reference"  # a model that never saw the target, which the user named
SUBJECTS = {"original": "original", "chosen": "at the chosen alpha", "zero": "at alpha 0"}


class StoredAudit(TypedDict):
    """What one audit found: a measurement for each subject, or in `reason` why there is none.

    `along` has a value of each figure, by its key, at every one of the document's alphas; empty where it would need a
    pass through the model. `note` says why its figures say nothing about the method, if they do not.
    """

    reason: str
    note: str
    seconds: float
    subjects: dict[str, MeasurementDocument]
    along: dict[str, list[float | None]]


class AuditsDocument(TypedDict):
    """What audits.json holds: `alpha` is the chosen one, `fingerprints` those of the run, `audits` by name."""

    version: str
    alpha: float
    alphas: list[float]
    fingerprints: dict[str, str]
    audits: dict[str, StoredAudit]


class AuditView(StoredAudit):
    """An audit of a run as it is shown.

    `reference` are measurements of models that never saw the target, by form (pictures; pictures and word), the
    yardstick first. passed: whether the model is as the reference; None where nothing can be said. verdict: a sentence.
    """

    name: str
    title: str
    question: str
    ideal: str
    source: str
    reference_url: str
    cheap: bool
    two_sided: bool
    reference: dict[str, MeasurementDocument]
    passed: bool | None
    verdict: str


class AuditsView(TypedDict):
    """All audits of a run, in their order; those never run have no subjects and no reason."""

    id: str
    alpha: float
    alphas: list[float]
    no_reference: str  # why there is no model that never saw the target; empty where there is one
    damaged: str  # what is wrong with audits.json, of which nothing is shown then; empty where it is whole
    audits: list[AuditView]


def read_audits(run: Run) -> AuditsDocument | None:
    """Read a run's audits.json, None where it has none.

    Raises RunProblem where it is damaged. Figures of other weights than the run's count as none.
    """
    path = run.path(AUDITS_FILE)
    if not path.exists():
        return None
    try:
        document = read_document(AuditsDocument, path)
        if any(
            len(values) != len(document["alphas"])
            for a in document["audits"].values()
            for values in a["along"].values()
        ):
            raise BadSetting("lists of lengths that do not fit each other")
        if not all(m["figures"] for a in document["audits"].values() for m in a["subjects"].values()):
            raise BadSetting("a measurement without a figure")
    except BadSetting as error:
        reason = f"The {AUDITS_FILE} of the run {run.id} is damaged ({error})"
        raise RunProblem(f"{reason}; run the audits again, which replaces it.") from error
    return document if document["fingerprints"] == run.info()["fingerprints"] else None


def audits_view(run: Run, document: AuditsDocument | None, references: References | None = None) -> AuditsView:
    """Return all that is known of the audits of a run; without `references` those that ship for its target."""
    references = references_of(run) if references is None else references
    stored = document["audits"] if document else {}
    views: list[AuditView] = []
    for name, entry in AUDITS.load().items():
        found = stored.get(name) or StoredAudit(reason="", note="", seconds=0.0, subjects={}, along={})
        subjects = dict(found["subjects"])
        own = {"your own": subjects.pop(REFERENCE)} if REFERENCE in subjects else {}
        forms = own | {form: audits[name] for form, audits in references.items() if name in audits}
        passed, verdict = _verdict(name, found, next(iter(forms.values()), None))
        about: Any = {
            key: getattr(entry, key)
            for key in ("name", "title", "question", "ideal", "source", "reference_url", "cheap", "two_sided")
        }
        view: Any = {**found, **about, "subjects": subjects, "reference": forms, "passed": passed, "verdict": verdict}
        views.append(view)
    best = run.info()["best"]
    alpha = document["alpha"] if document else best if best is not None else 0.0
    alphas = document["alphas"] if document else []
    return {
        "id": run.id,
        "alpha": alpha,
        "alphas": alphas,
        "no_reference": no_reference(run),
        "damaged": "",
        "audits": views,
    }


def audits_of(run: Run) -> AuditsView:
    """Return all that is known of the audits of a run; of a damaged audits.json nothing but what is wrong with it."""
    try:
        return audits_view(run, read_audits(run))
    except RunProblem as problem:
        return {**audits_view(run, None), "damaged": str(problem)}


class AuditGap(TypedDict):
    """The primary figure of an audit of a run, that of a model that never saw the target, and how far apart they are.

    gap is 0 to 1: the mean difference of the audit's compared figures, each as a share of its range; None without a
    reference. matched: the primary figure at another alpha; None where the audit does not follow alpha.
    """

    value: float | None
    reference: float | None
    gap: float | None
    matched: float | None


def audit_gaps(view: AuditsView, subject: str = "chosen", matched: float | None = None) -> dict[str, AuditGap]:
    """Return by name what audits measured of a subject, its gap to the reference, and its figure at alpha `matched`."""
    gaps = {}
    for entry in view["audits"]:
        subjects = entry["subjects"]
        found = subjects.get("original" if entry["note"] else subject)  # with a note all figures are the original's
        if found is not None:
            reference = next(iter(entry["reference"].values()), None) if AUDITS[entry["name"]].comparable else None
            primary = found["figures"][0]
            gaps[entry["name"]] = AuditGap(
                value=primary["value"],
                reference=reference["figures"][0]["value"] if reference else None,
                gap=gap(AUDITS[entry["name"]], found, reference),
                matched=_at(matched, view["alphas"], entry["along"].get(primary["key"], [])),
            )
    return gaps


def _at(alpha: float | None, alphas: list[float], values: list[float | None]) -> float | None:
    """A figure at an alpha, on the straight line between those at which it was measured; None where it was at none."""
    known = [(at, value) for at, value in zip(alphas, values, strict=False) if value is not None]
    if alpha is None or not known:
        return None
    return float(np.interp(alpha, [at for at, _ in known], [value for _, value in known]))


def _verdict(name: str, found: StoredAudit, reference: MeasurementDocument | None) -> tuple[bool | None, str]:
    if found["reason"] or found["note"]:
        return None, found["reason"] or found["note"]
    if "chosen" not in found["subjects"]:
        return None, ""
    subjects = found["subjects"]
    return judge(AUDITS[name], subjects["chosen"], reference, subjects.get("original"))


HEADER = ("audit", "figure", "original", "chosen alpha", "alpha 0", "never saw it")


def audit_rows(view: AuditsView, controls: bool = True) -> list[tuple[str, str, str, str, str, str]]:
    """Return a row for each figure of the audits that have been run, under HEADER; without controls the primary one."""
    rows = []
    for entry in view["audits"]:
        if not entry["subjects"]:
            continue
        columns = [_figures(entry["subjects"].get(name)) for name in SUBJECTS]
        columns.append(_figures(next(iter(entry["reference"].values()), None)))
        labels = {key: figure["label"] for column in columns for key, figure in column.items()}
        for number, (key, label) in enumerate(list(labels.items())[: None if controls else 1]):
            cells = [interval_text(column[key]) if key in column else "" for column in columns]
            rows.append(("" if number else entry["title"], label, cells[0], cells[1], cells[2], cells[3]))
    return rows


def audit_sentences(view: AuditsView) -> list[str]:
    """Return the verdict of each audit that has been run, or why there is none, its title first; or what is wrong."""
    if view["damaged"]:
        return [view["damaged"]]
    return [f"{entry['title']}: {entry['verdict']}" for entry in view["audits"] if entry["verdict"]]


def interval_text(figure: FigureDocument) -> str:
    """Return a figure with its interval for people, e.g. "66 % [61, 71]"."""
    if figure["low"] is None or figure["high"] is None:
        return written(figure)
    scale, digits = (100, 0) if figure["unit"] == SHARE else (1, 2)
    return f"{written(figure)} [{scale * figure['low']:.{digits}f}, {scale * figure['high']:.{digits}f}]"


def as_csv(view: AuditsView) -> str:
    """Return the figures as CSV, a line for each figure of each model."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(("audit", "model", "figure", "value", "low", "high", "count", "unit"))
    for entry in view["audits"]:
        references = {f"never saw it ({form})": found for form, found in entry["reference"].items()}
        for name, found in (entry["subjects"] | references).items():
            for figure in found["figures"]:
                numbers = (figure[key] for key in ("value", "low", "high", "count", "unit"))
                out.writerow((entry["name"], name, csv_safe(figure["key"]), *numbers))
    return text.getvalue()


def _figures(found: MeasurementDocument | None) -> dict[str, FigureDocument]:
    return {figure["key"]: figure for figure in found["figures"]} if found else {}
