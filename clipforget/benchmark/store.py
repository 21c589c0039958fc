"""Comparisons on disk: runs/comparisons/<id>/comparison.json, and the runs that serve as their cells. Needs no torch.

comparison = ComparisonStore(Path("runs")).create(plan)
comparison.set_cell(0, state="running", run="20260101-...")
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic takes that of typing from Python 3.12 on

from clipforget import __version__
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.data.target import Target
from clipforget.errors import ClipforgetError
from clipforget.files import slug
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import FolderInfo
from clipforget.runs.folder import FolderStore, RunFolder
from clipforget.runs.store import Run, Store
from clipforget.settings import SettingValue

FOLDER = "comparisons"
STATES = ("waiting", "running", "done", "failed", "stopped")  # of a cell


class CellInfo(TypedDict):
    """What comparison.json says of a cell: which run, the state it is in, one of STATES, and that run's id."""

    row: int
    target: int
    seed: int
    state: str
    run: str | None
    seconds: float | None
    error: str | None


class RowInfo(TypedDict):
    """What comparison.json says of a row: the fields of Row."""

    method: str
    label: str
    preset: str
    settings: dict[str, SettingValue]
    notes: list[str]
    alpha: NotRequired[float | None]


class ComparisonInfo(FolderInfo):
    """What comparison.json says: the fields of its plan and the cells, in the plan's order."""

    version: NotRequired[str]  # of clipforget, when it was made
    rows: list[RowInfo]
    targets: list[list[str]]
    seeds: list[int]
    model: str
    data: str
    retain: list[str]
    tolerance: float
    device: str
    gallery: int
    nodes: int
    eval: NotRequired[list[str]]  # absent before version 0.2, as the next two
    eval_target: NotRequired[str]
    eval_images: NotRequired[int]
    audits: NotRequired[list[str]]
    goal: NotRequired[str]
    others: NotRequired[str]
    levels: NotRequired[str]
    selections: NotRequired[list[str]]
    choice: NotRequired[str]  # absent where another version's plan cannot be read
    cells: list[CellInfo]


class ComparisonStore(FolderStore["ComparisonFolder", ComparisonInfo]):
    """The comparisons of a runs folder. Deleting one leaves its runs."""

    def __init__(self, runs: Path = Path("runs")) -> None:
        super().__init__(Path(runs) / FOLDER, ComparisonFolder)
        self.runs = Path(runs)

    def create(self, plan: ComparisonPlan) -> ComparisonFolder:
        """Make a comparison of a checked plan, in state queued. Raises RunProblem where it cannot be written."""
        target = slug(Target.read(plan.targets[0][0]).short) or "target"
        return self._make(
            f"compare-{target}",
            {
                "state": "queued",
                "error": None,
                "version": __version__,
                "command": plan.command(),
                **plan.as_dict(),
                "cells": [
                    asdict(cell) | {"state": "waiting", "run": None, "seconds": None, "error": None}
                    for cell in plan.cells()
                ],
            },
        )

    def same(self, plan: ComparisonPlan) -> ComparisonFolder | None:
        """Return the newest comparison of exactly this plan, if there is one."""
        for comparison in self.all():
            with suppress(ClipforgetError):  # one that cannot be read is not this one
                if comparison.plan == plan:
                    return comparison
        return None


class ComparisonFolder(RunFolder[ComparisonInfo]):
    """One comparison folder."""

    FILE, KIND, INFO = "comparison.json", "comparison", ComparisonInfo

    @property
    def runs(self) -> Path:
        """Return the folder of the runs that are its cells, of which this is in a folder of its own."""
        return self.folder.parent.parent

    @property
    def store(self) -> Store:
        """Return the store of the runs that are its cells."""
        return Store(self.runs)

    @property
    def plan(self) -> ComparisonPlan:
        """Return what is compared, as it was asked for."""
        return _plan(self._stored())

    def _upgraded(self, info: dict[str, Any]) -> dict[str, Any]:
        """The content of comparison.json with the plan and its command as they are written today."""
        with suppress(ClipforgetError):  # one that another version wrote stays as it is
            plan = _plan(info)
            if not (current := plan.as_dict()).items() <= info.items():
                return {**info, **current, "command": plan.command()}
        return info

    def set_cell(self, index: int, **changes: object) -> None:
        """Change fields of one cell, atomically."""
        cells: list[Any] = self._stored()["cells"]
        cells[index] |= changes
        self.update(cells=cells)


def _plan(info: Mapping[str, Any]) -> ComparisonPlan:
    fields = {name: info[name] for name in ComparisonPlan.__dataclass_fields__ if name in info}
    return ComparisonPlan.read(fields, info.get("version"))


class FinishedRuns:
    """The finished runs of a store by their whole configuration; `add` those that finish later.

    Those that another version made are none of them: it may have split the images otherwise.
    """

    def __init__(self, store: Store) -> None:
        self._runs: dict[str, list[Run]] = {}
        for run, info in reversed([*store.infos()]):
            with suppress(ClipforgetError):  # settings that cannot be read: no use, no harm
                if info["state"] == "done" and info.get("versions", {}).get("clipforget") == __version__:
                    self.add(run)

    def add(self, run: Run) -> None:
        """Add a finished run; the newest of a configuration comes first."""
        self._runs.setdefault(_key(run.config.checked()), []).insert(0, run)

    def candidates(self, config: RunConfig) -> list[Run]:
        """Return the finished runs of this configuration, whatever their model and images were."""
        return self._runs.get(_key(config), [])

    def find(self, config: RunConfig, fingerprints: Mapping[str, str]) -> Run | None:
        """Return the newest run whose original weights, images and evaluation sets have these fingerprints."""
        for run in self.candidates(config):
            if {**fingerprints, "unlearned": ""} == {**run.info()["fingerprints"], "unlearned": ""}:
                return run
        return None


def _key(config: RunConfig) -> str:
    return json.dumps(config.as_dict(), sort_keys=True)
