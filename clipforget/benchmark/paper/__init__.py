"""The experiments of arXiv 2506.03117 as commands: one file a table. An experiment is a comparison and its lines.

    TABLE = experiment("table1", title="...", rows=ROWS, columns=COLUMNS, printed=PRINTED, paper=Case(...), ...)

All figures called the paper's are quoted from Targeted Forgetting of Image Subgroups in CLIP Models, arXiv 2506.03117,
as its public text has them, in percent. On the embedded drawings a table has a stand-in, which shows that the command
works and the shape of its table: its figures have nothing to do with the paper's. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clipforget.benchmark.paper._printed import ORIGINAL, Printed, PrintedRow
from clipforget.benchmark.plan import JOIN, SHARED, ComparisonPlan
from clipforget.benchmark.rows import DEFAULT, read_row
from clipforget.data.dataset import Dataset
from clipforget.data.target import Target
from clipforget.errors import BadData, ClipforgetError
from clipforget.registry import Registry
from clipforget.runs.config import RunConfig

PRESET = "{preset}"  # in a row that has settings of its own: where the preset asked for is put
THIS = "{target}"  # in the key of a column: what the line forgets
EVALUATED = "eval:"  # key of a column: an evaluation set
PER_CLASS = "class:"  # key of a column: the accuracy of one class of the test images
STAND_IN = "A stand-in: drawings and a tiny model, whose figures say nothing about the paper's. "
KNOWN = "Odd in the paper's Original: Food 60.9 and ObjectNet 68.9, which are 80.8 and 41.4 elsewhere. "
RN50, RN101 = "RN50-quickgelu/openai", "RN101-quickgelu/openai"
TARGETED = "Ours"  # the paper's word for its method
METHODS = {  # the rows of tables 1 to 3, by the paper's words for them
    "FT": "finetune", "GA": "gradient_ascent", "Fisher": "fisher_noise", "LIP": "lip", "EMMN": "emmn",
    "CLIP-LIP": "clip_lip", TARGETED: "targeted",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A column of a table: the key of its figures in the scores of a run, on the paper's images and on the drawings.

    Keys are those of rows (forget-coarse, siblings, eval:<name>, ...) or class:<superclass>; "" is none. THIS in one
    stands for what a line forgets.
    """

    label: str
    key: str
    stand_in: str = ""


DEFAULT_COLUMNS = (
    Column("target", "forget-coarse", "forget-coarse"),
    Column("retain", "siblings", "siblings"),
    Column("others", "others", "others"),
)


@dataclass(frozen=True)
class Line:
    """A line of the table: what a row of the comparison gives for a target, at an alpha (None: the suggested one).

    row and target are indices into the experiment's rows and the case's targets. The paper's figures for it stand under
    `group`, then `label` in what the experiment has printed; there are none where either is missing.
    """

    label: str
    row: int = 0
    target: int = 0
    alpha: float | None = None
    group: str = ""


@dataclass(frozen=True)
class Case:
    """An experiment on certain images: its targets, each what one run forgets, its lines and what to know about it."""

    targets: tuple[tuple[str, ...], ...]
    lines: tuple[Line, ...]
    note: str


@dataclass(frozen=True)
class Experiment:
    """A table of the paper. rows are texts as `compare` takes them; files says for each folder what to put there.

    `printed` holds the paper's figures by backbone, group and label of a line, each in the order of `columns`. `models`
    are those that it was measured on, the first the default. `prepare` names the data sets of which `reproduce prepare`
    builds such folders. With `finetuned` the model is first fine-tuned on the training images. The preset asked for
    serves rows that name none and no setting; one with settings says with PRESET where it goes.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    paper: Case
    sketchbook: Case
    files: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...] = DEFAULT_COLUMNS
    printed: Mapping[str, Mapping[str, Printed]] = field(default_factory=dict)
    models: tuple[str, ...] = (RN50,)
    prepare: tuple[str, ...] = ()
    finetuned: bool = False

    def plan(self, case: Case, config: RunConfig, seeds: Sequence[int], preset: str, runs: Path) -> ComparisonPlan:
        """Return the comparison behind a case; config gives what its runs share: model, data, device, ...

        Raises BadSetting or UnknownName where a setting makes no sense.
        """
        suffix = "" if preset == DEFAULT else f":{preset}"
        return ComparisonPlan(
            rows=tuple(read_row(text.replace(PRESET, suffix), preset, config.model, runs) for text in self.rows),
            targets=case.targets,
            seeds=tuple(seeds),
            title=f"{self.name}: {self.title}",
            **{name: getattr(config, name) for name in SHARED},
        ).checked()

    def key(self, case: Case, column: Column) -> str:
        """Return where a column's figures stand in the scores of a case; "" where it has none."""
        return column.key if case is self.paper else column.stand_in

    def printed_row(self, line: Line, model: str) -> PrintedRow | None:
        """Return the paper's figures for a line and the backbone of a model, else those of the first backbone."""
        groups = self.printed.get(backbone(model)) or next(iter(self.printed.values()), {})
        return groups.get(line.group, {}).get(line.label)

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

    def sets(self, case: Case) -> tuple[str, ...]:
        """Return the names of the evaluation sets that the columns of a case ask for."""
        keys = [self.key(case, column) for column in self.columns]
        names = [key.removeprefix(EVALUATED) for key in keys if key.startswith(EVALUATED)]
        return tuple(dict.fromkeys(name.replace(THIS, JOIN.join(target)) for name in names for target in case.targets))

    def instructions(self) -> str:
        """Say what to put where, and the commands that then make the table."""
        sets = self.sets(self.paper)
        lines = [f"{self.name}: {self.title}", "", "Put the images under one folder ROOT (or a .tar of it):", ""]
        width = max(len(path) for path, _ in self.files)
        lines += [f"  ROOT/{path:<{width}}  {what}" for path, what in self.files]
        if sets:
            lines += ["", "and the evaluation sets, test images in a folder for each class, under another, SETS:", ""]
            lines += [f"  SETS/{name}/<class>/..." for name in sets]
        commands = [*(f"{name} SRC ROOT" for name in self.prepare), *(f"{name} SRC SETS --evaluation" for name in sets)]
        if commands:
            lines += ["", "From the data sets as published (SRC), with links where their images are files:", ""]
            lines += [f"  python -m clipforget reproduce prepare {words}" for words in commands]
        lines += ["", self.paper.note, ""]
        options = " --data ROOT" + (" --sets SETS" if sets else "")
        for model in self.models:
            lines.append(f"{'' if lines[-1] else 'Then:':<7}{self.command} --model {model}{options}")
        lines.append(f"A stand-in on the embedded drawings, to try the command:  {self.command} --sketchbook")
        return "\n".join(lines)


EXPERIMENTS: Registry[Experiment] = Registry("experiment", __name__)


def experiment(name: str, **about: object) -> Experiment:
    """Register a table under its name; about are the other fields of Experiment."""
    EXPERIMENTS[name] = Experiment(name, **about)  # type: ignore[arg-type]
    return EXPERIMENTS[name]


def backbone(model: str) -> str:
    """Return the architecture of a model's name as the paper writes it: RN50 of RN50-quickgelu/openai."""
    return model.partition("/")[0].removesuffix("-quickgelu")


def compared_lines(target: int, group: str) -> tuple[Line, ...]:
    """Return the lines of a target of tables 1 to 3: Original, the paper's methods as trained, its own at its alpha.

    Restoring is a stage of the paper's method alone, so the others are read at alpha 0.
    """
    methods = [Line(label, row, target, None if label == TARGETED else 0.0, group) for row, label in enumerate(METHODS)]
    return (Line(ORIGINAL, 0, target, 1.0, group), *methods)
