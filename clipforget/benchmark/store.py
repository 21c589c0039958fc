"""Comparisons on disk: runs/comparisons/<id>/comparison.json, and the runs that serve as their cells. Needs no torch.

compared = Comparisons(Path("runs")).create(plan)
compared.set_cell(0, state="running", run="20260101-...")
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.data.target import Target
from clipforget.errors import ClipforgetError, RunProblem, UnknownName
from clipforget.files import ID, slug, write_json
from clipforget.runs.config import RunConfig
from clipforget.runs.folder import RunFolder
from clipforget.runs.store import Run, Store

FOLDER = "comparisons"
STATES = ("waiting", "running", "done", "failed", "stopped")  # of a cell


class ComparisonStore:
    """The comparisons of a runs folder, made when the first one is created."""

    def __init__(self, runs: Path = Path("runs")) -> None:
        self.runs, self.root = Path(runs), Path(runs) / FOLDER

    def create(self, plan: ComparisonPlan) -> ComparisonFolder:
        """A new comparison of a checked plan, in state queued. Raises RunProblem where its folder cannot be written."""
        now = datetime.now(UTC)
        target = slug(Target.read(plan.targets[0][0]).short) or "target"
        name = f"{now:%Y%m%d-%H%M%S}-compare-{target}-{secrets.token_hex(2)}"
        try:
            (self.root / name).mkdir(parents=True)
        except OSError as error:
            raise RunProblem(f"Cannot write to the folder {self.root}: {error.strerror}.") from error
        compared = ComparisonFolder(self.root / name)
        info = {
            "id": name,
            "created": now.isoformat(timespec="milliseconds"),
            "state": "queued",
            "error": None,
            "command": plan.command(),
            **plan.as_dict(),
            "cells": [
                {
                    "row": cell.row, "target": cell.target, "seed": cell.seed,
                    "state": "waiting", "run": None, "seconds": None, "error": None,
                }
                for cell in plan.cells()
            ],
        }  # fmt: skip
        write_json(compared.path("comparison.json"), info)
        return compared

    def get(self, id: str) -> ComparisonFolder:
        """The comparison of that id. Raises UnknownName; no path is built from other characters than [a-z0-9-]."""
        if isinstance(id, str) and ID.fullmatch(id) and (self.root / id / "comparison.json").is_file():
            return ComparisonFolder(self.root / id)
        raise UnknownName("comparison", str(id)[:80], self.ids())

    def ids(self) -> list[str]:
        """The ids of all comparisons, newest first."""
        found = self.root.glob("*/comparison.json") if self.root.is_dir() else ()
        return sorted((path.parent.name for path in found if ID.fullmatch(path.parent.name)), reverse=True)

    def all(self) -> list[ComparisonFolder]:
        """All comparisons, newest first."""
        return [ComparisonFolder(self.root / name) for name in self.ids()]

    def same(self, plan: ComparisonPlan) -> ComparisonFolder | None:
        """The newest comparison of exactly this plan, if there is one."""
        for compared in self.all():
            with suppress(ClipforgetError):  # one that cannot be read is not this one
                if compared.plan == plan:
                    return compared
        return None

    def delete(self, id: str) -> None:
        """Remove a comparison; its runs stay. Raises UnknownName, or RunProblem while its worker is alive."""
        compared = self.get(id)
        if compared.alive():
            raise RunProblem(f"The comparison {id} is still at work; stop it first.")
        doomed = self.root / f".deleted-{id}"
        compared.folder.rename(doomed)
        shutil.rmtree(doomed)


class ComparisonFolder(RunFolder):
    """One comparison folder."""

    FILE, KIND = "comparison.json", "comparison"

    @property
    def store(self) -> Store:
        """The store of the runs that are its cells."""
        return Store(self.folder.parent.parent)

    @property
    def plan(self) -> ComparisonPlan:
        """What is compared, as it was asked for."""
        return _plan(self._stored())

    def _stored(self) -> dict[str, Any]:
        """The JSON file, with the plan and its command as they are written today."""
        info = super()._stored()
        with suppress(ClipforgetError):  # one that another version wrote stays as it is
            plan = _plan(info)
            info |= plan.as_dict() | {"command": plan.command()}
        return info

    def set_cell(self, index: int, **changes: Any) -> None:
        """Change fields of one cell, atomically."""
        cells = self._stored()["cells"]
        cells[index] |= changes
        self.update(cells=cells)


def _plan(info: Mapping[str, Any]) -> ComparisonPlan:
    return ComparisonPlan.read({name: info[name] for name in ComparisonPlan.__dataclass_fields__ if name in info})


class Finished:
    """The finished runs of a store, found by their whole configuration; `add` those that finish later."""

    def __init__(self, store: Store) -> None:
        self._known: dict[str, list[Run]] = {}
        for run, info in reversed([*store.infos()]):
            with suppress(ClipforgetError):  # a method of another version: no use, no harm
                if info["state"] == "done":
                    self.add(run)

    def add(self, run: Run) -> None:
        """Take a finished run in; the newest of a configuration is found first."""
        self._known.setdefault(_key(run.config.checked()), []).insert(0, run)

    def candidates(self, config: RunConfig) -> list[Run]:
        """The finished runs of this configuration, whatever their model and images were."""
        return self._known.get(_key(config), [])

    def find(self, config: RunConfig, original: str, data: str) -> Run | None:
        """The newest one whose original weights and images have these fingerprints."""
        for run in self.candidates(config):
            marks = run.info()["fingerprints"]
            if marks.get("original") == original and marks.get("data") == data:
                return run
        return None


def _key(config: RunConfig) -> str:
    return json.dumps(config.as_dict(), sort_keys=True)
