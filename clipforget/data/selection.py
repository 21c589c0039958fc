"""A subgroup that nobody labelled: images that somebody chose, and what of the same class is to stay.

    dataset = apply_selections(dataset, [read_selection(Path("red cars.json"))])  # now "car/red cars" is a target

Images are known by their bytes (SHA-256), so that they are found where they were moved or renamed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.data.dataset import Dataset, as_label
from clipforget.data.sources import printable
from clipforget.errors import BadData, BadSetting
from clipforget.files import read_regular
from clipforget.settings import check_document, shortened

LONGEST = 80  # characters of a name or a caption
MISSING = "was chosen for the selection"  # the reason of an image that is not there, and then the selection's name


class SelectionImage(TypedDict):
    """An image by the name of its file in its data set and the SHA-256 of its bytes, 64 hex digits."""

    key: str
    sha256: str


class SelectionDocument(TypedDict):
    """What the file of a selection says; `how` tells how it was made: a query, its threshold, clicks, a cluster."""

    name: str
    caption: str
    data: str
    fingerprint: str
    created: str
    how: dict[str, Any]
    images: list[SelectionImage]
    siblings: list[SelectionImage]


@dataclass(frozen=True)
class Selection:
    """Chosen images as the subgroup `name` of the class `caption`; siblings are of that class too, and are to stay.

    data and fingerprint are those of the images that they were chosen from.
    """

    name: str
    caption: str
    data: str
    fingerprint: str
    images: tuple[SelectionImage, ...]
    siblings: tuple[SelectionImage, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)
    created: str = ""

    @property
    def target(self) -> str:
        """Return what a run forgets, e.g. "car/red cars"."""
        return f"{self.caption}/{self.name}"

    @property
    def digest(self) -> str:
        """Hash what the selection does to a data set, wherever its images lie: 16 hex digits."""
        parts = [self.caption, self.name]
        parts += ["\0".join(sorted(image["sha256"] for image in group)) for group in (self.images, self.siblings)]
        return hashlib.sha256("\0\0".join(parts).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """Return the selection, ready for JSON; `read_selection` takes it back."""
        return asdict(self)


def check_name(text: str, what: str = "selection") -> str:
    """Return a name as it stands in targets. Raises BadSetting for one that could be no level of a target or no file.

    what is named: "selection", or "caption".
    """
    name = as_label(text)
    problem = (
        "it is empty" if not name
        else "it is longer than 80 characters" if len(name) > LONGEST or len(name.encode()) > 2 * LONGEST
        else "it holds a /, which parts the levels of a target" if "/" in name
        else "it begins with a dot" if name.startswith(".")
        else "* stands for any name" if "*" in name
        else ""
    )  # fmt: skip
    if problem:
        raise BadSetting(f"'{printable(text[:80])}' cannot name a {what}: {problem}; choose another name.")
    return name


def make_selection(
    dataset: Dataset,
    data: str,
    name: str,
    caption: str,
    images: Iterable[int],
    siblings: Iterable[int] = (),
    how: dict[str, Any] | None = None,
) -> Selection:
    """Return a selection of images of a data set, named `data`; images and siblings are indices into items.

    Raises BadSetting for a bad name, BadData where no image or every image is chosen.
    """
    name, caption = check_name(name), check_name(caption, "caption")
    chosen = sorted(set(images))
    rest = sorted(set(siblings) - set(chosen))
    if not chosen:
        raise BadData(f"The selection '{name}' holds no image; choose some first.")
    if any(not 0 <= i < len(dataset.items) for i in (*chosen, *rest)):
        raise BadData(f"There are images chosen that {dataset.name} does not have; open it again and choose anew.")
    if len(chosen) >= len(dataset.native):
        raise BadData(f"The selection '{name}' holds every image of {dataset.name}, so nothing is left; choose fewer.")
    digests = Digests(dataset)

    def listed(indices: list[int]) -> tuple[SelectionImage, ...]:
        return tuple({"key": dataset.items[i].key, "sha256": digests.of(i)} for i in indices)

    created = datetime.now(UTC).isoformat(timespec="seconds")
    return Selection(name, caption, data, dataset.fingerprint, listed(chosen), listed(rest), how or {}, created)


def read_selection(path: Path) -> Selection:
    """Read the file of a selection. Raises BadData where there is none, or where it is damaged."""
    shown = printable(str(path))
    try:
        return parse_selection(read_regular(path), shown)
    except OSError as error:
        raise BadData(f"There is no selection at {shown} ({error.strerror}); see `clipforget select list`.") from error


def parse_selection(data: bytes, where: str = "The file") -> Selection:
    """Return the selection that an exported file holds; where is its name. Raises BadData where it holds none."""
    try:
        content = json.loads(data)
        if not isinstance(content, dict):
            raise BadSetting("it must be a JSON object")
        document: Any = check_document(SelectionDocument, content)
        fields = {name: document[name] for name in Selection.__dataclass_fields__}
        selection = Selection(**{**fields, "images": tuple(fields["images"]), "siblings": tuple(fields["siblings"])})
        if not selection.images:
            raise BadSetting("it holds no images")
        if check_name(selection.name) + check_name(selection.caption, "caption") != selection.name + selection.caption:
            raise BadSetting("its name or caption is written as no target is")
        return selection
    except (BadSetting, ValueError, RecursionError) as error:
        reason = shortened(str(error).rstrip("."))
        raise BadData(f"{where} is no selection ({reason}); export it again or make a new one.") from error


class Digests:
    """The SHA-256 of the images of a data set, read as far as they are needed; and the way back."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._known: dict[int, str] = {}
        self._places = {item.key: i for i, item in enumerate(dataset.items) if item.split not in dataset.evaluation}
        self._by_digest: dict[str, int] | None = None

    def of(self, index: int) -> str:
        """Return the digest of an image, 64 hex digits; "" where it cannot be read any more."""
        if index not in self._known:
            try:
                data = self._dataset.source.read(self._dataset.items[index].key)
            except BadData:
                return ""
            self._known[index] = hashlib.sha256(data).hexdigest()
        return self._known[index]

    def find(self, images: Iterable[SelectionImage], sure: bool) -> tuple[list[int], list[str]]:
        """Return the indices of images, and the keys of those that are not there.

        sure: names suffice, since the data set is the one that the images were chosen from. Else names are tried first,
        so that of a set that has only grown nothing else is read.
        """
        found, lost = [], []
        for image in images:
            index = self._places.get(image["key"])
            if index is None or not (sure or self.of(index) == image["sha256"]):
                index = self._anywhere(image["sha256"])
            if index is None:
                lost.append(image["key"])
            else:
                found.append(index)
        return found, lost

    def _anywhere(self, digest: str) -> int | None:
        if self._by_digest is None:
            self._by_digest = {self.of(i): i for i in self._places.values()}
        return self._by_digest.get(digest)


def find_images(dataset: Dataset, selection: Selection) -> tuple[list[int], list[int], list[str]]:
    """Return the indices of the chosen images and of the siblings, and the keys of chosen images that are not there."""
    digests, sure = Digests(dataset), dataset.fingerprint == selection.fingerprint
    chosen, lost = digests.find(selection.images, sure)
    siblings, _ = digests.find(selection.siblings, sure)
    return chosen, siblings, lost


def apply_selections(dataset: Dataset, selections: Sequence[Selection]) -> Dataset:
    """Return the data set with the chosen images as subgroups: `caption/name` is a target like any other from here on.

    A sibling becomes `caption/other caption`; one that is of the class already keeps its subgroup. An image of several
    selections belongs to the first. Chosen images that are not there stand among `skipped`. Raises BadData where none
    of a selection is there, where two selections have one target, or where the data set has such a subgroup already.
    """
    labels: dict[int, tuple[str, str]] = {}
    later: dict[int, str] = {}  # siblings, unless another selection chose them
    skipped = list(dataset.skipped)
    for selection in selections:
        chosen, siblings, lost = find_images(dataset, selection)
        _check(dataset, selection, chosen, selections)
        labels = {**dict.fromkeys(chosen, (selection.caption, selection.name)), **labels}
        later = {**dict.fromkeys(siblings, selection.caption), **later}
        skipped += [(printable(key), f"{MISSING} '{selection.name}' and is not there any more") for key in lost]
    for i, caption in later.items():
        item = dataset.items[i]
        own = item.subgroup if item.superclass == caption else ""
        labels.setdefault(i, (caption, own or f"other {caption}"))
    items = list(dataset.items)
    for i, (superclass, subgroup) in labels.items():
        items[i] = replace(items[i], superclass=superclass, subgroup=subgroup)
    digest = hashlib.sha256("\0".join([dataset.fingerprint, *(entry.digest for entry in selections)]).encode())
    applied = replace(dataset, items=tuple(items), skipped=tuple(skipped), fingerprint=digest.hexdigest()[:16])
    return applied if selections else dataset


def missing_note(dataset: Dataset) -> str:
    """Say how many chosen images are not in the data set any more; empty where all are."""
    count = sum(reason.startswith(MISSING) for _, reason in dataset.skipped)
    return f"{count:,} chosen images are not in {dataset.name} any more; the others are used." if count else ""


def _check(dataset: Dataset, selection: Selection, chosen: list[int], selections: Sequence[Selection]) -> None:
    if not chosen:
        raise BadData(
            f"None of the {len(selection.images):,} images of the selection '{selection.name}' is in {dataset.name}; "
            f"name the data set that they were chosen from, '{printable(selection.data)}'."
        )
    if [entry.target for entry in selections].count(selection.target) > 1:
        raise BadData(f"Two selections are called '{selection.target}'; rename one of them.")
    if any((i.superclass, i.subgroup) == (selection.caption, selection.name) for i in dataset.native):
        raise BadData(f"{dataset.name} has a subgroup '{selection.target}' already; rename the selection.")
