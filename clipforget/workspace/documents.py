"""What the page and the command line get, field by field: runs, queries and soups.

A = 101 alphas, K neighbours.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from clipforget.evaluation.documents import GalleryListing, Headline, RunCost, ScoreRow, ShownScores, StillFound
from clipforget.runs.audited import AuditsView
from clipforget.runs.documents import Event, StepEvent
from clipforget.settings import SettingValue

FORMATS = ("open_clip", "transformers", "patch")  # that a model can be exported in


class RunEntry(TypedDict):
    """A line of the list of runs: the fields of run.json that it shows; `sample` for one that ships with the app."""

    id: str
    title: str
    created: str
    state: str
    starred: bool | None
    tags: list[str] | None
    notes: str | None
    config: dict[str, Any]
    best: float | None
    headline: Headline | None
    seconds: float | None
    error: str | None
    device: str
    comparison: str | None
    sample: bool
    position: int | None  # in the line of its device, 1 for the next to start
    own: NotRequired[bool]  # on a public server: whether the visitor may stop and delete it


class UnfinishedView(TypedDict):
    """What is known of a run that is not finished; `log` is the end of its worker's."""

    id: str
    title: str
    state: Literal["queued", "running", "stopped", "failed", "lost"]
    created: str
    seconds: float | None
    device: str
    command: str
    config: dict[str, Any]
    error: str | None
    starred: bool | None
    sample: bool
    log: str
    position: int | None


class ListedComparison(TypedDict):
    """A comparison in the list of them: `done` of `total` runs are. Of a damaged one only id and `error` are known."""

    id: str
    title: str
    created: str
    state: str
    done: int
    total: int
    error: NotRequired[str]
    own: NotRequired[bool]
    position: NotRequired[int | None]  # in the line of its device, 1 for the next to start


class RunEvents(TypedDict):
    """The new events of a run; `now` is the seconds since it was created, `position` its place in line while it waits.

    The next to start is in place 1. `about` says what the run forgets from what.
    """

    about: str
    state: str
    error: str | None
    position: int | None
    events: list[Event]
    now: float


class LayerRecord(TypedDict):
    """What a method says of a layer and why it was chosen or not; see unlearning.fisher.LayerFisher."""

    name: str
    forget: float
    retain: float
    relative: float
    chosen: bool
    eligible: NotRequired[bool]


class RunView(ShownScores):
    """All that is shown of a finished run apart from its queries. `settings` are complete, `config` as it was given."""

    id: str
    title: str
    state: Literal["done"]
    created: str
    seconds: float | None
    device: str
    command: str
    config: dict[str, Any]
    starred: bool
    cost: RunCost | None
    settings: dict[str, SettingValue]
    target: str  # what is forgotten, in short
    notes: list[str]
    layers: list[LayerRecord]
    steps: list[StepEvent]
    original_share: float | None
    found: StillFound


class AuditsSummary(TypedDict):
    """What the audits of a run come to, at the alpha they were made at: titles of those that fail and that pass.

    hidden: the target counts as forgotten, and yet audits find it. `sentence` says it for people.
    """

    alpha: float
    audited: bool
    failed: list[str]
    passed: list[str]
    hidden: bool
    sentence: str


class AuditsWork(TypedDict):
    """How the work of auditing stands: state as of a run, names of the audits, the last event, the place in line."""

    state: str
    error: str | None
    names: list[str]
    event: StepEvent | None
    position: int | None


class AuditsPage(AuditsView):
    """All audits of a run with their summary and work; `problem` is why no audit can be made now, "" otherwise."""

    summary: AuditsSummary
    work: AuditsWork | None
    problem: str


class FinishedView(RunView):
    """The view of a run with `sample`: whether it ships with the app, and what its audits come to."""

    sample: bool
    audits: AuditsSummary


class ExportSize(TypedDict):
    """The size of an exported model in one format, or the sentence that says why there is none."""

    bytes: int | None
    refused: str | None


class Hits(TypedDict):
    """The K nearest images by their number in the gallery, best first; `ranks` among all images where some are left."""

    ids: list[int]
    cosines: list[float]
    ranks: NotRequired[list[int]]


class HitsAlong(TypedDict):
    """The same at each of the A alphas."""

    ids: list[list[int]]
    cosines: list[list[float]]
    ranks: NotRequired[list[list[int]]]


class Ranking(TypedDict):
    """A page of a query's results under the original and at every alpha, of `total` in all.

    `refused` is the word that the method refuses.
    """

    k: int
    total: int
    before: Hits
    after: HitsAlong
    refused: NotRequired[str]


class Query(TypedDict):
    """What was asked: kind is text, image (of the gallery) or upload."""

    kind: str
    label: str


class QueryPack(Ranking):
    """A ranking with its query; `note` is a sentence on words that the model does not know."""

    query: Query
    note: NotRequired[str]


class ExactResults(Hits):
    """Scores by the keys of the rows, and results, at one alpha with every image embedded anew.

    agreement: the share of the results that the interpolated ranking has too.
    """

    alpha: float
    rows: dict[str, float]
    agreement: float
    refused: NotRequired[str]


class MixtureRun(TypedDict):
    """A run of a soup: what it forgets, its method and the alpha suggested for it alone."""

    id: str
    title: str
    best: float
    target: str
    method: str


class MixtureClass(TypedDict):
    """The accuracy of n images of a class: before, and by each of the k runs alone at each alpha, k x A."""

    label: str
    role: str
    n: int
    before: float
    alone: list[list[float]]


class MixtureView(TypedDict):
    """A soup of k runs, whatever its alphas; `approximate` tells whether there are lines without exact nodes."""

    runs: list[MixtureRun]
    gallery: GalleryListing
    suggestions: list[str]
    chance: float
    classes: list[MixtureClass]
    approximate: bool


class MixtureBound(TypedDict):
    """How far figures may be off at each alpha: the share of the top 24 that agrees, the accuracy in points."""

    agreement: list[float]
    accuracy: list[float]


class MixtureOff(TypedDict):
    """The same of the approximation at the point itself, measured."""

    agreement: float
    accuracy: float


class MixtureLine(TypedDict):
    """A soup along one of its alphas, the others held at `point`: rows, H, Score, classes x A, and a text's ranking.

    `nodes` are the alphas embedded anew where the line is `exact`; `off` is how far the approximation was off at the
    point.
    """

    point: list[float]
    exact: bool
    nodes: list[float]
    bound: MixtureBound
    off: MixtureOff | None
    rows: list[ScoreRow]
    h: list[float]
    score: list[float]
    classes: list[list[float]]
    pack: Ranking
    note: str


class EmbeddingMap(TypedDict):
    """N gallery images on a plane at each node (`alphas`): base64 of L x N x 2 little-endian uint16, 65535 the far end.

    by: whose principal components span it; share: how much of the features' variance the plane holds, 0 to 1.
    """

    by: str
    alphas: list[float]
    points: str
    share: float


class PredictedNames(TypedDict):
    """What N gallery images are called among C names: their own by number (-1: none), and theirs at each alpha.

    called: index of alpha, name, index, name, ... for each image, one pair wherever its name changes.
    """

    names: list[str]
    labels: list[int]
    called: list[list[int]]


class Predictions(TypedDict):
    """Predictions by level (superclass, subgroup); `note` is a sentence on a level that cannot be had."""

    levels: dict[str, PredictedNames]
    note: str


class NameCosines(TypedDict):
    """A name's cosine with an image at each alpha; own: it is what the image shows."""

    name: str
    own: bool
    cosines: list[float]


class ImageNames(TypedDict):
    """One image among the names of a level: its own and the nearest, and what it is called from which alpha on."""

    level: str
    lines: list[NameCosines]
    called: list[tuple[int, str]]


class ImageDetails(TypedDict):
    """A gallery image by its number: what it shows in words, and its names level by level; see Predictions."""

    id: int
    label: str
    levels: list[ImageNames]
    note: str
