"""The work of auditing a run: a file beside run.json that says which audits, how far they are and how they ended.

The run itself stays "done" and can be looked at meanwhile. Needs no torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime

from clipforget.errors import ClipforgetError
from clipforget.files import FileLock, write_json
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import FolderInfo, StepEvent
from clipforget.runs.folder import LOCK, FolderStore, RunFolder
from clipforget.runs.store import Run


class AuditWorkInfo(FolderInfo):
    """What audits-work.json says: the audits asked for, and the last event of their work.

    again: measure also what the run has already.
    """

    names: list[str]
    again: bool
    event: StepEvent | None


class AuditWork(RunFolder[AuditWorkInfo]):
    """The audits of a run as work that waits, ends and can be stopped like a run; it lives in the run's folder."""

    FILE, KIND, INFO = "audits-work.json", "audit", AuditWorkInfo

    @property
    def config(self) -> RunConfig:
        """The configuration of the run under audit."""
        return Run(self.folder).config

    def known(self) -> AuditWorkInfo | None:
        """Return how the work stands, None where there never was any. Raises RunProblem for a damaged file."""
        return self.info() if self.path(self.FILE).exists() else None

    def write(self, state: str, names: Iterable[str], again: bool = False) -> None:
        """Begin anew in a state, "queued" or "running"; the process that says running is the worker."""
        names = list(names)
        info: AuditWorkInfo = {
            "id": self.id,
            "title": "audits",
            "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "state": state,
            "error": None,
            "command": f"python -m clipforget audit {self.id} {' '.join(names)}",
            "pid": os.getpid() if state == "running" else None,
            "names": names,
            "again": again,
            "event": None,
        }
        with FileLock(self.path(LOCK)):
            write_json(self.path(self.FILE), info)

    def end(self, error: BaseException | None = None) -> None:
        """Say how the work ended: done, stopped (closed or interrupted) or failed, with its sentence."""
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            self.update(state="stopped")
        elif isinstance(error, ClipforgetError):
            self.update(state="failed", error=str(error))
        elif error is not None:
            self.update(state="failed", error=f"A bug: {type(error).__name__} (see worker.log in the run's folder).")
        else:
            self.update(state="done")


class AuditWorks(FolderStore[AuditWork, AuditWorkInfo]):
    """The audits of the runs under one root."""
