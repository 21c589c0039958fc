"""Presets: where they are looked for, who wins, what is refused, and that all shipped ones are valid."""

import json
import shlex

import pytest
from small import FEW

from clipforget.cli.main import main
from clipforget.errors import BadSetting, UnknownName
from clipforget.methods import METHODS
from clipforget.runs import presets as module
from clipforget.runs.presets import OWN_FOLDER, SHIPPED, Preset, find_preset, model_folder, presets, save_preset
from clipforget.runs.store import Store
from clipforget.settings import parse
from clipforget.workspace.setup import describe_method


def test_written_is_read_back_with_its_provenance(tmp_path):
    made = Preset("tuned", "targeted", {"rank": 4}, "A note.", {"seed": 3, "trials": [{"h": 81.2}]})
    path = save_preset(made, "a-model", tmp_path / "presets")
    assert path == tmp_path / "presets" / "a-model" / "tuned" / "targeted.json"
    assert find_preset("targeted", "tuned", "a-model", tmp_path) == made
    assert [preset.name for preset in presets("targeted", "another", tmp_path)] == ["paper"]
    with pytest.raises(UnknownName, match=r"preset of targeted 'tund'. Did you mean 'tuned'\? Known: paper, tuned"):
        find_preset("targeted", "tund", "a-model", tmp_path)


def test_the_own_one_wins_over_shipped_and_literature(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    save_preset(Preset("paper", "slug", {"layers": 2}, "Shipped."), "RN50", tmp_path / "shipped")
    assert find_preset("slug", "paper", "RN50-quickgelu/openai", tmp_path).note == "Shipped."
    assert find_preset("slug", "paper", "RN101/openai", tmp_path).note.startswith("From the literature: ")
    save_preset(Preset("paper", "slug", {"layers": 3}, "Own."), "RN50-quickgelu/openai", tmp_path / "presets")
    found = presets("slug", "RN50-quickgelu/openai", tmp_path)
    assert [(preset.name, preset.note) for preset in found] == [("paper", "Own.")]
    method = describe_method(METHODS.load()["slug"], "RN50-quickgelu/openai", tmp_path)
    assert method["title"] == METHODS["slug"].title and method["reference_url"] == METHODS["slug"].reference_url
    about = method["presets"]
    assert about == [{"name": "paper", "settings": {"layers": 3}, "note": "Own."}]


def test_a_model_is_a_folder_name(tmp_path):
    assert presets("targeted", "~nobody-of-this-name/x", tmp_path)
    (tmp_path / "my clip").mkdir()
    assert model_folder(str(tmp_path / "my clip")) == "my-clip"
    assert model_folder("RN50-quickgelu/openai") == "RN50-quickgelu-openai" and model_folder("/../..") == "model"


@pytest.mark.parametrize("name", ["", "../x", "Tuned", "a/b", "x" * 50])
def test_no_name_leads_out_of_the_folder(name, tmp_path):
    with pytest.raises(BadSetting, match="no name for a preset"):
        save_preset(Preset(name, "targeted", {}, ""), "m", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["{", "[]", '{"settings": 3}', '{"note": ""}'])
def test_a_damaged_file_is_named(content, tmp_path):
    path = save_preset(Preset("tuned", "targeted", {}, ""), "m", tmp_path / "presets")
    path.write_text(content)
    assert [preset.name for preset in presets("targeted", "m", tmp_path)] == ["paper"]
    with pytest.raises(BadSetting, match=r"tuned/targeted\.json cannot be read"):
        find_preset("targeted", "tuned", "m", tmp_path)


def test_a_preset_of_former_names_is_read_under_the_current_ones(tmp_path):
    save_preset(Preset("old", "lip", {"rate": 0.01, "batch": 8, "steps": 4}), "m", tmp_path / OWN_FOLDER)
    preset = find_preset("lip", "old", "m", tmp_path)
    assert preset.settings == {"learning_rate": 0.01, "batch_size": 8, "steps": 4}
    assert preset.text == "learning_rate 0.01, batch_size 8, steps 4"


def test_what_was_called_targeted_is_read_as_anchored(tmp_path):
    own = tmp_path / OWN_FOLDER
    path = save_preset(Preset("mine", "targeted", {"rank": 4}, "A note."), "m", own)
    assert "mine" not in [preset.name for preset in presets("anchored", "m", tmp_path)]
    assert find_preset("targeted", "mine", "m", tmp_path).settings == {"rank": 4}
    stored = json.loads(path.read_text())
    del stored["version"]  # as versions before 0.2.0 wrote it
    path.write_text(json.dumps({**stored, "settings": {"ridge": 0.1}}))
    assert "mine" not in [preset.name for preset in presets("targeted", "m", tmp_path)]
    found = find_preset("anchored", "mine", "m", tmp_path)
    assert found.method == "anchored" and found.settings == {"ridge": 0.1}
    save_preset(Preset("mine", "anchored", {"ridge": 3.0}, ""), "m", own)
    assert find_preset("anchored", "mine", "m", tmp_path).settings == {"ridge": 3.0}, "today's file wins"


def test_every_shipped_preset_is_valid():
    for path in SHIPPED.rglob("*"):
        if path.is_file():
            stored = json.loads(path.read_text())
            assert path.suffix == ".json" and stored["note"] and stored["name"] == path.parent.name
            chosen = METHODS.load()[path.stem]
            parse(chosen.settings, stored["settings"])


def test_run_starts_from_a_preset_and_keeps_concrete_settings(world, tmp_path, capsys):
    quick = Preset("quick", "targeted", {**FEW, "rank": 2, "layers": 2}, "Few steps.")
    save_preset(quick, world.clip, tmp_path / "presets")
    shared = ["--method", "targeted", "--model", world.clip, "--data", world.data, "--forget", "disc/big"]
    assert main(["run", *shared, "--preset", "quick", "--rank", "8", "--runs", str(tmp_path), "--json"]) == 0
    (run,) = Store(tmp_path).all()
    assert run.config.settings == {**FEW, "layers": 2}, "8 is the default, which was named and so wins over 2"
    words = shlex.split(json.loads(capsys.readouterr().out)["command"])
    assert "--preset" not in words and words[words.index("--layers") + 1] == "2"
    assert main(["run", *shared, "--preset", "quik", "--runs", str(tmp_path)]) == 2
    assert "Did you mean 'quick'" in capsys.readouterr().err and len(Store(tmp_path).all()) == 1


def test_methods_lists_presets_with_their_notes(world, tmp_path, capsys):
    save_preset(Preset("mine", "slug", {"layers": 2}, "Found by hand."), world.clip, tmp_path / "presets")
    words = ["methods", "slug", "--model", world.clip, "--runs", str(tmp_path)]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "layers 2" in shown and "Found by hand." in shown and "From the literature" in shown
    assert main([*words, "--json"]) == 0
    assert [p["name"] for p in json.loads(capsys.readouterr().out)["presets"]] == ["paper", "mine"]
