"""Audits: is it gone, or only hidden? One file each. An audit measures one model; the same code measures them all.

    @audit(
        "image_query", title="Image query", question="Does a picture of the target find the target?",
        source="...", reference_url="https://...", finds="an image query finds {}", hidden="still a cluster",
    )
    def image_query(subject: Subject, task: AuditTask) -> Measuring:
        yield AuditStep(0, 1)
        return Measurement((Figure.mean("target", "target", precisions),))

The first figure is the primary one; what stands beside it are controls. The yardstick is a model that was retrained
without the target, not zero: an audit that this reference fails proves nothing.
Files here import torch inside functions, so that the list of audits is known without it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar, cast

from clipforget.audits._subject import AuditImages, AuditTask, Subject
from clipforget.evaluation.documents import FigureDocument, MeasurementDocument
from clipforget.evaluation.metrics import bootstrap, wilson
from clipforget.files import finite
from clipforget.generators import relay
from clipforget.registry import Registry
from clipforget.settings import as_dict
from clipforget.unlearning.task import IMAGE, NOTHING, TEXT

__all__ = [
    "AUDITS", "Audit", "AuditImages", "AuditStep", "AuditTask", "Figure", "Measurement", "Measuring", "Subject",
    "audit", "gap", "judge", "measure", "written",
]  # fmt: skip
SHARE, AUC, STEPS, NUMBER = "share", "AUC", "steps", "number"  # units
MARGIN = 0.05  # share of the scale that counts as the same where the reference's figure has no interval


@dataclass(frozen=True)
class Figure:
    """A figure in its unit and its 95 % interval, over `count` cases.

    value None: it means nothing here; low and high None: it has no interval. `note` says why.
    """

    key: str
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    count: int = 0
    unit: str = SHARE
    note: str = ""

    @classmethod
    def share(cls, key: str, label: str, hits: int, count: int) -> Figure:
        """Return the share of hits among count images, 0 to 1, with Wilson's interval."""
        if not count:
            return cls(key, label, None, note="There is no such image.")
        return cls(key, label, hits / count, *wilson(hits, count), count)

    @classmethod
    def mean(cls, key: str, label: str, values: Sequence[float], unit: str = SHARE) -> Figure:
        """Return the mean of a value for each image, with its bootstrap interval over images."""
        if not len(values):
            return cls(key, label, None, unit=unit, note="There is no such image.")
        return cls(key, label, float(sum(values) / len(values)), *bootstrap(values), len(values), unit)


@dataclass(frozen=True)
class Measurement:
    """What an audit found of one model. The first figure is the primary one; `details` is JSON for charts."""

    figures: tuple[Figure, ...]
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> MeasurementDocument:
        """Return the measurement for audits.json."""
        return cast(MeasurementDocument, finite(as_dict(self)))


@dataclass(frozen=True)
class AuditStep:
    """One record of progress: `step` of `total`, and what is at work."""

    step: int
    total: int
    note: str = ""


Measuring = Generator[AuditStep, None, Measurement]
Measure = Callable[[Subject, AuditTask], Measuring]
Figures = Mapping[str, FigureDocument]
Bound = Callable[[Figures], tuple[float | None, str]]  # from a measurement's figures: the most there may be, and why
AnyMeasure = TypeVar("AnyMeasure", bound=Measure)


@dataclass(frozen=True)
class Audit:
    """A registered audit: `measure(subject, task)` yields AuditStep records and returns a Measurement.

    `question` is what it asks; `ideal` what it should find, in words. `needs` are of classes, fine, siblings, others,
    members; `looks_at` is the tower whose change it sees (IMAGE, TEXT, or "both towers": any). `follows`: it reads
    nothing but features of test images and texts, so that it can be computed at every alpha without a pass through the
    model. `cheap` ones take seconds; `seconds` is a guess for one subject of the shipped model.
    `finds` puts the primary figure into words, {} for its value, `hidden` what too high a value means, or too low a one
    where `hidden_below`. `two_sided`: a value below the reference's is as far from it as one above. `bound` says what
    counts where there is no reference, or in any case where models of another training cannot be compared
    (`comparable` False). `mixes`: it puts parts of the model and of the original together, so that of references only
    those of the original's seed are like it. `control` is the key of a figure that is to be no lower than the
    reference's: what moved the siblings as well does not pass. `compared` are the keys of the figures that make up the
    gap to the reference, the primary one where there are none; `scale` is the width of their range.
    """

    name: str
    title: str
    question: str
    summary: str
    source: str
    reference_url: str
    measure: Measure
    finds: str
    hidden: str
    ideal: str = "what a model that never saw the target gives"
    bound: Bound | None = None
    two_sided: bool = False
    hidden_below: bool = False
    comparable: bool = True
    mixes: bool = False
    control: str = ""
    compared: tuple[str, ...] = ()
    scale: float = 1.0
    needs: tuple[str, ...] = ()
    looks_at: str = IMAGE
    follows: bool = False
    cheap: bool = True
    seconds: float = 1.0

    def unaffected(self, changes: str) -> str:
        """Return why the audit says nothing about a method that changes this (IMAGE, TEXT, BOTH or NOTHING), or ""."""
        if changes == NOTHING and self.looks_at in (IMAGE, TEXT):
            return "The method changes no weights, so every figure is the original's."
        if changes == TEXT and self.looks_at == IMAGE:
            return (
                "The method changes the text tower only; this looks at images alone, so every figure is the original's."
            )
        return ""


AUDITS: Registry[Audit] = Registry("audit", __name__)


def audit(name: str, **about: Any) -> Callable[[AnyMeasure], AnyMeasure]:
    """Register a generator function as an audit; `about` are the fields of Audit, the docstring gives the summary."""

    def register(measure: AnyMeasure) -> AnyMeasure:
        summary = (measure.__doc__ or "").strip().splitlines()[0]
        AUDITS[name] = Audit(name=name, summary=summary, measure=measure, **about)
        return measure

    return register


def measure(
    names: Iterable[str], subject: Subject, task: AuditTask
) -> Generator[tuple[str, AuditStep], None, dict[str, Measurement | str]]:
    """Measure one model by some audits, yielding (audit, step); a sentence stands for what the task does not allow."""
    found: dict[str, Measurement | str] = {}
    for name in names:
        entry = AUDITS.load()[name]
        found[name] = task.lacks(entry.needs)
        if not found[name]:
            found[name] = yield from relay(entry.measure(subject, task), partial(_named, name))
    return found


def _named(name: str, step: AuditStep) -> tuple[str, AuditStep]:
    return name, step


def judge(
    entry: Audit,
    found: MeasurementDocument,
    reference: MeasurementDocument | None,
    original: MeasurementDocument | None,
) -> tuple[bool | None, str]:
    """Judge a measurement in one sentence: whether it is what the reference gives, None where nothing can be said.

    Without a reference the audit's own bound counts, or else the original's figure is shown beside it.
    """
    primary = found["figures"][0]
    if primary["value"] is None:
        return None, primary["note"] or "This has no figure here."
    words = entry.finds.format(written(primary)) + (f" ({primary['note']})" if primary["note"] else "")
    if reference is not None and entry.comparable and reference["figures"][0]["value"] is not None:
        theirs = reference["figures"][0]
        passed = _as_reference(primary["value"], theirs, entry)
        harm = _harm(entry, found, reference) if passed else ""
        head = entry.hidden if not passed else "Not the target alone" if harm else "As in a model that never saw it"
        return passed and not harm, f"{_upper(head)}: {words}, a model that never saw one {written(theirs)}{harm}."
    if entry.bound is not None:
        try:
            most, why = entry.bound({figure["key"]: figure for figure in found["figures"]})
        except KeyError:  # another version measured it
            return None, "Its controls are missing; run it again."
        if most is None:
            return None, f"{_upper(words)}, {why}."
        passed = primary["value"] <= most + 1e-9
        head = "Within bounds" if passed else entry.hidden
        alone = " There is no model that never saw one to compare with." if entry.comparable else ""
        return passed, f"{_upper(head)}: {words}, {why}.{alone}"
    before = "" if original is None else f", in the original {written(original['figures'][0])}"
    return None, f"{_upper(words)}{before}. Without a model that never saw one, this alone proves nothing."


def gap(entry: Audit, found: MeasurementDocument, reference: MeasurementDocument | None) -> float | None:
    """Return how far a measurement is from the reference's, 0 to 1; None where they have no figure in common.

    The mean over `compared` figures of the difference as a share of `scale`, the width of their range, at most 1.
    """
    ours, theirs = ({f["key"]: f["value"] for f in each["figures"]} if each else {} for each in (found, reference))
    pairs = [(ours.get(key), theirs.get(key)) for key in entry.compared or (found["figures"][0]["key"],)]
    gaps = [min(abs(a - b) / entry.scale, 1.0) for a, b in pairs if a is not None and b is not None]
    return sum(gaps) / len(gaps) if gaps else None


def written(figure: FigureDocument) -> str:
    """Return the value of a figure for people: percent, or a number with its unit."""
    value = figure["value"]
    if value is None or not math.isfinite(value):
        return "nothing"
    if figure["unit"] == SHARE:
        return f"{100 * value:.0f} %"
    return f"{value:.0f} steps" if figure["unit"] == STEPS else f"{value:.2f}"


def _as_reference(value: float, reference: FigureDocument, entry: Audit) -> bool:
    """Whether a value is inside the reference's interval or on its right side; what is printed alike is alike."""
    middle, margin = reference["value"] or 0.0, MARGIN * entry.scale
    low, high = (
        (middle - margin, middle + margin) if reference["low"] is None else (reference["low"], reference["high"])
    )
    slack = 0.5 if reference["unit"] == STEPS else 0.005
    not_above, not_below = value <= (high or 0.0) + slack, value >= (low or 0.0) - slack
    return (not_above or entry.hidden_below) and (not_below or not (entry.two_sided or entry.hidden_below))


def _harm(entry: Audit, found: MeasurementDocument, reference: MeasurementDocument) -> str:
    """The end of a sentence about a control that is lower than in the reference; "" where it is not."""
    own, theirs = (
        next((f for f in each["figures"] if f["key"] == entry.control and f["value"] is not None), None)
        for each in (found, reference)
    )
    if own is None or theirs is None:
        return ""
    least = theirs["low"] if theirs["low"] is not None else (theirs["value"] or 0.0) - MARGIN * entry.scale
    lower = (own["value"] or 0.0) < least - 1e-9
    return f", but for {own['label']} it is {written(own)}, in that model {written(theirs)}" if lower else ""


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
