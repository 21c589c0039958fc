"""What run.json and events.jsonl hold, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.evaluation.documents import Headline, RunCost


class FolderInfo(TypedDict):
    """What the JSON file of every folder of work says. `created` is ISO 8601 in UTC; pid is that of the worker."""

    id: str
    title: str
    created: str
    state: str  # queued, running, done, stopped, failed, or lost, which is reported and never stored
    error: str | None  # a sentence, where it failed
    command: str
    pid: NotRequired[int | None]


class StoredConfig(TypedDict):
    """What a list of runs needs of a configuration that RunConfig.read does not take, of another version say."""

    model: str
    data: str
    forget: list[str]
    method: str
    settings: dict[str, Any]
    tolerance: NotRequired[float]


class RunInfo(FolderInfo):
    """What run.json says."""

    config: dict[str, Any]  # RunConfig.read takes it
    versions: NotRequired[dict[str, str]]
    device: str
    fingerprints: dict[str, str]  # of the original, the unlearned model and the data, once they are known
    seconds: float | None
    cost: NotRequired[RunCost | None]
    starred: bool
    tags: NotRequired[list[str]]
    notes: NotRequired[str]
    best: float | None  # the suggested alpha
    headline: Headline | None
    lineage: NotRequired[list[str]]  # where the original is another run's result: its name, that one's original, ...
    comparison: NotRequired[str]  # the id of the comparison it was made for


class WatchedQuery(TypedDict):
    """A watched caption, the name of the images counted among its hits, and their role."""

    text: str
    name: str
    role: str


class WatchedHits(TypedDict):
    """For each watched query its hits, positions among the watched images, best first, and how many are counted.

    A query has no hits where it is refused, or where the weights are no numbers any more.
    """

    hits: list[list[int]]
    found: list[int]


class Watched(TypedDict, total=False):
    """What watched queries find, in the data of a step as "watched": all but `now` first, later `now` and `words`.

    data is the fingerprint of the data set, gallery the number of test images, images those watched among them: index
    in the data set, label, role. words say how the first query stands.
    """

    data: str
    gallery: int
    images: list[tuple[int, str, str]]
    queries: list[WatchedQuery]
    before: WatchedHits
    now: WatchedHits
    words: str


class StepEvent(TypedDict):
    """One step of a run. t is seconds since its start, eta the seconds left; n the number of the line, from 0."""

    n: NotRequired[int]
    t: float
    kind: Literal["step"]
    stage: str
    step: int
    total: int
    eta: float | None
    losses: Mapping[str, float]
    steer: Mapping[str, float]  # accuracies on steer images
    data: Mapping[str, Any]  # what the method has to say; see the method
    note: str


class EndEvent(TypedDict):
    """The last event of a run."""

    n: NotRequired[int]
    t: float
    kind: Literal["end"]
    state: str
    note: str


Event = StepEvent | EndEvent
