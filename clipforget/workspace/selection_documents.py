"""What choosing images without labels answers, field by field."""

from __future__ import annotations

from typing import Any, TypedDict

from clipforget.runs.documents import StepEvent


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
