"""A comparison: rows (methods with their settings) x targets x seeds, and the run that each cell stands for. No torch.

    plan = ComparisonPlan(read_rows(["targeted", "gradient_ascent"]), (("airplane/biplane",),), seeds=(0, 1)).checked()
    for cell in plan.cells():
        plan.config(cell)  # an ordinary RunConfig

(What a row is, and how one is written as text, is in rows.py.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from clipforget import __version__
from clipforget.audits import AUDITS
from clipforget.benchmark.rows import Row, default_label, distinct, with_current_names
from clipforget.benchmark.targets import read_choice
from clipforget.errors import BadSetting
from clipforget.models.listing import check_model_name
from clipforget.runs.config import HIDDEN_DEFAULTS, RunConfig, command_line, unique, with_absolute_paths
from clipforget.settings import STRICT, as_dict, option_like, read_json

JOIN = " + "  # between the targets that one run forgets together
MOST_CELLS = 5000
SHARED = (
    "model",
    "data",
    "selections",
    "others",
    "levels",
    "retain",
    "goal",
    "tolerance",
    "device",
    "gallery",
    "nodes",
    "eval",
    "eval_target",
    "eval_images",
)  # go into every run


@dataclass(frozen=True)
class Cell:
    """One run of a comparison: indices of its row and target, and the seed itself."""

    row: int
    target: int
    seed: int


@dataclass(frozen=True)
class ComparisonPlan:
    """All that determines a comparison; `checked` before use. One target is what one run forgets together.

    `choice` says by which rule the targets were picked, e.g. "reported:10", where nobody named them. `audits` are those
    that every run goes through once it is done.
    """

    rows: tuple[Row, ...]
    targets: tuple[tuple[str, ...], ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    model: str = option_like(RunConfig, "model")
    data: str = option_like(RunConfig, "data")
    selections: tuple[str, ...] = option_like(RunConfig, "selections")
    others: str = option_like(RunConfig, "others")
    levels: str = option_like(RunConfig, "levels")
    retain: tuple[str, ...] = option_like(RunConfig, "retain")
    goal: str = option_like(RunConfig, "goal")
    tolerance: float = option_like(RunConfig, "tolerance")
    device: str = option_like(RunConfig, "device")
    gallery: int = option_like(RunConfig, "gallery")
    nodes: int = option_like(RunConfig, "nodes")
    eval: tuple[str, ...] = option_like(RunConfig, "eval")
    eval_target: str = option_like(RunConfig, "eval_target")
    eval_images: int = option_like(RunConfig, "eval_images")
    title: str = ""
    choice: str = ""
    audits: tuple[str, ...] = ()

    __pydantic_config__ = STRICT

    @classmethod
    def read(cls, values: Any, version: str | None = __version__) -> ComparisonPlan:
        """Build a comparison from JSON that somebody else wrote, in words of `version`; a row needs its method alone.

        Raises BadSetting for a value of the wrong type or out of bounds, UnknownName for a name that is no field.
        """
        plan = read_json(cls, values, "comparison")
        return replace(plan, rows=tuple(with_current_names(row, version) for row in plan.rows))

    def checked(self) -> ComparisonPlan:
        """Return the same with settings read against the methods, a title, and nothing repeated.

        Raises UnknownName, BadModel or BadSetting where a method, the model, a setting or a number makes no sense.
        """
        rows = []
        for row in self.rows:
            config = RunConfig(forget=("*",), method=row.method, settings=row.settings).checked()
            label = row.label.strip() or default_label(row.method, row.preset, config.settings)
            rows.append(replace(row, settings=config.settings, label=label))
        rows = distinct(rows)
        targets = unique(RunConfig.read({"forget": target}).forget for target in self.targets)
        for target in filter(None, targets):
            RunConfig(forget=target, goal=self.goal).checked()
        retain = RunConfig.read({"retain": self.retain}).retain
        if self.choice:
            read_choice(self.choice)
        audits = unique(AUDITS.load()[name].name for name in self.audits)
        seeds = unique(RunConfig.read({"seed": seed}).seed for seed in self.seeds)
        if not rows:
            raise BadSetting("Nothing to compare is named; choose at least one method, e.g. --method targeted.")
        if not targets or not all(targets):
            raise BadSetting("Nothing to forget is named; choose at least one target, e.g. --forget airplane/biplane.")
        if not seeds:
            raise BadSetting("A comparison needs at least one seed.")
        if len(rows) * len(targets) * len(seeds) > MOST_CELLS:
            raise BadSetting(
                f"The comparison would take more than {MOST_CELLS:,} runs; choose fewer methods or targets."
            )
        plan = with_absolute_paths(self)
        check_model_name(plan.model)
        plan = replace(plan, rows=tuple(rows), targets=targets, seeds=seeds, retain=retain, audits=audits)
        return plan if plan.title else replace(plan, title=plan._title())

    def cells(self) -> list[Cell]:
        """Return every cell, target by target (so that its images are decoded once), then seed by seed."""
        rows, targets = range(len(self.rows)), range(len(self.targets))
        return [Cell(row, target, seed) for target in targets for seed in self.seeds for row in rows]

    def config(self, cell: Cell) -> RunConfig:
        """Return the run that a cell stands for."""
        row = self.rows[cell.row]
        shared = {name: getattr(self, name) for name in SHARED}
        return RunConfig(
            forget=self.targets[cell.target], method=row.method, settings=dict(row.settings), seed=cell.seed, **shared
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison, ready for JSON; `read` takes it back."""
        return as_dict(self)

    def command(self) -> str:
        """Return the command line that repeats the comparison, quoted for a POSIX shell."""
        start, count = self.seeds[0], len(self.seeds)
        seeds: dict[str, Any] = {"seed": self.seeds}
        if self.seeds == tuple(range(start, start + count)):
            seeds = {"seeds": count} | ({"seed-start": start} if start else {})
        named = {"targets": self.choice} if self.choice else {"forget": [JOIN.join(target) for target in self.targets]}
        return command_line(
            "compare",
            self,
            HIDDEN_DEFAULTS,
            rows={"method": [row.text for row in self.rows]},
            targets={**named, "retain": self.retain},
            seeds=seeds,
            selections={"selected": self.selections},
            retain=(),
            choice=(),
            title=self.title if self.title != self._title() else (),
        )

    def _title(self) -> str:
        names = [JOIN.join(target) for target in self.targets]
        what = ", ".join(names) if len(names) < 4 else f"{len(names)} targets"
        if self.choice:  # by their rule, so that a table can be shown without naming reported ones
            what = f"{len(names)} {read_choice(self.choice)[0]} target{'s' * (len(names) > 1)}"
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return f"{len(self.rows)} method{'s' * (len(self.rows) > 1)} · {what} · {seeds}"


def read_target(text: str) -> tuple[str, ...]:
    """Return the target of "A + B": what one run forgets together."""
    return tuple(part.strip() for part in text.split(JOIN) if part.strip())
