"""The paper's tables: that each can be planned and read, its printed figures, what it says without data."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from small import FEW

from clipforget.benchmark import paper
from clipforget.benchmark.ablation import ablation_rows
from clipforget.benchmark.paper import EXPERIMENTS, Case, Experiment, Line
from clipforget.benchmark.paper._measure import measure
from clipforget.benchmark.rows import read_row
from clipforget.cli import main
from clipforget.cli.commands.reproduce import as_markdown, text
from clipforget.data.catalogue import load_dataset
from clipforget.data.dataset import Item
from clipforget.errors import BadData
from clipforget.runs.config import RunConfig
from clipforget.workspace import setup

NAMES = sorted(EXPERIMENTS.load())
CHEAP = ",".join(f"{name}={value}" for name, value in FEW.items())


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


def test_the_printed_figures() -> None:
    """As the public text has them: forget, siblings or rest, ImageNet, Score; Table 5 without Score."""
    lines = [line for name in NAMES for line in EXPERIMENTS[name].paper.lines]
    printed = {line.label: tuple(line.paper.values()) for line in lines if line.paper}
    assert printed["marmoset: targeted"] == (0.0, 50.2, 54.5, 91.0)
    assert printed["box turtle: targeted"] == (0.0, 69.4, 50.6, 85.9)
    assert printed["airplane: targeted"] == (7.6, 65.1, 50.1, 88.9)
    assert printed["truck: targeted"] == (0.9, 63.2, 52.1, 89.5)
    assert printed["sketches of cars: targeted"] == (2.1, 66.0, 51.9, 87.2)
    assert printed["targeted, alpha 0.10"] == (0.0, 22.7, 1.0) and printed["targeted, alpha 0.90"] == (68.8, 78.7, 60.5)
    assert printed["targeted, alpha 0.65"] == (8.8, 63.2, 41.2) and "targeted, alpha 0.00" not in printed
    assert not any(line.paper for name in ("table4", "table6") for line in EXPERIMENTS[name].paper.lines)


def test_figures_are_means_over_seeds_at_the_lines_alpha() -> None:
    def view(best: float, *forget: float) -> dict:
        kept = {"key": "others", "label": "others", "after": [0.5, 0.5, 1.0]}
        bars = {"labels": ["cat", "ship"], "after": [[0.1, 0.2], [0.3, 0.4], [0.9, 1.0]]}
        target = {"key": "forget", "label": "forget", "after": list(forget)}
        styles = {"key": "styles", "label": "names of styles", "after": [1, 1, 1]}
        figures = {"alphas": [0.0, 0.5, 1.0], "best": best, "h": [9, 8, 0], "score": [1, 2, 3]}
        return {**figures, "rows": [target, kept, styles], "per_class": bars}

    views = {"a": view(0.5, 0.0, 0.1, 0.9), "b": view(0.0, 0.05, 0.2, 0.9)}
    cells = [{"row": 0, "target": 0, "state": "done", "run": id} for id in views]
    cells.append({"row": 0, "target": 0, "state": "failed", "run": None})
    lines = (
        Line("suggested", paper={"forget": 7.0, "eval:imagenet": 50.0}), Line("end", alpha=1.0),
        Line("ship", only="ship"), Line("missing", row=1),
    )  # fmt: skip
    case = Case((("ship", "cat"),), lines, "A note.")
    found = measure(Experiment("t", "Title", ("targeted",), case, case, ()), case, cells, views.__getitem__)
    assert [column["key"] for column in found["columns"]] == ["forget", "others", "eval:imagenet", "h", "score"]
    suggested, end, ship, missing = found["lines"]
    assert suggested["alpha"] == {"mean": 0.25, "spread": 0.35, "n": 2}
    assert suggested["here"]["forget"] == {"mean": 7.5, "spread": 3.54, "n": 2}  # 10 and 5 %
    assert suggested["here"]["h"]["mean"] == 8.5 and suggested["here"]["others"]["mean"] == 50
    assert end["here"]["forget"]["mean"] == 90 and end["alpha"]["mean"] == 1 and end["here"]["h"]["mean"] == 0
    assert ship["here"] == {"forget": {"mean": 30.0, "spread": 14.14, "n": 2}}  # 40 and 20 %
    assert missing["here"] == {} and missing["alpha"] is None
    found |= {"comparison": "c", "model": "m", "data": "d"}
    shown = text(found)
    assert "paper: imagenet" in shown and "not in the public text" in shown and "A note." in shown
    assert [word for word in shown.splitlines()[3].split("  ") if word][1:4] == ["0.25 ±0.35", "7.0", "7.5 ±3.5"]
    assert "| suggested | 0.25 ±0.35 | 7.0 | 7.5 ±3.5 |" in as_markdown(found)


def test_a_preset_serves_every_row(tmp_path) -> None:
    experiment = EXPERIMENTS["table4"]
    plan = experiment.plan(experiment.paper, RunConfig(device="cpu"), (0,), "paper", tmp_path)
    steps = [row.settings.get("remind_steps", 10) for row in plan.rows]  # 10 is the default
    assert steps == [0, 5, 10, 20, 40, 80] * 2
    assert all(set(row.settings) <= {"remind_steps", "remind_learning_rate"} for row in plan.rows)
    plan = EXPERIMENTS["table1"].plan(experiment.paper, RunConfig(model="RN101/openai"), (0,), "tuned", tmp_path)
    assert "no preset 'tuned'" in plan.rows[0].notes[0]


def test_ablation_changes_one_thing_a_row() -> None:
    rows = [read_row(text) for text in ablation_rows("default")]
    assert len({row.label for row in rows}) == len(rows) and rows[0].settings == {}
    settings = {row.label: row.settings for row in rows}
    assert settings["loss: hinge"] == {"mode": "hinge"} and settings["whole tower"] == {"depth": 1.0}
    for label, values in settings.items():
        base = settings[label.partition(";")[0]] if ";" in label else {}
        assert values.items() >= base.items() and len(values) == len(base) + (label != "as it is"), label
    assert all(row.settings["layers"] == 3 for row in [read_row(f"{t},layers=3") for t in ablation_rows("paper")])
    assert read_row(ablation_rows("paper")[1]).settings["mode"] == "paper"


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
