"""The paper's tables: that each can be planned and read, its printed figures, what it says without data."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clipforget.benchmark import paper
from clipforget.benchmark.paper import EXPERIMENTS, METHODS, Case, Column, Experiment, Line
from clipforget.benchmark.paper._measure import measure
from clipforget.benchmark.paper._printed import read_printed, slips
from clipforget.cli import main
from clipforget.cli.commands.reproduce import as_markdown, text
from clipforget.data.catalogue import load_dataset
from clipforget.data.dataset import Item
from clipforget.errors import BadData
from clipforget.methods import METHODS as METHODS_BY_NAME
from clipforget.runs.config import RunConfig
from clipforget.workspace import setup

NAMES = sorted(EXPERIMENTS.load())


@pytest.fixture(scope="module")
def sketchbook():
    return load_dataset("sketchbook")


def test_every_table_of_the_paper_is_there() -> None:
    assert [f"table{n}" for n in range(1, 7)] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_table_can_be_planned_and_its_lines_lead_somewhere(name: str, sketchbook) -> None:
    experiment = EXPERIMENTS[name]
    for case in (experiment.paper, experiment.sketchbook):
        plan = experiment.plan(case, RunConfig(device="cpu"), (0, 1), "default", Path("/no/runs"))
        assert len(plan.rows) == len(experiment.rows) and plan.targets == case.targets and plan.seeds == (0, 1)
        assert all(0 <= line.row < len(plan.rows) and 0 <= line.target < len(case.targets) for line in case.lines)
        assert {(line.row, line.target) for line in case.lines} == {
            (row, target) for row in range(len(plan.rows)) for target in range(len(case.targets))
        }, "nothing is run in vain"
        assert case.note.endswith(".")
    experiment.check(experiment.sketchbook, sketchbook)
    with pytest.raises(BadData, match=f"What to put where: python -m clipforget reproduce {name}"):
        experiment.check(replace(experiment.paper, targets=(("unicorn",),)), sketchbook)


@pytest.mark.parametrize("name", NAMES)
def test_data_laid_out_as_it_says_are_accepted(name: str, sketchbook) -> None:
    """The first folders of the instructions, with their sets of names filled in."""
    experiment = EXPERIMENTS[name]
    shown = experiment.instructions()
    items = []
    for target in {name for group in experiment.paper.targets for name in group}:
        levels = [level for level in target.split("/") if level != "*"]
        assert all(level in shown for level in levels), f"{name} does not say where '{target}' belongs"
        full = target.replace("*", "any").split("/")
        items += [Item(f"{split}/{target}/0.png", split, *full) for split in ("train", "test")]
    experiment.check(experiment.paper, replace(sketchbook, items=(*items, Item("train/x/0.png", "train", "x"))))
    assert f"python -m clipforget reproduce {name} --sketchbook" in shown


SLIPS = {  # of the paper itself: what its ratios or its Score do not follow from
    ("table1", "RN50", "marmoset"): [
        "LIP: retain 0.2 of 54.7 is 0.4, printed 3.6",
        "LIP: Score 18.6, its ratios give 19.1",
    ],
    ("table2", "RN50", "truck"): [
        "Fisher: STL 13.9 of 92.0 is 15.1, printed 21.0",
        "Fisher: ImageNet 0.2 of 59.8 is 0.3, printed 0.2",
        "Fisher: Score 19.2, its ratios give 20.1",
    ],
}
BLOCKS = [
    (name, backbone, group, rows)
    for name in NAMES
    for backbone, groups in EXPERIMENTS[name].printed.items()
    for group, rows in groups.items()
]


@pytest.mark.parametrize(("name", "backbone", "group", "rows"), BLOCKS, ids=lambda value: str(value)[:12])
def test_the_printed_figures_add_up(name: str, backbone: str, group: str, rows) -> None:
    """Every printed ratio is that of its accuracies, every Score the mean of its ratios, but for known slips."""
    experiment = EXPERIMENTS[name]
    columns = [column.label for column in experiment.columns]
    target = next((column.label for column in experiment.columns if column.key == "forget-coarse"), "")
    assert all(len(row.values) == len(columns) and len(row.ratios) in (0, len(columns)) for row in rows.values())
    if any(row.ratios for row in rows.values()):
        assert list(rows) == ["Original", *METHODS]
        assert all(row.ratios and row.score is not None for label, row in rows.items() if label != "Original")
        assert slips(rows, columns, target) == SLIPS.get((name, backbone, group), [])
    lines = {line.label for line in experiment.paper.lines if line.group == group}
    assert lines >= rows.keys(), "every printed row has its line"


def test_a_figure_mistyped_would_not_add_up() -> None:
    rows = read_printed("Original 50.0 80.0\nFT 5.0/10.0 60.0/75.0 82.5")
    assert slips(rows, ("target", "retain"), "target") == []
    wrong = read_printed("Original 50.0 80.0\nFT 5.0/10.0 66.0/75.0 83.5")
    assert slips(wrong, ("target", "retain"), "target") == [
        "FT: retain 66.0 of 80.0 is 82.5, printed 75.0",
        "FT: Score 83.5, its ratios give 82.5",
    ]


def test_the_tables_agree_where_they_tell_of_the_same_run() -> None:
    """Tables 2, 4 and 5 have RN101 without airplanes; table 6 starts from table 2's RN50."""
    two = EXPERIMENTS["table2"].printed["RN101"]["airplane"]["Ours"].values
    assert (two[0], two[1], two[-1]) == EXPERIMENTS["table5"].printed["RN101"][""]["0.65"].values == (8.8, 63.2, 41.2)
    assert EXPERIMENTS["table4"].printed["RN101"][""]["T=10"].values == (63.2, 41.2)
    airplane, *rest = EXPERIMENTS["table6"].printed["RN50"][""]["Original"].values
    forget, retain, *_ = EXPERIMENTS["table2"].printed["RN50"]["airplane"]["Original"].values
    assert abs(airplane - forget) < 0.3 and abs(sum(rest) / 9 - retain) < 0.3


def view(best: float, forget: list[float], **rows: list[float]) -> dict:
    """The scores of a run at alpha 0, 0.5 and 1."""
    found = []
    for key, after in {"forget": forget, "forget-coarse": forget, **rows}.items():
        before = {"value": after[-1], "low": 0.97 * after[-1], "high": 1.0}
        found.append({"key": key, "n": 3 if "target" in key else 9, "before": before, "after": after})
    bars = {"labels": ["cat", "ship"], "before": [0.9, 1.0], "after": [[0.1, 0.2], [0.3, 0.4], [0.9, 1.0]]}
    return {"alphas": [0.0, 0.5, 1.0], "best": best, "rows": found, "per_class": bars}


COLUMNS = (
    Column("target", "forget-coarse"), Column("retain", "siblings", "siblings"), Column("Food", "eval:food101"),
    Column("own", "eval:own {target}"), Column("ship", "class:ship"),
)  # fmt: skip
TINY = {"RN50": {"cat": read_printed("""
    Original 88.5 80.0 60.0 50.0 40.0
    Ours     9.0/10.0 40.0/50.0 30.0/50.0 25.0/50.0 40.0/100.0 68.0
""")}}  # fmt: skip


def tiny(columns=COLUMNS) -> tuple[Experiment, list[dict], dict]:
    """An experiment of two seeds and a row that failed."""
    sets = {"eval:food101": [0.1, 0.6, 0.5], "eval:own cat": [0, 0.5, 1]}
    views = {
        "a": view(0.5, [0.0, 0.09, 0.9], siblings=[0.1, 0.4, 0.8], **sets),
        "b": view(0.0, [0.045, 0.2, 0.9], siblings=[0.2, 0.5, 0.8], **sets),
    }
    cells = [{"row": 0, "target": 0, "state": "done", "run": id} for id in views]
    cells.append({"row": 1, "target": 0, "state": "failed", "run": None})
    lines = (Line("Original", alpha=1.0, group="cat"), Line("Ours", group="cat"), Line("missing", row=1))
    case = Case((("cat",),), lines, "A note.")
    drawings = Case((("dog",),), lines, "Drawings.")
    return Experiment("t", "Title", ("targeted",), case, drawings, (), columns, TINY), cells, views


def test_figures_are_means_over_seeds_at_the_lines_alpha() -> None:
    experiment, cells, views = tiny()
    found = measure(experiment, experiment.paper, "RN50-quickgelu/openai", cells, views.__getitem__)
    assert [column["label"] for column in found["columns"]] == ["target", "retain", "Food", "own", "ship"]
    original, ours, missing = found["lines"]
    here = ours["here"]
    assert here["alpha"] == {"mean": 0.25, "spread": 0.35, "n": 2}
    assert here["values"]["target"] == {"mean": 6.75, "spread": 3.18, "n": 2}  # 9 and 4.5 %
    assert [here["ratios"][key]["mean"] for key in ("target", "retain", "Food")] == [7.5, 37.5, 60], "at most 100 each"
    assert here["values"]["own"]["mean"] == 25 and here["values"]["ship"]["mean"] == 30
    scores = [(90 + 50 + 100 + 50 + 40) / 5, (95 + 25 + 20 + 0 + 20) / 5]
    assert here["score"]["mean"] == sum(scores) / 2
    assert ours["paper"]["values"]["retain"] == 40 and ours["paper"]["ratios"]["retain"] == 50
    assert ours["paper"]["score"] == 68
    assert original["here"]["score"]["mean"] == 80 and original["paper"]["score"] is None, "that of doing nothing"
    assert missing["here"] is None and missing["paper"] is None
    assert found["warnings"] == [
        "Our Original differs from the paper's (in brackets) by over a point: cat own 100.0 (50.0), "
        "cat ship 100.0 (40.0). Compare ratios."
    ], "the target's 88.5 of 90 and the 60 of 50 lie within what chance explains"
    found |= {"comparison": "c", "model": "m", "data": "d"}
    lines = text(found).splitlines()
    assert lines[5].split() == ["cat", "Ours", "paper", "9.0", "(10.0)", "40.0", "(50.0)", "30.0", "(50.0)",
                                "25.0", "(50.0)", "40.0", "(100.0)", "68.0"]  # fmt: skip
    assert lines[6].split()[:6] == ["here", "0.25", "±0.35", "6.8", "±3.2", "(7.5)"] and "A note." in lines
    assert "| cat | Ours | paper |  | 9.0 (10.0) |" in as_markdown(found)


def test_the_score_is_over_the_columns_that_are_there_the_papers_too() -> None:
    experiment, cells, views = tiny((*COLUMNS[:3], Column("STL", "eval:stl10"), COLUMNS[4]))
    found = measure(experiment, experiment.paper, "RN50-quickgelu/openai", cells, views.__getitem__)
    assert [column["label"] for column in found["columns"]] == ["target", "retain", "Food", "ship"]
    assert found["lines"][1]["paper"]["score"] == (90 + 50 + 50 + 100) / 4
    assert "Without images here: STL; Score is the mean over the columns that are there" in found["warnings"][0]


def test_a_set_is_read_whole_with_the_targets_images_in_it() -> None:
    """As the paper counts STL-10, whose airplanes stay with the rest: 9 images of 0.6 and 3 of 0.2."""
    experiment, cells, _ = tiny()
    rows = {"eval:food101": [0.1, 0.6, 0.8], "eval-target:food101": [0.0, 0.2, 0.4]}
    views = dict.fromkeys("ab", view(0.5, [0.0, 0.1, 0.9], siblings=[0.1, 0.4, 0.8], **rows))
    found = measure(experiment, experiment.paper, "RN50-quickgelu/openai", cells, views.__getitem__)
    here = found["lines"][1]["here"]
    assert here["values"]["Food"]["mean"] == 50 and here["ratios"]["Food"]["mean"] == 71.43


def test_another_backbone_and_the_drawings_are_said_to_be_so() -> None:
    experiment, cells, views = tiny()
    found = measure(experiment, experiment.paper, "ViT-B-32-quickgelu/openai", cells, views.__getitem__)
    assert found["warnings"] == ["The paper has no figures of ViT-B-32-quickgelu/openai; those of RN50 are shown."]
    found = measure(experiment, experiment.sketchbook, "clipforget-tiny", cells, views.__getitem__)
    assert [column["label"] for column in found["columns"]] == ["retain"] and found["warnings"] == []
    assert found["lines"][1]["target"] == "dog (for cat)"


def test_methods_are_read_as_trained_and_the_papers_own_at_its_alpha() -> None:
    for name in ("table1", "table2", "table3"):
        for line in EXPERIMENTS[name].paper.lines:
            assert line.alpha == {"Original": 1.0, "Ours": None}.get(line.label, 0.0)
            assert line.label == "Original" or EXPERIMENTS[name].rows[line.row] == METHODS[line.label]


def test_a_preset_serves_every_row(tmp_path) -> None:
    experiment = EXPERIMENTS["table4"]
    plan = experiment.plan(experiment.paper, RunConfig(device="cpu"), (0,), "paper", tmp_path)
    default = METHODS_BY_NAME.load()["targeted"].settings().remind_steps
    assert [row.settings.get("remind_steps", default) for row in plan.rows] == [5, 10, 20, 30, 40, 50, 100]
    plan = EXPERIMENTS["table1"].plan(experiment.paper, RunConfig(model="RN101/openai"), (0,), "tuned", tmp_path)
    assert "no preset 'tuned'" in plan.rows[0].notes[0]


DROPPED = """
from clipforget.benchmark.paper import Case, experiment

CASE = Case((("airplane",),), (), "A note.")
experiment("dropped", title="one file", rows=("targeted",), paper=CASE, sketchbook=CASE, files=())
"""


def test_an_experiment_dropped_as_a_file_is_on_the_command_line_and_on_the_page(tmp_path, monkeypatch):
    (tmp_path / "dropped.py").write_text(DROPPED)
    monkeypatch.setattr(paper, "__path__", [*paper.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    try:
        args = main.read(["reproduce", "dropped", "--sketchbook"])
        offered = setup.describe([], load_dataset)["experiments"]
        assert args.name == "dropped" and args.sketchbook
        about = {
            "name": "dropped",
            "title": "one file",
            "rows": ["targeted"],
            "targets": [["airplane"]],
            "note": "A note.",
        }
        assert about in offered
    finally:
        EXPERIMENTS.pop("dropped", None)
        sys.modules.pop("clipforget.benchmark.paper.dropped", None)
