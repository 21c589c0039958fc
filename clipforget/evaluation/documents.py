"""What scores.json holds. Accuracies and shares are 0 to 1, H and Score 0 to 100; A = 101 alphas, 0 first.

Lists over alpha have A entries. N evaluated images, C class names of a level, G gallery images.
"""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

Share = float


class Estimate(TypedDict):
    """An accuracy and its 95 % interval."""

    value: Share
    low: Share
    high: Share


class ScoreRow(TypedDict):
    """The accuracy of one set of n images among the names of a level: before, and after at every alpha."""

    key: str
    label: str
    role: str
    n: int
    level: str
    before: Estimate
    after: list[Share]
    low: list[Share]
    high: list[Share]


class RankedRow(TypedDict):
    """How prompts rank the gallery: precision, recall or overlap of their first results, n being relevant images."""

    level: str
    role: str
    prompts: list[str]
    score: str
    n: int
    before: Share
    after: list[Share]


class Retrieval(TypedDict):
    """The rows over the first k results."""

    k: int
    rows: list[RankedRow]


class FoundRow(TypedDict):
    """How many of the first k results are to be forgotten, 0 to k: before, and after at every alpha.

    by: "coarse" or "fine" name, or "picture": the mean over n pictures of the target as queries. Of several names
    `name`, asked for by `prompt`, is the one that finds most at the suggested alpha; at each alpha the one that finds
    most there counts. A search for `prompt` shows as many.
    """

    by: str
    name: str
    prompt: str  # empty for pictures
    n: int
    before: float
    after: list[float]


class StillFound(TypedDict):
    """The rows over the first k results; `chance` is what k images drawn at random hold of the target."""

    k: int
    chance: float
    rows: list[FoundRow]


class PerClass(TypedDict):
    """The bars of the chart of classes; `after` has a list of them for every alpha."""

    labels: list[str]
    roles: list[str]
    n: list[int]
    before: list[Share]
    after: list[list[Share]]


class GalleryListing(TypedDict):
    """G items of [dataset index, superclass, subgroup, style, role]: numbers into the lists of names; -1 is none.

    `data` is the fingerprint of the data set.
    """

    data: str
    superclasses: list[str]
    subgroups: list[str]
    styles: list[str]
    roles: list[str]
    items: list[list[int]]


class StoredClassNames(TypedDict):
    """C names, and for each of the N images its own as a number, -1 where it has none.

    ensemble: the templates where there are several.
    """

    names: list[str]
    template: str
    labels: list[int]
    ensemble: NotRequired[list[str]]


class StoredEvalSet(TypedDict):
    """N dataset indices, (name, count) of the contiguous parts, N roles as numbers into ROLES, class names by level.

    goal: one of clipforget.unlearning.task.GOALS.
    kept: whether the target's images in sets with names of their own count as retained.
    """

    items: list[int]
    parts: list[list[str | int]]
    roles: list[int]
    class_names: dict[str, StoredClassNames]
    kept: NotRequired[bool]
    goal: NotRequired[str]  # suppressed before there were two


class BoundCurves(TypedDict):
    """The measured bound of interpolation at every alpha."""

    agreement: list[Share]
    accuracy: list[float]


class StoredChoice(TypedDict):
    """How alpha was chosen on `images` calibrate images of the target; see evaluation.metrics.Choice.

    `reason` is the sentence for people. Runs of version 0.1 know the alpha, its reason and `at_most` alone.
    """

    alpha: float
    reason: str
    limit: NotRequired[Share]
    images: NotRequired[int]
    accuracy: NotRequired[Share]
    at_most: NotRequired[Share]
    within: NotRequired[bool]
    plateau: NotRequired[list[float]]
    calibrate: NotRequired[dict[str, list[Share]]]  # accuracy by set (forget, siblings, others) at every alpha


class Collapse(TypedDict):
    """How far the model has collapsed at every alpha, over the test images that are to be retained.

    takes: the share of them that goes to the one class with most. nearest: their mean cosine with the nearest name.
    spread: the standard deviation over images of the cosine with a name, mean over names; 0 where all look alike.
    """

    takes: list[Share]
    nearest: list[float]
    spread: list[float]


class HAndScore(TypedDict):
    """H and Score, 0 to 100."""

    h: float
    score: float


class ShownScores(TypedDict):
    """The part of the scores that a view shows."""

    alphas: list[float]
    nodes: list[float]
    best: float
    chance: Share
    template: str
    precision: str
    bound: BoundCurves
    segments: list[dict[str, float]]  # the fields of a Bound for each pair of nodes
    choice: StoredChoice
    rows: list[ScoreRow]
    h: list[float]
    score: list[float]
    do_nothing: HAndScore
    per_class: PerClass
    gallery: GalleryListing
    suggestions: list[str]
    evaluation_sets: NotRequired[list[str]]  # a sentence on each set with names of its own
    collapse: NotRequired[Collapse | None]  # absent before it was measured; None where no image is retained
    near_duplicates: NotRequired[int]  # images left out of train, steer and calibrate; absent before they were sought
    refused: NotRequired[list[str]]  # absent before there were refusals
    retrieval: NotRequired[Retrieval]


class Scores(ShownScores):
    """All of scores.json."""

    evaluated: StoredEvalSet


def near_duplicates_note(count: int) -> str:
    """Say how many images a run left out."""
    return f"Left out {count:,} train or calibrate images that nearly repeat one that the run is judged by."


def found_sentence(found: StillFound, target: str, index: int) -> str:
    """Say how much of the target each row still finds at the alpha of an index, and under the original."""
    parts = []
    for row in found["rows"]:
        if row["by"] == "picture":
            query, after, before = (
                f"a picture of it (mean of {row['n']:,})",
                f"{row['after'][index]:.1f}",
                row["before"],
            )
            parts.append(f"{after} by {query}, was {before:.1f}")
        else:
            parts.append(f"{row['after'][index]:.0f} by “{row['name']}”, was {row['before']:.0f}")
    return f"Of the first {found['k']} results, still {target}: {'; '.join(parts)}. Chance finds {found['chance']:.1f}."


class Change(TypedDict):
    """An accuracy before and after."""

    before: Share
    after: Share


class RunCost(TypedDict, total=False):
    """Seconds of a method's own stages, peak memory in bytes, how many weight values it changed."""

    seconds: float
    memory: int
    parameters: int


class Headline(TypedDict):
    """The few figures of a run that stand in a list of runs, at the suggested alpha; None for a set without images."""

    forget: Change | None
    siblings: Change | None
    others: Change | None
    h: float
    score: float


class FigureDocument(TypedDict):
    """One figure of an audit: value and 95 % interval in its unit (share, steps, AUC, ...) over count cases.

    value is None where it means nothing, low and high where there is no interval; `note` says why.
    """

    key: str
    label: str
    value: float | None
    low: float | None
    high: float | None
    count: int
    unit: str
    note: str


class MeasurementDocument(TypedDict):
    """What an audit found of one model; the first figure is the primary one. `details` is for charts."""

    figures: list[FigureDocument]
    details: dict[str, Any]
