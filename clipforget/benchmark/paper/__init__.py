"""The experiments of arXiv 2506.03117 as commands: one file a table. An experiment is a comparison and its lines.

    TABLE = experiment("table1", title="...", rows=("targeted",), paper=Case(...), sketchbook=Case(...), files=(...))

Source of all figures called the paper's: Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117, RN50
with OpenAI's weights, in percent, as far as its public text has them. What stands on sketchbook is our counterpart: it
shows the shape of a table, not its figures. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import DEFAULT, read_row
from clipforget.data.dataset import Dataset
from clipforget.data.target import Target
from clipforget.errors import BadData, ClipforgetError
from clipforget.registry import Registry
from clipforget.runs.config import RunConfig

PRESET = "{preset}"  # in a row that has settings of its own: where the preset asked for is put


@dataclass(frozen=True)
class Line:
    """A line of the table: what a row of the comparison gives for a target, at an alpha (None: the suggested one).

    row and target are indices into the experiment's rows and the case's targets. `paper` holds the printed figures in
    percent by column: forget, siblings, others, eval:<name>, score. `only` reads the forget column of one class
    among several that are forgotten together, and nothing else.
    """

    label: str
    row: int = 0
    target: int = 0
    alpha: float | None = None
    paper: Mapping[str, float] = field(default_factory=dict)
    only: str = ""


@dataclass(frozen=True)
class Case:
    """An experiment on certain images: its targets, each what one run forgets, its lines and what to know about it."""

    targets: tuple[tuple[str, ...], ...]
    lines: tuple[Line, ...]
    note: str


@dataclass(frozen=True)
class Experiment:
    """A table of the paper. rows are texts as `compare` takes them; files says for each folder what to put there.

    `prepare` holds what follows `reproduce prepare` to build such folders. The preset asked for serves rows that name
    none and no setting; one with settings says with PRESET where it goes.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    paper: Case
    sketchbook: Case
    files: tuple[tuple[str, str], ...]
    prepare: tuple[str, ...] = ()

    def plan(self, case: Case, config: RunConfig, seeds: Sequence[int], preset: str, runs: Path) -> ComparisonPlan:
        """Return the comparison behind a case; config gives model, data, tolerance and device.

        Raises BadSetting or UnknownName where a setting makes no sense.
        """
        suffix = "" if preset == DEFAULT else f":{preset}"
        return ComparisonPlan(
            rows=tuple(read_row(text.replace(PRESET, suffix), preset, config.model, runs) for text in self.rows),
            targets=case.targets,
            seeds=tuple(seeds),
            model=config.model,
            data=config.data,
            tolerance=config.tolerance,
            device=config.device,
            title=f"{self.name}: {self.title}",
        ).checked()

    @property
    def command(self) -> str:
        """The command that says what to put where."""
        return f"python -m clipforget reproduce {self.name}"

    def check(self, case: Case, dataset: Dataset) -> None:
        """Check that the data set is laid out as the case needs it. Raises BadData with what is missing."""
        for text in dict.fromkeys(text for target in case.targets for text in target):
            try:
                Target.parse(text, dataset)
            except ClipforgetError as error:
                raise BadData(f"{dataset.name} has no '{text}': {error} What to put where: {self.command}.") from error

    def instructions(self) -> str:
        """Say what to put where, and the commands that then make the table."""
        lines = [f"{self.name}: {self.title}", "", "Put the images under one folder ROOT (or a .tar of it):", ""]
        width = max(len(path) for path, _ in self.files)
        lines += [f"  ROOT/{path:<{width}}  {what}" for path, what in self.files]
        if self.prepare:
            lines += [
                "",
                "From the data sets as they are published (SRC), with links where their images are files:",
                "",
            ]
            lines += [f"  python -m clipforget reproduce prepare {words}" for words in self.prepare]
        lines += ["", self.paper.note, "", f"Then:  {self.command} --model {MODEL} --data ROOT"]
        return "\n".join([*lines, f"On the embedded drawings instead:  {self.command} --sketchbook"])


MODEL = "RN50-quickgelu/openai"  # what the paper's figures were measured on
EXPERIMENTS: Registry[Experiment] = Registry("experiment", __name__)


def experiment(name: str, **about: object) -> Experiment:
    """Register a table under its name; about are the other fields of Experiment."""
    EXPERIMENTS[name] = Experiment(name, **about)  # type: ignore[arg-type]
    return EXPERIMENTS[name]


def compared_lines(labels: Sequence[str], target: int, name: str, paper: Mapping[str, float]) -> tuple[Line, ...]:
    """Return the lines of one target: the original, then one for each row, all beside the paper's figures."""
    before = Line(f"{name}: original", 0, target, 1.0)
    return (before, *(Line(f"{name}: {label}", row, target, None, paper) for row, label in enumerate(labels)))
