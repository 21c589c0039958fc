"""A comparison's plan: rows from text and JSON, its cells, the command that repeats it."""

import shlex

import pytest

from clipforget.benchmark.plan import Cell, ComparisonPlan, read_target
from clipforget.benchmark.rows import Row, read_row, read_rows
from clipforget.errors import BadSetting, UnknownName
from clipforget.methods import METHODS
from clipforget.methods.targeted.settings import TargetedSettings
from clipforget.runs.config import RunConfig


def plan(**changes):
    own = {"rows": read_rows(["targeted", "gradient_ascent"]), "targets": (("a/b",), ("a/c", "d")), "seeds": (0, 4)}
    return ComparisonPlan(**{**own, **changes})


def test_cells_are_ordinary_runs_target_by_target():
    chosen = plan(tolerance=0.1, gallery=50, retain=("a/x",), model="RN50/openai", data="photos").checked()
    cells = chosen.cells()
    assert len(cells) == len(set(cells)) == 2 * 2 * 2
    assert [cell.target for cell in cells] == [0] * 4 + [1] * 4
    assert [cell.seed for cell in cells[:4]] == [0, 0, 4, 4]
    assert chosen.config(Cell(1, 1, 4)) == RunConfig(
        model="RN50/openai", data="photos", forget=("a/c", "d"), retain=("a/x",), method="gradient_ascent", seed=4,
        tolerance=0.1, gallery=50,
    )  # fmt: skip


def test_a_row_is_called_a_variant_where_its_settings_make_one():
    assert read_row("salun").label == "Saliency unlearning (SalUn)"
    assert read_row("salun:ours").label == "Saliency unlearning (SalUn), our runner-up names (ours)"
    held = read_row("delete,retain_weight=3")
    assert held.label.startswith("DELETE (masked distillation), our form that holds the rest (")
    old = Row("fisher_noise", settings={"form": "fair"})  # which Fisher forgetting no longer has
    assert "form=fair" in old.text


def test_a_row_is_written_as_text_and_reads_back():
    METHODS.load()
    plain = read_row("targeted")
    assert plain == Row("targeted", "Targeted forgetting") and plain.text == "targeted"
    paper = read_row("slug:paper")
    assert paper.preset == "paper" and paper.settings["depth"] == 1.0 and paper.label.endswith("(paper)")
    own = read_row("no EMA=targeted,ema-decay=0,layers=3")
    assert own.label == "no EMA" and own.settings == {"ema_decay": 0.0, "layers": 3}
    mixed = read_row("slug:paper,layers=3")
    assert mixed.preset == "" and mixed.settings == {**paper.settings, "layers": 3}
    same = read_row(f"targeted,layers={TargetedSettings().layers}")
    assert same.settings == {}, "a value that is the default is no difference"
    for row in (plain, paper, own, mixed, same):
        assert read_row(row.text) == row


def test_a_row_of_former_names_is_read_under_the_current_ones():
    row = read_row("lip:paper,batch=8")
    assert row.settings["batch_size"] == 8 and "batch" not in row.settings
    (old,) = ComparisonPlan.read({"rows": [{"method": "slug", "settings": {"looks": 6}}], "targets": [["a"]]}).rows
    assert old.settings == {"evaluations": 6} and old.label == ""


def test_a_preset_that_a_method_lacks_leaves_its_defaults_and_says_so():
    (with_preset,) = read_rows(["targeted"], preset="paper")
    assert with_preset.preset == "paper" and not with_preset.notes
    (without,) = read_rows(["targeted"], preset="nosuch")
    assert without.preset == "" and without.settings == {} and "no preset 'nosuch'" in without.notes[0]
    (named,) = read_rows(["targeted:default"], preset="paper")
    assert named.settings == {} and named.preset == ""


def test_all_stands_for_every_method_but_the_one_that_every_table_has():
    assert [row.method for row in read_rows(["all"])] == [name for name in METHODS.load() if name != "do_nothing"]
    assert len(read_rows(["all", "targeted"])) == len(read_rows(["all"]))


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("targetd", UnknownName, "Did you mean 'targeted'"),
        ("targeted:papr", UnknownName, "Did you mean 'paper'"),
        ("targeted,layer=3", UnknownName, "Did you mean 'layers'"),
        ("targeted,layers=none", BadSetting, "layers must be"),
        ("targeted,layers", BadSetting, "METHOD,SETTING=VALUE"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(text, error, words):
    with pytest.raises(error, match=words):
        read_row(text)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"seeds": (3, 4, 5), "title": "Mine, all mine", "device": "cpu", "gallery": 9},
        {"rows": read_rows(["targeted:paper", "one thing=targeted,layers=2"]), "retain": ("-x",), "tolerance": 0.2},
    ],
)
def test_the_command_and_the_json_give_the_plan_back(change):
    from clipforget.cli import main
    from clipforget.cli.commands.compare import planned

    chosen = plan(**change).checked()
    words = shlex.split(chosen.command())
    assert words[:4] == ["python", "-m", "clipforget", "compare"]
    assert planned(main.read(words[3:])) == chosen
    assert ComparisonPlan.read(chosen.as_dict()) == chosen


def test_what_is_repeated_counts_once_and_labels_differ():
    row = read_row("targeted")
    other = Row("targeted", row.label, settings={"layers": 2})
    chosen = plan(rows=(row, row, other), targets=(("a",), ("a",)), seeds=(1, 1)).checked()
    assert [one.label for one in chosen.rows] == ["Targeted forgetting", "Targeted forgetting 2"]
    assert len(chosen.cells()) == 2
    assert chosen.title == "2 methods · a · 1 seed"


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ([], BadSetting),
        ({"rows": 3, "targets": [["a"]]}, BadSetting),
        ({"rows": [3], "targets": [["a"]]}, BadSetting),
        ({"rows": [{"method": "targeted", "label": 3}], "targets": [["a"]]}, BadSetting),
        ({"rows": [{"method": "targeted", "settings": {"rank": None}}], "targets": [["a"]]}, BadSetting),
        ({"rows": [], "targets": [["a"]]}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": []}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": ["a"]}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "seeds": []}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "seeds": [1.5]}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "seeds": [-1]}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": [[""]]}, BadSetting),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "seeds": list(range(6000))}, BadSetting),
        ({"rows": [{"methd": "targeted"}], "targets": [["a"]]}, BadSetting),
        ({"rows": [{"method": "targetd"}], "targets": [["a"]]}, UnknownName),
        ({"rows": [{"method": "targeted", "settings": {"magic": 1}}], "targets": [["a"]]}, UnknownName),
        ({"rows": [{"method": "targeted", "magic": 1}], "targets": [["a"]]}, UnknownName),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "magic": 1}, UnknownName),
        ({"rows": [{"method": "targeted"}], "targets": [["a"]], "tolerance": 7}, BadSetting),
    ],
)
def test_a_plan_from_outside_is_read_with_care(values, error):
    with pytest.raises(error):
        ComparisonPlan.read(values).checked()


def test_several_targets_forgotten_together_are_one_target():
    assert read_target("a/b + c/d") == ("a/b", "c/d") and read_target("a+b") == ("a+b",)
