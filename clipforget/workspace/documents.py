"""What the page and the command line get of a finished run, field by field. A = 101 alphas, K neighbours."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from clipforget.evaluation.documents import ShownScores
from clipforget.runs.documents import StepEvent


class RunView(ShownScores):
    """All that is shown of a finished run apart from its queries. `settings` are complete, `config` as it was given."""

    id: str
    title: str
    state: str
    created: str
    seconds: float | None
    device: str
    command: str
    config: dict[str, Any]
    starred: bool
    cost: dict[str, Any] | None
    settings: dict[str, Any]
    target: str  # what is forgotten, in short
    notes: list[str]
    layers: list[dict[str, Any]]  # what the method says of its choice of layers
    steps: list[StepEvent]
    original_share: float | None


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
