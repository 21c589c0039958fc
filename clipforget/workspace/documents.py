"""What the page and the command line get, field by field: runs and queries, and what can be chosen before a run.

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

    The next to start is in place 1.
    """

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
    """The K nearest images by their number in the gallery, best first."""

    ids: list[int]
    cosines: list[float]


class HitsAlong(TypedDict):
    """The same at each of the A alphas."""

    ids: list[list[int]]
    cosines: list[list[float]]


class Ranking(TypedDict):
    """A query's results under the original and at every alpha; `refused` is the word that the method refuses."""

    k: int
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


class ChoosingWork(TypedDict):
    """How the work on the features of a data set stands; state "none" before it was ever begun."""

    state: str
    error: str | None
    event: StepEvent | None
    position: int | None


class Choosing(TypedDict):
    """A data set as images to choose from; labels are, for each image, the number of its name among `names`."""

    data: str
    title: str
    fingerprint: str
    images: int
    names: list[str]
    labels: list[int]
    work: ChoosingWork


class SimilarImages(TypedDict):
    """The cosine of every image to a query: base64 of little-endian int16, in parts of 1 / `steps`."""

    cosines: str
    steps: int
    note: str


class ImageCluster(TypedDict):
    """Images that are alike, and the words nearest to them."""

    words: list[str]
    images: list[int]


class ProposedSibling(TypedDict):
    """An image of the same class that is to stay: why, in cosines to the caption and to the mean of what is chosen.

    labelled: it is of that class by its label.
    """

    image: int
    to_caption: float
    to_chosen: float
    labelled: bool


class Proposal(TypedDict):
    """What the chosen images may be called, which others nearly repeat one of them, and which are siblings."""

    caption: str
    captions: list[str]
    copies: list[int]
    siblings: list[ProposedSibling]


class ListedSelection(TypedDict):
    """A saved selection; `error` says what is wrong with a damaged one."""

    name: str
    target: str
    data: str
    fingerprint: str
    images: int
    siblings: int
    created: str
    how: dict[str, Any]
    error: str


class OpenedSelection(TypedDict):
    """A saved selection as indices of the images of a data set."""

    name: str
    caption: str
    images: list[int]
    siblings: list[int]
    missing: int
    how: dict[str, Any]


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


class Named(TypedDict):
    """A model to choose: its name, and the title that people read."""

    name: str
    title: str


class LayoutDescription(TypedDict):
    """How the folders of a data set were understood, in sentences, and other ways to read them (`levels` of a run)."""

    sentences: list[str]
    options: list[str]


class DataDescription(Named):
    """A data set: images by split, subgroups by superclass; the other numbers count images. note may be empty.

    With samples: dataset indices of a few test images by target, and (file, reason) of the first files skipped.
    """

    count: int
    splits: dict[str, int]
    superclasses: dict[str, list[str]]
    styles: list[str]
    evaluation_sets: list[str]
    skipped: int
    note: str
    fingerprint: str
    layout: LayoutDescription
    sizes: dict[str, int]  # of the superclasses
    samples: NotRequired[dict[str, list[int]]]
    skipped_files: NotRequired[list[list[str]]]


class DownloadState(TypedDict):
    """A download of a data set: its name, whether it is at work, how far it is, and what went wrong."""

    name: str
    running: bool
    text: str
    error: str


class UnreadData(Named):
    """A data set that cannot be read, and a sentence on why; empty for one that is read when it is chosen."""

    error: str


class PresetDescription(TypedDict):
    """Settings that differ from a method's defaults, and a sentence on where they come from.

    One whose file is damaged has no settings, but says why: `error`.
    """

    name: str
    settings: dict[str, SettingValue]
    note: str
    error: NotRequired[str]


class OptionDescription(TypedDict):
    """A setting of a method; see settings.Option, whose type stands here by its name."""

    name: str
    kind: str
    default: SettingValue
    help: str
    low: float | None
    high: float | None
    choices: list[str]
    advanced: bool
    search: list[SettingValue]
    former: list[str]


class MethodDescription(Named):
    """A method: the stages of its run, its settings, presets for one model."""

    summary: str
    source: str
    reference_url: str
    tier: int
    uses: str
    notes: list[str]
    changes: str
    stages: list[str]
    options: list[OptionDescription]
    presets: list[PresetDescription]


class NumberOption(TypedDict):
    """An option that runs and comparisons share; of the seeds, `default` counts them, and the rest is absent."""

    default: float
    help: NotRequired[str]
    low: NotRequired[float | None]
    high: NotRequired[float | None]


class ExperimentDescription(Named):
    """A table of the paper, and what it takes on the embedded drawings."""

    rows: list[str]
    targets: list[list[str]]
    note: str


class RecentNames(TypedDict):
    """Models and data of earlier runs that do not come with the app."""

    models: list[str]
    data: list[str]


class AuditChoice(TypedDict):
    """An audit that a comparison may do of every run; `seconds`: a guess for one model of the shipped size."""

    name: str
    title: str
    question: str
    seconds: float


class SetupDescription(TypedDict):
    """All that can be chosen before a run; `goals` are names, each with what it means."""

    models: list[Named]
    data: list[DataDescription | UnreadData]
    methods: list[MethodDescription]
    devices: list[str]
    recent: RecentNames
    options: dict[str, NumberOption]
    first_methods: list[str]  # that a new comparison begins with
    experiments: list[ExperimentDescription]
    goals: dict[str, str]
    audits: list[AuditChoice]
    public: NotRequired[bool]  # only what is listed can be chosen


class RunEstimate(TypedDict):
    """What a run to come takes, and how many images it embeds, forgets, retains and searches.

    Seconds and bytes of memory are None where its model was not measured on the device. `few` says what too few test
    images of the target can show, and is empty where there are enough.
    """

    seconds: float | None
    memory: int | None
    device: str
    images: int
    forget: int
    retain: int
    gallery: int
    few: str
