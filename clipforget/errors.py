"""Errors a user can fix: one small tree, each worded with what to do next.

Anything that is not a ClipforgetError is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import errno
import re
from collections.abc import Iterable

ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "make room there or choose another folder"),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), "choose a folder that you may write to"),
    **dict.fromkeys((errno.ENOLCK, errno.EOPNOTSUPP), "choose a folder on a disk that knows file locks"),
    errno.ESTALE: "open the folder again, its disk was away",
}
ENDLESS, LONGEST = re.compile(r"\S{200,}"), 1000  # a word that nobody reads; characters of a message
SHOWN = 16  # known names in a message; every command fits


class ClipforgetError(Exception):
    """Something the user can put right; the text is one sentence that says how, however long what it repeats was."""

    def __init__(self, message: object = "") -> None:
        text = str(message).encode(errors="backslashreplace").decode()  # half a character goes into no answer
        text = ENDLESS.sub(lambda word: f"{word[0][:80]}...", text)
        super().__init__(text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")


class UnknownName(ClipforgetError):
    """A name that is not among the known ones; proposes the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        lower = {known_name.lower(): known_name for known_name in names}
        near = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
        hint = f" Did you mean '{lower[near[0]]}'?" if near else ""
        shown = ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > SHOWN else "")
        super().__init__(f"There is no {kind} '{name}'.{hint} Known: {shown or 'none'}.")


class BadSetting(ClipforgetError):
    """A setting outside its bounds or of the wrong type."""


class BadData(ClipforgetError):
    """A data set that cannot be read or holds too little to work with."""


class BadModel(ClipforgetError):
    """A model that cannot be loaded."""


class BadQuery(ClipforgetError):
    """A query, an alpha or an identifier that makes no sense."""


class RunProblem(ClipforgetError):
    """A run that is missing, unfinished or no longer alive."""


class FileProblem(RunProblem):
    """A file that cannot be written or locked: no room, no right, a disk that is away or knows no locks."""

    def __init__(self, path: object, error: OSError, verb: str = "write") -> None:
        reason = error.strerror or str(error)
        super().__init__(f"Cannot {verb} {path}: {reason}; {ADVICE.get(error.errno or 0, 'choose another folder')}.")


class QueueFull(RunProblem):
    """As many runs wait as may."""


class StaleIndex(ClipforgetError):
    """Features or an index made by other weights than the query's, or an archive that changed while it was open."""
