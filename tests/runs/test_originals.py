"""A finished run's result is a model by its name run:ID@ALPHA, for whatever takes a model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from clipforget.cli.main import main
from clipforget.errors import ClipforgetError, StaleIndex
from clipforget.models.loading import load_clip
from clipforget.models.weights import fingerprint, load
from clipforget.runs.config import RunConfig
from clipforget.runs.execute import execute
from clipforget.runs.measure import Measurement, read_measurement, save_measurement
from clipforget.runs.originals import describe_original, lineage, load_original
from clipforget.runs.store import Run, Store
from clipforget.soup.arithmetic import soup
from clipforget.workspace.workspace import Workspace


@pytest.fixture
def part(parts: tuple[Run, Run], tmp_path: Path) -> Run:
    """A finished run in a store of its own."""
    shutil.copytree(parts[0].folder, tmp_path / "runs" / parts[0].id)
    return Store(tmp_path / "runs").get(parts[0].id)


def mixed(part: Run, alpha: float) -> dict[str, torch.Tensor]:
    state = load_clip(part.config.model).model.state_dict()
    return {**state, **soup(state, load(part.path("delta.safetensors")), alpha)}


def test_a_run_starts_from_the_result_of_another(part, world):
    """Its original has the weights of the soup, to the bit, and its record says what that was made of."""
    name, store = f"run:{part.id}@0.25", part.store
    derived = store.create(world.config(model=name, forget=("square/small",)))
    events = list(execute(derived))
    assert events[-1]["state"] == "done", events[-1]["note"]
    info = derived.info()
    assert info["fingerprints"]["original"] == fingerprint(mixed(part, 0.25))
    assert info["lineage"] == [name, world.clip] and f"--model {name}" in info["command"]
    space = Workspace(store.root, sample=False)
    _, files = space.model_files(derived.id, 0.5, "patch")
    assert f"- Original: `{name}` made of `{Path(world.clip).name}`\n" in files["README.md"].decode()
    nothing = store.create(world.config(model=name, method="do_nothing", settings={}))
    nothing.update(state="done")
    again = f"run:{derived.id}@1"  # and so on: the result of a result
    assert lineage(again, store.root) == [again, name, world.clip]
    assert load_original(again, "cpu", store.root).fingerprint() == fingerprint(mixed(part, 0.25))
    listed = [model for model in space.models.list()["models"] if model["kind"] == "run"]
    titles = ["square/small · targeted", "disc/big · targeted"]  # not of the one that changed nothing
    assert [model["title"] for model in listed] == titles
    assert space.models.list("run disc big")["models"][0]["image_parameters"] == listed[0]["image_parameters"] > 0
    assert describe_original(name, store.root).image_tower == describe_original(world.clip, store.root).image_tower
    save_measurement(store.root, Measurement(world.clip, "cpu", "f", Path(world.clip).stat().st_mtime_ns, *[1] * 9))
    assert read_measurement(store.root, name, "cpu") is not None  # as fast as what it was made of
    assert space.models.describe(name, "cpu")["measuring"]["state"] == "done"


WRONG = (  # a name, with ID for the run's, and what is said
    ("run:ID@1.5", "alpha from 0 to 1, as in run:.*@0.3; not"),
    ("run:ID", "alpha from 0 to 1"),
    ("run:../../etc@0.5", "as in run:ID@0.3; not"),
    ("run:20200101-000000-gone-0000@0.5", "There is no run 20200101-000000-gone-0000 .* was deleted"),
)


@pytest.mark.parametrize(("name", "sentence"), WRONG)
def test_what_is_no_result_is_one_sentence(name, sentence, part, world, capsys):
    config = world.config(model=name.replace("ID", part.id) if "run:ID" in name else name)
    with pytest.raises(ClipforgetError, match=sentence) as caught:
        Workspace(part.store.root, sample=False).start(config)
    assert "\n" not in str(caught.value) and part.store.ids() == [part.id]
    words = ["--data", world.data, "--forget", "disc/big", "--model", config.model, "--runs", str(part.store.root)]
    assert main(["run", *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1 and part.store.ids() == [part.id]


def test_a_run_that_is_not_done_or_changed_nothing_or_is_stale_is_refused(part, world):
    runs = part.store.root
    part.update(state="stopped")
    with pytest.raises(ClipforgetError, match="is stopped; only a finished run"):
        lineage(f"run:{part.id}@0.5", runs)
    part.update(state="done", config=RunConfig(**{**world.config().as_dict(), "method": "prompt_filter"}).as_dict())
    with pytest.raises(ClipforgetError, match=r"changes no weights, so its result is .*: start from that\."):
        lineage(f"run:{part.id}@0.5", runs)
    part.update(config=world.config().as_dict(), fingerprints={"original": "another"})
    with pytest.raises(StaleIndex, match="is not that of the run"):
        load_original(f"run:{part.id}@0.5", "cpu", runs)
