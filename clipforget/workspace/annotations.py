"""What people write on a run: its name, tags, notes, and whether it is starred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget.errors import BadSetting, UnknownName
from clipforget.settings import check_document

LONGEST_TITLE, LONGEST_TAG, LONGEST_NOTES = 120, 40, 2000  # characters
MOST_TAGS = 12


class Annotations(TypedDict, total=False):
    """The fields of run.json that people may change."""

    starred: bool
    title: str
    tags: list[str]
    notes: str


def read_annotations(content: Mapping[str, Any], title: str) -> Annotations:
    """Return the changes that a request names, without blanks around texts and with each tag once.

    In place of an empty title stands `title`, which the configuration makes. Raises BadSetting or UnknownName.
    """
    for name in content:
        if name not in Annotations.__annotations__:
            raise UnknownName("annotation", str(name)[:80], Annotations.__annotations__)
    changes: dict[str, Any] = dict(check_document(Annotations, dict(content)))
    for name, longest in (("title", LONGEST_TITLE), ("notes", LONGEST_NOTES)):
        if name in changes:
            changes[name] = changes[name].strip()
            if len(changes[name]) > longest:
                raise BadSetting(f"The {name} may have at most {longest} characters; shorten it.")
    if changes.get("title") == "":
        changes["title"] = title
    if "tags" in changes:
        changes["tags"] = list(dict.fromkeys(tag.strip() for tag in changes["tags"] if tag.strip()))
        if len(changes["tags"]) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in changes["tags"]):
            raise BadSetting(f"At most {MOST_TAGS} tags of at most {LONGEST_TAG} characters; take some off.")
    return cast(Annotations, changes)
