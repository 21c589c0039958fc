"""The commands `export` and `apply`, over one finished run."""

import json

import pytest
import torch
from safetensors.torch import load_file

from clipforget.cli.main import main
from clipforget.models.loading import load_clip
from clipforget.runs.config import RunConfig, shown_command
from clipforget.runs.execute import execute
from clipforget.runs.store import Store
from clipforget.workspace.workspace import Workspace


def runs(finished):
    return ["--runs", str(finished.folder.parent)]


@pytest.fixture(scope="module")
def exported(finished, tmp_path_factory):
    """The model of the run at alpha 0.4."""
    out = tmp_path_factory.mktemp("exported") / "model"
    assert main(["export", finished.id, "--alpha", "0.4", "-o", str(out), *runs(finished)]) == 0
    return out


def test_the_model_is_the_soup_at_that_alpha(finished, exported, capsys):
    soup_model = Workspace(finished.folder.parent).finished_run(finished.id).soup_model()
    expected = soup_model.weights(0.4)
    weights = load_file(exported / "open_clip_model.safetensors")
    assert set(weights) == set(expected) and all(torch.equal(weights[name], expected[name]) for name in weights)
    clip = load_clip(str(exported))
    assert clip.fingerprint() not in (soup_model.original, soup_model.unlearned)
    card = (exported / "README.md").read_text()
    for part in (
        "`disc/big`",
        "Alpha: 0.40",
        shown_command(finished.info()["command"]),
        clip.fingerprint(),
        soup_model.original,
    ):
        assert part in card
    assert str(exported.parent.parent) not in card
    assert "local-dir:model" in card and "knows no terms" in card


def test_an_exported_model_is_the_next_runs_original(world, exported, tmp_path):
    run = Store(tmp_path).create(world.config(model=str(exported), forget=("square/small",)))
    *_, end = execute(run)
    assert end["state"] == "done", end["note"]
    info = run.info()
    assert info["fingerprints"]["original"] == load_clip(str(exported)).fingerprint()
    assert main(["export", run.id, "--runs", str(tmp_path), "-o", str(tmp_path / "again")]) == 0
    assert load_clip(str(tmp_path / "again")).fingerprint() != info["fingerprints"]["original"]


def test_a_patch_on_the_original_is_the_exported_model(world, finished, exported, tmp_path, capsys):
    patch, out = tmp_path / "patch", tmp_path / "out"
    words = ["export", finished.id, "--format", "patch", "-o", str(patch), "--json", *runs(finished)]
    assert main(words) == 0
    written = json.loads(capsys.readouterr().out)
    assert written["files"] == ["README.md", "patch.safetensors"] and written["folder"] == str(patch)
    assert main(["apply", str(patch), world.clip, "--alpha", "0.4", "-o", str(out)]) == 0
    assert "Wrote" in capsys.readouterr().out
    weights, expected = (load_file(folder / "open_clip_model.safetensors") for folder in (out, exported))
    assert set(weights) == set(expected)
    assert all((weights[name] - expected[name]).abs().max() < 1e-5 for name in weights)
    assert load_clip(str(out)).name == str(out)
    assert main(["apply", str(patch), str(exported), "-o", str(tmp_path / "other")]) == 2
    assert "This patch belongs to another model" in capsys.readouterr().err and not (tmp_path / "other").exists()


def test_a_pushed_model_says_where_it_lies(finished, tmp_path, monkeypatch, capsys):
    sent = []
    monkeypatch.setattr("clipforget.models.export.hub.push", lambda *given: sent.append(given) or "https://hub/me/m")
    out = tmp_path / "model"
    assert main(["export", finished.id, "--push", "me/m", "-o", str(out), *runs(finished)]) == 0
    assert sent == [(out, "me/m")] and "It is on the hub: https://hub/me/m" in capsys.readouterr().err
    assert 'folder = "hf-hub:me/m"' in (out / "README.md").read_text()


def test_bad_input_is_one_sentence(finished, exported, tmp_path, line_of):
    cases = {
        "transformers has no CLIP like this model: its image tower is a ResNet": ["--format", "transformers"],
        "Did you mean 'open_clip'?": ["--format", "openclip"],
        "alpha must be a number from 0": ["--alpha", "1.2"],
    }
    for sentence, words in cases.items():
        assert main(["export", finished.id, "-o", str(tmp_path / "x"), *words, *runs(finished)]) == 2
        assert sentence in line_of()
    before = (exported / "README.md").read_bytes()
    assert main(["export", finished.id, "-o", str(exported), *runs(finished)]) == 2
    assert "is not empty" in line_of() and (exported / "README.md").read_bytes() == before
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_model_of_its_own_is_refused(tmp_path, line_of):
    run = Store(tmp_path).create(RunConfig(forget=("airplane/biplane",)))
    assert main(["export", run.id, "--runs", str(tmp_path), "-o", str(tmp_path / "x")]) == 2
    assert "is not finished (it is queued)" in line_of()


def test_a_run_that_changed_no_weights_is_refused(world, tmp_path, line_of):
    run = Store(tmp_path).create(world.config(method="do_nothing", settings={}))
    assert list(execute(run))[-1]["state"] == "done"
    assert main(["export", run.id, "--runs", str(tmp_path), "-o", str(tmp_path / "x")]) == 2
    assert "changed no weights" in line_of()
