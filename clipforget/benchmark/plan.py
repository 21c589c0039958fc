"""A comparison: rows (methods with their settings) x targets x seeds, and the run that each cell stands for. No torch.

    plan = Comparison(rows_of(["targeted", "gradient_ascent"]), (("airplane/biplane",),), seeds=(0, 1)).checked()
    for cell in plan.cells():
        plan.config(cell)  # an ordinary RunConfig

(What a row is, and how one is written as text, is at home in rows.py.)
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from clipforget.benchmark.rows import Row, distinct, label_of, row_from_json
from clipforget.errors import BadSetting, UnknownName
from clipforget.runs.config import RunConfig, as_option

JOIN = " + "  # between the targets that one run forgets together
MOST = 5000  # cells
SHARED = ("model", "data", "retain", "tolerance", "device", "gallery", "nodes")  # go into every run


@dataclass(frozen=True)
class Cell:
    """One run of a comparison: indices of its row and target, and the seed itself."""

    row: int
    target: int
    seed: int


@dataclass(frozen=True)
class ComparisonPlan:
    """All that determines a comparison; `checked` before use. One target is what one run forgets together."""

    rows: tuple[Row, ...]
    targets: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    model: str = RunConfig.model
    data: str = RunConfig.data
    retain: tuple[str, ...] = ()
    tolerance: float = RunConfig.tolerance
    device: str = RunConfig.device
    gallery: int = RunConfig.gallery
    nodes: int = RunConfig.nodes
    title: str = ""

    @classmethod
    def read(cls, values: Any) -> ComparisonPlan:
        """Build a comparison from JSON that somebody else wrote; a row needs its method alone.

        Raises BadSetting for a value of the wrong type, UnknownName for a name that is no field.
        """
        if not isinstance(values, dict):
            raise BadSetting("A comparison must be a JSON object.")
        known = [entry.name for entry in fields(cls)]
        for name in values:
            if name not in known:
                raise UnknownName("field of a comparison", str(name), known)
        rows, targets, seeds = values.get("rows"), values.get("targets"), values.get("seeds", [0, 1, 2])
        if not isinstance(rows, list | tuple) or not isinstance(targets, list | tuple):
            raise BadSetting("A comparison needs rows and targets, both as lists.")
        if not isinstance(seeds, list | tuple) or not isinstance(values.get("title", ""), str):
            raise BadSetting("The seeds of a comparison must be a list of whole numbers, its title a text.")
        shared = RunConfig.read({name: values[name] for name in SHARED if name in values})
        return cls(
            rows=tuple(map(row_from_json, rows)),
            targets=tuple(RunConfig.read({"forget": target}).forget for target in targets),
            seeds=tuple(RunConfig.read({"seed": seed}).seed for seed in seeds),
            title=values.get("title", ""),
            **{name: getattr(shared, name) for name in SHARED},
        )

    def checked(self) -> ComparisonPlan:
        """The same with settings read against the methods, repeated rows, targets and seeds dropped, and a title.

        Raises UnknownName or BadSetting where a method, a setting or a number makes no sense.
        """
        rows = []
        for row in self.rows:
            config = RunConfig(forget=("*",), method=row.method, settings=row.settings).checked()
            label = row.label.strip() or label_of(row.method, row.preset, config.settings)
            rows.append(replace(row, settings=config.settings, label=label))
        targets, seeds = tuple(dict.fromkeys(self.targets)), tuple(dict.fromkeys(self.seeds))
        rows = distinct(rows)
        if not rows:
            raise BadSetting("Nothing to compare is named; choose at least one method, e.g. --method targeted.")
        if not targets or not all(targets):
            raise BadSetting("Nothing to forget is named; choose at least one target, e.g. --forget airplane/biplane.")
        if not seeds:
            raise BadSetting("A comparison needs at least one seed.")
        if len(rows) * len(targets) * len(seeds) > MOST:
            raise BadSetting(f"The comparison would take more than {MOST:,} runs; choose fewer methods or targets.")
        found = replace(self, rows=tuple(rows), targets=targets, seeds=seeds)
        return found if found.title else replace(found, title=found._title())

    def cells(self) -> list[Cell]:
        """Every cell, target by target (so that its images are decoded once), then seed by seed."""
        order = [(t, seed) for t in range(len(self.targets)) for seed in self.seeds]
        return [Cell(row, target, seed) for target, seed in order for row in range(len(self.rows))]

    def config(self, cell: Cell) -> RunConfig:
        """The run that a cell stands for."""
        row = self.rows[cell.row]
        shared = {name: getattr(self, name) for name in SHARED}
        return RunConfig(
            forget=self.targets[cell.target], method=row.method, settings=dict(row.settings), seed=cell.seed, **shared
        )

    def as_dict(self) -> dict[str, Any]:
        """The comparison, ready for JSON; `read` takes it back."""
        return _plain(asdict(self))

    def command(self) -> str:
        """The command line that repeats the comparison, quoted for a POSIX shell."""
        words = ["python", "-m", "clipforget", "compare"]
        named = [("method", row.text) for row in self.rows]
        named += [("forget", JOIN.join(target)) for target in self.targets]
        named += [("retain", target) for target in self.retain]
        start, count = self.seeds[0], len(self.seeds)
        if self.seeds == tuple(range(start, start + count)):
            named += [("seeds", str(count)), *([("seed-start", str(start))] if start else [])]
        else:
            named += [("seed", str(seed)) for seed in self.seeds]
        named += [("model", self.model), ("data", self.data)]
        rare = ("tolerance", "device", "gallery", "nodes")
        own = [name for name in rare if getattr(self, name) != getattr(RunConfig, name)]
        named += [(name, getattr(self, name)) for name in own]
        named += [("title", self.title)] if self.title != self._title() else []
        words += [word for name, value in named for word in as_option(name, value)]
        return shlex.join(words)

    def _title(self) -> str:
        names = [JOIN.join(target) for target in self.targets]
        what = ", ".join(names) if len(names) < 4 else f"{len(names)} targets"
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return f"{len(self.rows)} method{'s' * (len(self.rows) > 1)} · {what} · {seeds}"


def target_of(text: str) -> tuple[str, ...]:
    """A target from "A + B": what one run forgets together."""
    return tuple(part.strip() for part in text.split(JOIN) if part.strip())


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {name: _plain(value) for name, value in content.items()}
    return [_plain(value) for value in content] if isinstance(content, list | tuple) else content
