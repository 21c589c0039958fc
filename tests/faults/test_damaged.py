"""A damaged file hurts only what it belongs to, is shown with its reason, and can be deleted."""

import json
import re
import shutil
from html import unescape

import numpy as np
import pytest
from small import FEW

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import check_preset, read_row
from clipforget.benchmark.run_summary import run_summary
from clipforget.benchmark.store import ComparisonStore, FinishedRuns
from clipforget.benchmark.trials import Trial, TrialStore
from clipforget.cli.main import main
from clipforget.errors import BadSetting, ClipforgetError
from clipforget.methods import METHODS
from clipforget.runs.presets import OWN_FOLDER, Preset, find_preset, presets, save_preset
from clipforget.web.form import form_choices
from clipforget.workspace.setup import describe_method
from clipforget.workspace.workspace import Workspace

BAD = "20200101-000000-damaged-0000"  # the oldest, and a name of its own: run.json inside says another
TEXTS = {
    "{}": "{}", "[]": "[]", "null": "null", "a number": "7", "empty": "", "NULs": "\0" * 500, "words": "Hello there.",
    "no UTF-8": b"\xff\xfe\xfa", "too deep": "[" * 100_000, "digits": "9" * 5000,
    "half a character": '{"id": "\\ud800"}',
}  # fmt: skip


def spoil(path, damage):
    """Put one of TEXTS, "half" of the content, or a folder in a file's place."""
    if damage == "a folder":
        path.unlink()
        path.mkdir()
        return
    content = path.read_bytes()
    text = content[: len(content) // 2] if damage == "half" else TEXTS[damage]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


DAMAGES = [*TEXTS, "half", "a folder"]


def sentence(error):
    """One sentence of a bearable length, with no word of Python's."""
    text = str(error.value)
    assert len(text) < 600 and "\n" not in text and "Traceback" not in text
    return text


def changed(whole, key, odd):
    """A document with one key's value replaced by an odd one, or without the key."""
    return {name: odd if name == key else value for name, value in whole.items() if name != key or odd != "gone"}


@pytest.fixture
def house(finished, tmp_path, monkeypatch):
    """A workspace over a healthy finished run and a copy to be damaged; no worker is started."""
    for id in (finished.id, BAD):
        shutil.copytree(finished.folder, tmp_path / "runs" / id)
    workspace = Workspace(tmp_path / "runs", sample=False)
    monkeypatch.setattr(workspace._workers, "start", lambda run: None)
    return workspace


def others_work(workspace, world, finished, capsys):
    """Every list and every start goes on beside a damaged run or comparison."""
    capsys.readouterr()
    assert main(["runs", "--runs", str(workspace.store.root)]) == 0
    shown = capsys.readouterr().out
    assert finished.id in shown
    assert main(["show", "last", "--runs", str(workspace.store.root)]) == 0
    assert {entry["id"]: entry["state"] for entry in workspace.runs()}[finished.id] == "done"
    assert workspace.view(finished.id)["id"] == finished.id
    assert workspace.estimate(world.config())["seconds"] > 0
    assert form_choices(workspace)["recent"]["models"] == [world.clip]
    assert [run.id for run in FinishedRuns(workspace.store).candidates(world.config().checked())][-1:] in (
        [finished.id], [BAD],
    )  # fmt: skip
    plan = ComparisonPlan((read_row("do_nothing"),), (("disc/big",),), model=world.clip, data=world.data, seeds=(0,))
    assert workspace.comparisons.start(plan) in [entry["id"] for entry in workspace.comparisons.list()]
    workspace.delete(workspace.start(world.config()))
    return shown


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_listed_with_its_reason_and_deleted(house, world, finished, capsys, damage):
    spoil(house.store.root / BAD / "run.json", damage)
    shown = others_work(house, world, finished, capsys)
    assert "damaged" in shown and f"The run {BAD} has no readable run.json" in shown
    (entry,) = [entry for entry in house.runs() if entry["id"] == BAD]
    assert entry["state"] == "damaged" and "run.json" in entry["error"] and entry["config"]["forget"] == []
    for ask in (
        house.view,
        house.events,
        house.stop,
        house.finished_run,
        lambda id: house.annotate(id, {"starred": True}),
    ):
        with pytest.raises(ClipforgetError) as caught:
            ask(BAD)
        assert BAD in sentence(caught)
    house.delete(BAD)
    assert not (house.store.root / BAD).exists() and BAD not in [entry["id"] for entry in house.runs()]


@pytest.mark.parametrize("odd", [7, "seven", [[]], {"odd": {}}, None, "gone"])
def test_a_value_of_the_wrong_type_hurts_only_its_run(house, world, finished, capsys, odd):
    path = house.store.root / BAD / "run.json"
    whole = json.loads(path.read_text())
    for key in whole:
        path.write_text(json.dumps(changed(whole, key, odd)))
        assert [entry["id"] for entry in house.runs()] == [finished.id, BAD], key
        assert main(["runs", "--runs", str(house.store.root)]) == 0, key
        assert form_choices(house), key
        assert house.estimate(world.config()) and FinishedRuns(house.store)
        for ask in (house.view, house.events):
            try:
                ask(BAD)
            except ClipforgetError as error:
                assert BAD in str(error), key
    house.delete(BAD)
    assert [entry["id"] for entry in house.runs()] == [finished.id], "the copy was deleted, not what it was copied from"


@pytest.mark.parametrize("damage", ["NULs", "words", "[]", "null", "{}", "no UTF-8", "too deep", "a folder", "step"])
def test_a_garbage_line_of_events_hurts_only_its_run(house, world, finished, capsys, damage):
    path = house.store.root / BAD / "events.jsonl"
    if damage == "a folder":
        spoil(path, damage)
    else:
        lines = path.read_bytes().split(b"\n")
        odd = b'{"kind": "step", "t": "soon"}' if damage == "step" else TEXTS[damage]
        lines[1] = odd if isinstance(odd, bytes) else odd.encode()
        path.write_bytes(b"\n".join(lines))
    others_work(house, world, finished, capsys)
    for ask in (house.view, house.events):
        with pytest.raises(ClipforgetError) as caught:
            ask(BAD)
        assert BAD in sentence(caught) and "events.jsonl" in sentence(caught)
    house.delete(BAD)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["scores.json", "path.npz"])
def test_a_run_without_sound_results_says_so(house, world, finished, capsys, name, damage):
    spoil(house.store.root / BAD / name, damage)
    others_work(house, world, finished, capsys)
    for ask in (house.view, lambda id: house.query(id, text="a disc"), lambda id: house.export(id, "scores.csv")):
        with pytest.raises(ClipforgetError) as caught:
            ask(BAD)
        assert BAD in sentence(caught)
    house.delete(BAD)


@pytest.mark.parametrize("damage", TEXTS)
def test_damaged_audits_hurt_only_themselves(house, damage):
    run = house.run(BAD)
    whole = run_summary(run)
    run.path("audits.json").write_text("{}")
    spoil(run.path("audits.json"), damage)
    assert run_summary(run).h == whole.h and house.view(BAD)["h"] and house.query(BAD, text="a disc")
    damaged = house.finished_run(BAD).audits()["damaged"]
    assert BAD in damaged and "audits.json" in damaged and damaged in unescape(house.report(BAD, 0.5, text="a disc"))


@pytest.mark.parametrize("odd", [7, "seven", [[]], {"odd": {}}, None, "gone"])
def test_scores_of_the_wrong_type_are_one_sentence(house, finished, odd):
    path = house.store.root / BAD / "scores.json"
    whole = json.loads(path.read_text())
    for key in whole:
        path.write_text(json.dumps(changed(whole, key, odd)))
        house._finished.drop(lambda key: True)
        try:
            house.view(BAD)
            house.query(BAD, text="a disc")
            house.export(BAD, "scores.csv")
        except ClipforgetError as error:
            assert BAD in str(error), key


@pytest.mark.parametrize(
    "where", ["h", "score", "rows 0 after", "rows 1 low", "per_class after", "per_class after 3", "evaluated roles"]
)
def test_lists_of_another_length_are_refused(house, where):
    path = house.store.root / BAD / "scores.json"
    whole = json.loads(path.read_text())
    values = whole
    for part in where.split():
        values = values[int(part) if part.isdigit() else part]
    del values[-1]
    path.write_text(json.dumps(whole))
    with pytest.raises(ClipforgetError, match="missing or damaged"):
        house.view(BAD)


def flip(path, offsets, value):
    """Set a byte of the headers of every member of a zip file, local and central."""
    content = bytearray(path.read_bytes())
    for magic, offset in zip((b"PK\x03\x04", b"PK\x01\x02"), offsets, strict=True):
        for match in re.finditer(re.escape(magic), bytes(content)):
            content[match.start() + offset] = value
    path.write_bytes(content)


@pytest.mark.parametrize("value", [1, 8, 12, 14, 93, "encrypted"])
@pytest.mark.parametrize("name", ["path.npz", "queries.npz"])
def test_a_changed_flag_of_an_archive_is_no_bug(house, name, value):
    offsets, number = ((6, 8), 1) if value == "encrypted" else ((8, 10), value)
    flip(house.store.root / BAD / name, offsets, number)
    if name == "queries.npz":  # a convenience: the model embeds the texts again
        assert house.query(BAD, text="a disc")["after"]
    else:
        with pytest.raises(ClipforgetError, match="missing or damaged"):
            house.view(BAD)


def test_arrays_that_do_not_fit_are_refused(house):
    path = house.store.root / BAD / "path.npz"
    with np.load(path) as file:
        arrays = dict(file)
    for name, odd in (("features", np.array(["x"])), ("features", np.zeros(3)), ("meta", np.array("7")), ("banks", 1)):
        np.savez(path, **{**arrays, name: odd})
        with pytest.raises(ClipforgetError, match="missing or damaged"):
            house.view(BAD)
    for odd in (np.array("7"), np.array('["a disc"]'), np.array("[7]"), np.array("[[]]")):
        np.savez(house.store.root / BAD / "queries.npz", texts=odd, features=np.zeros(2))
        np.savez(path, **arrays)
        assert house.query(BAD, text="a disc")["after"]


@pytest.mark.parametrize("damage", [*DAMAGES, "wrong types"])
def test_a_damaged_comparison_is_listed_with_its_reason_and_deleted(house, world, finished, capsys, damage):
    plan = ComparisonPlan((read_row("do_nothing"),), (("disc/small",),), model=world.clip, data=world.data).checked()
    store = ComparisonStore(house.store.root)
    bad = store.create(plan)
    path = bad.path("comparison.json")
    if damage == "wrong types":
        whole = json.loads(path.read_text())
        for key in whole:
            for odd in (7, "seven", [[]], [7], {"odd": {}}, None):
                path.write_text(json.dumps({**whole, key: odd}))
                assert [entry["id"] for entry in house.comparisons.list()] == [bad.id], key
                store.same(plan)
                for ask in (house.comparisons.summary, house.comparisons.stop):
                    try:
                        ask(bad.id)
                    except ClipforgetError as error:
                        assert len(str(error)) < 600
        path.write_text(json.dumps({**whole, "cells": 7}))
    else:
        spoil(path, damage)
    others_work(house, world, finished, capsys)
    (entry,) = [entry for entry in house.comparisons.list() if entry["id"] == bad.id]
    assert entry["state"] == "damaged" and "comparison.json" in entry["error"]
    assert main(["compare", "--list", "--runs", str(house.store.root)]) == 0
    assert entry["error"] in capsys.readouterr().out
    for ask in (house.comparisons.summary, house.comparisons.stop, house.comparisons.resume):
        with pytest.raises(ClipforgetError) as caught:
            ask(bad.id)
        assert bad.id in sentence(caught)
    house.comparisons.delete(bad.id)
    assert bad.id not in store.ids() and not bad.folder.exists()


@pytest.mark.parametrize("damage", [*DAMAGES, "wrong types"])
def test_a_damaged_preset_is_shown_with_its_reason_and_stops_nothing(house, world, finished, capsys, damage):
    model, runs = "clipforget-tiny", house.store.root
    path = save_preset(Preset("mine", "targeted", {"rank": 4}), model, runs / OWN_FOLDER)
    save_preset(Preset("sound", "targeted", {"rank": 4}), model, runs / OWN_FOLDER)
    if damage == "wrong types":
        path.write_text('{"settings": {"rank": [[]]}, "note": 7}')
    else:
        spoil(path, damage)
    if damage == "{}":  # a preset of the defaults: name and method are those of its path
        return
    others_work(house, world, finished, capsys)
    assert form_choices(house)["methods"]
    assert find_preset("targeted", "sound", model, runs).settings == {"rank": 4}
    assert "mine" not in [preset.name for preset in presets("targeted", model, runs)]
    (shown,) = [
        entry for entry in describe_method(METHODS.load()["targeted"], model, runs)["presets"] if "error" in entry
    ]
    assert shown["name"] == "mine" and str(path) in shown["error"]
    check_preset("sound", model, runs)
    assert read_row("targeted:sound", runs=runs).settings == {"rank": 4}
    for ask in (lambda: find_preset("targeted", "mine", model, runs), lambda: read_row("targeted:mine", runs=runs)):
        with pytest.raises(BadSetting, match="cannot be read") as caught:
            ask()
        assert str(path) in sentence(caught)
    capsys.readouterr()
    assert main(["methods", "targeted", "--model", model, "--runs", str(runs)]) == 0
    assert "cannot be read" in capsys.readouterr().out


@pytest.mark.parametrize("damage", [*TEXTS, "wrong types"])
def test_a_damaged_tuning_file_is_named(tmp_path, damage):
    method, store = METHODS.load()["do_nothing"], TrialStore(tmp_path, {"data": "x"}, 0)
    trial = Trial("do_nothing", 0, "disc/big", {}, {}, 50.0, 0.5, {"forget": 1.0}, {"forget": 0.0}, 1.0)
    for _ in range(2):
        store.add(method, ("disc/big",), trial)
    (path,) = tmp_path.iterdir()
    odd = '{"settings": 7}' if damage == "wrong types" else TEXTS[damage]
    odd = odd if isinstance(odd, bytes) else odd.encode()
    whole = path.read_bytes()
    path.write_bytes(odd + b"\n" + whole)
    with pytest.raises(BadSetting) as caught:
        list(store.finished(method, ("disc/big",), [{}]))
    assert str(path) in sentence(caught) and "Line 1 " in sentence(caught)
    assert list(store.finished(method, ("square/big",), [{}])) == []
    path.write_bytes(whole + odd)  # torn by a crash
    store.add(method, ("disc/big",), trial)
    assert list(store.finished(method, ("disc/big",), [{}])) == [trial] * 3


def test_every_command_looks_where_runs_says(house, finished, capsys, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    save_preset(Preset("mine", "targeted", FEW), "clipforget-tiny", house.store.root / OWN_FOLDER)
    runs = ["--runs", str(house.store.root)]
    for words in (["runs"], ["show", "last"], ["methods", "targeted"], ["compare", "--list"]):
        main([*words, *runs])
    assert "mine" in capsys.readouterr().out
    assert not list((tmp_path / "elsewhere").iterdir())
