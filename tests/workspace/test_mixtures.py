"""Several finished runs opened as one soup: figures at a point, where they meet the runs' own, saving, refusals."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipforget.errors import ClipforgetError
from clipforget.models.loading import load_clip
from clipforget.models.weights import load
from clipforget.runs.config import RunConfig
from clipforget.soup.arithmetic import merge
from clipforget.workspace import mixtures
from clipforget.workspace.mixtures import example_configs
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def space(parts: Any) -> Workspace:
    return Workspace(parts[0].store.root, sample=False)


@pytest.fixture(scope="module")
def ids(parts: Any) -> list[str]:
    return [run.id for run in parts]


def test_the_view_of_a_soup(space, ids):
    view = space.mixtures.open(ids).view()
    assert [run["target"] for run in view["runs"]] == ["big", "small"] and view["approximate"]
    assert view["suggestions"][:2] == ["disc", "square"] and view["chance"] == pytest.approx(1 / 3, abs=1e-4)
    roles = [view["gallery"]["roles"][item[-1]] for item in view["gallery"]["items"]]
    assert {role: roles.count(role) for role in set(roles)} == {"forget": 20, "siblings": 40, "others": 30}
    for entry in view["classes"]:
        assert [alone[100] for alone in entry["alone"]] == [entry["before"]] * 2
    views = [space.finished_run(id).view() for id in ids]
    named = {entry["label"]: entry for entry in view["classes"]}
    for i, (own, name) in enumerate(zip(views, ("disc/big", "square/small"), strict=True)):
        label = next(label for label in named if label.replace(" ", "") == name)
        row = next(row for row in own["rows"] if row["key"] == "forget-coarse")
        assert named[label]["alone"][i] == pytest.approx(row["after"], abs=1e-3)


def test_figures_at_a_point_are_those_of_its_weights(space, ids, parts, world):
    soup = space.mixtures.open(ids)
    assert soup is space.mixtures.open(ids)
    line = soup.line([0.21, 0.4], 1, "disc", True)
    assert line["exact"] and 0.4 in line["nodes"] and line["point"] == [0.21, 0.4] and line["off"]

    clip = load_clip(world.clip)
    start = clip.model.state_dict()
    deltas = [load(run.path("delta.safetensors")) for run in parts]
    clip.model.load_state_dict({**start, **merge(start, [(0.79, deltas[0]), (0.6, deltas[1])])})
    dataset, items = soup.dataset, soup.evalset.items
    features = clip.encode_image(clip.preprocess([dataset.open(dataset.items[i]) for i in items])).detach().numpy()
    names = clip.class_embeddings(dataset.superclasses, dataset.template).detach().numpy()
    right = np.argmax(features @ names.T, axis=1) == soup.evalset.class_names["superclass"].labels
    rows = {row["key"]: row for row in line["rows"]}
    assert set(rows) == {"run:0", "run:1", "siblings", "others"}
    for key in ("siblings", "others"):
        mask = soup.evalset.mask("test", key)
        assert rows[key]["after"][40] == pytest.approx(right[mask].mean(), abs=1e-4)
    for (label, _, positions), values in zip(soup.groups, line["classes"], strict=True):
        assert values[40] == pytest.approx(right[positions].mean(), abs=1e-4), label
    query = clip.encode_text(["disc"]).detach().numpy()[0]
    best = np.argsort(-(features @ query))[:24]
    assert len(set(best).intersection(line["pack"]["after"]["ids"][40])) >= 23


def test_where_one_run_is_left_out_the_other_is_as_it_is_alone(space, ids):
    soup, own = space.mixtures.open(ids), space.finished_run(ids[0])
    for exact in (False, True):
        line = soup.line([0.0, 1.0], 0, "disc", exact)
        alone = {row["key"]: row for row in own.view()["rows"]}
        shown = {row["key"]: row for row in line["rows"]}
        for index in (0, 100):
            assert shown["run:0"]["after"][index] == pytest.approx(alone["forget"]["after"][index], abs=0.11), exact
        assert shown["run:0"]["before"]["value"] == alone["forget"]["before"]["value"]
        assert all(row["after"][100] == row["before"]["value"] for row in line["rows"])  # all of it the original
        assert line["h"][100] == 0 and line["pack"]["after"]["ids"][100] == line["pack"]["before"]["ids"]


def test_a_gallery_image_is_a_query_too(space, ids):
    soup = space.mixtures.open(ids)
    pack = soup.line([0.5, 0.5], 0, 3, False)["pack"]
    assert 3 not in pack["before"]["ids"] and all(3 not in found for found in pack["after"]["ids"])
    features = soup.paths[0].nodes[-1].features
    near = features @ features[3]
    assert near[pack["before"]["ids"][0]] == pytest.approx(np.delete(near, 3).max(), abs=1e-5)
    for wrong in ((([0.5], 0, "a"), "alphas, one a run"), (([0.5, 2], 0, "a"), "alpha must be"),
                  (([0.5, 0.5], 2, "a"), "alphas, one a run"), (([0.5, 0.5], 0, 4000), "no image 4000")):  # fmt: skip
        with pytest.raises(ClipforgetError, match=wrong[1]):
            soup.line(*wrong[0], False)


def test_saving_starts_a_run_and_what_is_no_soup_is_refused(parts, ids, tmp_path: Path, monkeypatch):
    for run in parts:
        shutil.copytree(run.folder, tmp_path / run.id)
    space = Workspace(tmp_path, sample=False)
    space._workers.queue.start_next = lambda start: None  # type: ignore[method-assign]
    id = space.mixtures.save(ids, [0.25, 0.5], "  both ")
    info = space.run(id).info()
    assert info["title"] == "both" and info["config"]["soup"] == [f"{ids[0]}=0.25", f"{ids[1]}=0.5"]
    assert space.mixtures.example() == space.mixtures.example() and len(space.runs()) == 6
    assert [config.forget for config in example_configs()] == [("ship",), ("airplane",), ("bird",)]
    with pytest.raises(ClipforgetError, match="only finished runs"):
        space.mixtures.open([ids[0], id])
    with pytest.raises(ClipforgetError, match="title may have at most"):
        space.mixtures.save(ids, [0.25, 0.5], "x" * 200)
    foreign: RunConfig = space.run(id).config
    with pytest.raises(ClipforgetError, match="There is no run 'gone'"):
        space.start(RunConfig(forget=foreign.forget, method="merged", soup=("gone=0.1", f"{ids[0]}=0.2")))
    space.mixtures.open(ids)
    space.delete(ids[1])
    with pytest.raises(ClipforgetError, match="There is no run"):
        space.mixtures.open(ids)
    monkeypatch.setattr(mixtures, "FEWEST", 11)
    with pytest.raises(ClipforgetError, match="share 10 test images of 'disc/big'"):
        Workspace(parts[0].store.root, sample=False).mixtures.open(ids)
