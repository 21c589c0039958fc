"""Errors a user can fix: one small tree, each worded with what to do next.

Anything that is not a ClipforgetError is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 16  # known names in a message; every command fits


class ClipforgetError(Exception):
    """Something the user can put right; the text is one sentence that says how."""


class UnknownName(ClipforgetError):
    """A name that is not among the known ones; proposes the nearest."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        lower = {known_name.lower(): known_name for known_name in names}
        near = difflib.get_close_matches(name.lower(), list(lower), n=1, cutoff=0.5)
        hint = f" Did you mean '{lower[near[0]]}'?" if near else ""
        shown = ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > SHOWN else "")
        name = name if len(name) <= 80 else name[:80] + "..."
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


class QueueFull(RunProblem):
    """As many runs wait as may."""


class StaleIndex(ClipforgetError):
    """Features or an index made by other weights than the query's, or an archive that changed while it was open."""
