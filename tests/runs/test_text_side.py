"""Whole runs of methods that change no weights, or the text tower alone: scored, searched, shown and paged."""

import json

import numpy as np
import pytest

from clipforget.cli.main import main
from clipforget.models.loading import load_clip
from clipforget.models.weights import load
from clipforget.runs.execute import execute
from clipforget.runs.resources import Resources
from clipforget.runs.store import Store
from clipforget.soup.path import ALPHAS
from clipforget.workspace.explorer import FinishedRun
from clipforget.workspace.workspace import Workspace

RUNS = {
    "nothing": ("do_nothing", {}),
    "fine": ("prompt_filter", {}),
    "coarse": ("prompt_filter", {"names": "coarse"}),
    "text": ("text_projection_lora", {"steps": 40}),
}


@pytest.fixture(scope="module")
def store(world, tmp_path_factory):
    return Store(tmp_path_factory.mktemp("text-side"))


@pytest.fixture(scope="module")
def runs(world, store):
    """A finished run of each."""
    found = {}
    for name, (method, settings) in RUNS.items():
        found[name] = store.create(world.config(method=method, settings=settings))
        end = list(execute(found[name]))[-1]
        assert end["state"] == "done", end["note"]
    return found


@pytest.fixture(scope="module")
def opened(runs):
    return {name: FinishedRun(run, Resources().dataset, load_clip) for name, run in runs.items()}


def row(opened, key):
    return next(row for row in opened.view()["rows"] if row["key"] == key)


def test_a_run_that_changes_nothing_is_the_original_at_every_alpha(opened):
    view = opened["nothing"].view()
    assert view["nodes"] == [0.0, 1.0] and load(opened["nothing"].run.path("delta.safetensors")) == {}
    for one in view["rows"]:
        assert set(one["after"]) == {one["before"]["value"]}
    assert set(view["h"]) == {0.0} and set(view["score"]) == {view["do_nothing"]["score"]}
    assert set(view["bound"]["agreement"]) == {1.0} and set(view["bound"]["accuracy"]) == {0.0}
    pack = opened["nothing"].pack("text", "big")
    assert all(ids == pack["before"]["ids"] for ids in pack["after"]["ids"]) and "refused" not in pack
    exact = opened["nothing"].exact(0.37, "text", "big")
    forget = row(opened["nothing"], "forget")
    assert exact["agreement"] == 1 and exact["rows"]["forget"] == pytest.approx(forget["after"][37])
    why, few, changes, images = view["notes"]
    assert few.startswith("With 10 test images of the target")
    assert view["refused"] == [] and images == "It needs no images."
    assert changes == "It changes no weights, so there is nothing to soup and alpha only switches it off at 1."
    assert view["best"] == 0 and why == view["choice"]["reason"] and why.startswith("No alpha both forgets")


def test_a_refused_name_never_wins_below_alpha_1_and_the_original_stays(opened):
    view, nothing = opened["coarse"].view(), opened["nothing"].view()
    assert view["refused"] == ["big", "disc"]
    for one, plain in zip(view["rows"], nothing["rows"], strict=True):
        assert one["before"] == plain["before"] and one["after"][100] == plain["before"]["value"]
    for key in ("forget", "siblings"):
        assert set(row(opened["coarse"], key)["after"][:100]) == {0.0}, "disc is what all of them are"
    others = row(opened["coarse"], "others")
    assert set(others["after"][:100]) == {others["after"][0]} and others["after"][0] >= others["before"]["value"]
    calibrate = view["choice"]["calibrate"]
    assert calibrate["forget"][99] == calibrate["siblings"][99] == 0 < calibrate["forget"][100]
    assert view["best"] == 0, "every sibling is lost too"
    bars = view["per_class"]
    assert bars["after"][0][:3] == [0, 0, 0] and bars["before"] == nothing["per_class"]["before"]


def test_refusing_the_fine_name_leaves_the_coarse_caption_as_it_was(opened):
    assert opened["fine"].view()["refused"] == ["big"] and opened["fine"].view()["best"] == 0
    coarse = row(opened["nothing"], "forget-coarse")["after"]
    assert row(opened["fine"], "forget-coarse")["after"] == coarse
    fine = row(opened["fine"], "forget-fine")["after"]
    assert set(fine[:100]) == {0.0} and fine[100] > 0 and row(opened["fine"], "forget")["after"][:100] == coarse[:100]
    subgroups, plain = (row(opened[name], "others-fine") for name in ("fine", "nothing"))
    evalset = opened["fine"].evalset
    named, rows = evalset.class_names["subgroup"], next(r for r in evalset.rows() if r.key == "others-fine")
    features = opened["fine"].path.features(1.0)[rows.mask]
    cosines = (
        features
        @ load_clip(opened["fine"].info["config"]["model"]).class_embeddings(named.names, named.template).numpy().T
    )
    cosines[:, list(named.names).index("big")] = -np.inf
    share = np.mean((cosines.argmax(axis=1) == named.labels[rows.mask]) & (named.labels[rows.mask] != 0))
    assert subgroups["after"][0] == pytest.approx(share, abs=0.02) and subgroups["before"] == plain["before"]


@pytest.mark.parametrize("text", ["big", "A photo of BIG discs", "discs"])
def test_a_refused_text_finds_nothing_below_alpha_1(opened, text):
    pack, word = opened["coarse"].pack("text", text), "disc" if text == "discs" else "big"
    assert pack["refused"] == word
    for kind in ("ids", "cosines"):
        assert pack["after"][kind][:100] == [[]] * 100 and pack["after"][kind][100] == pack["before"][kind]
    assert pack["before"] == opened["nothing"].pack("text", text)["before"] and len(pack["before"]["ids"]) == 24
    exact = opened["coarse"].exact(0.5, "text", text)
    assert (exact["ids"], exact["cosines"], exact["refused"]) == ([], [], word) and exact["rows"]["forget"] == 0
    original = opened["coarse"].exact(1.0, "text", text)
    assert original["ids"] == pack["before"]["ids"] and "refused" not in original and original["rows"]["forget"] > 0


def test_a_refused_prompt_has_no_recall_below_alpha_1(opened):
    tables = {name: opened[name].view()["retrieval"]["rows"] for name in RUNS}
    refused = {"fine": ("fine",), "coarse": ("coarse", "fine"), "text": (), "nothing": ()}
    for name, levels in refused.items():
        for one, plain in zip(tables[name], tables["nothing"], strict=True):
            assert one["before"] == plain["before"] == one["after"][100]
            if one["level"] in levels:
                assert set(one["after"][:100]) == {0.0}
            elif name != "text":
                assert one["after"] == plain["after"]
    assert any(one["before"] for one in tables["nothing"] if one["level"] == "fine")
    assert any(one["after"][0] != one["before"] for one in tables["text"])


def test_other_texts_and_images_are_answered(opened):
    for kind, value in (("text", "square"), ("text", "bigger"), ("image", 3)):
        pack = opened["coarse"].pack(kind, value)
        assert "refused" not in pack and all(len(ids) == 24 for ids in pack["after"]["ids"])


def test_texts_move_with_alpha_where_the_text_tower_is_changed(opened, world):
    side = opened["text"]
    assert side.soup_model().text_changed and set(load(side.run.path("delta.safetensors"))) == {"text_projection"}
    assert len(side.view()["nodes"]) >= 3
    ends = [node.features for node in side.path.nodes]
    assert all(np.array_equal(features, ends[0]) for features in ends), "no image moves"
    original, unlearned = load_clip(world.clip), load_clip(world.clip)
    unlearned.model.load_state_dict(load(side.run.path("delta.safetensors")), strict=False)
    for text in ("big", "something the run did not suggest"):
        pack = side.pack("text", text)
        start, stop = side.start, side.stop
        for clip, place in ((unlearned, 0), (original, 100)):
            cosines = side.path.features(1.0)[start:stop] @ clip.encode_text([text])[0].detach().numpy()
            np.testing.assert_allclose(pack["after"]["cosines"][place], np.sort(cosines)[::-1][:24], atol=2e-3)
        assert pack["after"]["cosines"][0] != pack["after"]["cosines"][100]
    for alpha in (0.0, side.view()["nodes"][1], 1.0):
        exact = side.exact(alpha, "text", "disc")
        for one in side.view()["rows"]:
            assert exact["rows"][one["key"]] == pytest.approx(one["after"][ALPHAS.index(alpha)], abs=2e-3), one["key"]
    assert side.view()["notes"][2] == "It changes the text tower only: image features stay as they were."


def test_show_and_search_say_it_on_the_command_line(runs, store, capsys):
    folder = ["--runs", str(store.root)]
    assert main(["show", runs["coarse"].id, *folder]) == 0
    assert "It changes no weights" in capsys.readouterr().out
    assert main(["show", runs["text"].id, "--markdown", *folder]) == 0
    assert "text tower only" in capsys.readouterr().out
    assert main(["show", runs["nothing"].id, "--alpha", "0.4", *folder]) == 0
    assert "interpolated" not in capsys.readouterr().out
    search = ["search", runs["coarse"].id, "two discs"]
    assert main([*search, *folder]) == 0
    assert "Refused: this prompt names disc. * to be forgotten" in capsys.readouterr().out
    assert main([*search, "--json", *folder]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["refused"] == "disc" and found["after"] == [] and len(found["before"]) == 24
    assert main([*search, "--alpha", "1", "--json", *folder]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["refused"] is None and found["after"] == found["before"]


def test_every_kind_is_drawn_and_exported(runs, store):
    from clipforget.web.charts import CHARTS

    space = Workspace(store.root, sample=False)
    for run in runs.values():
        for chart in CHARTS.load().values():
            if chart.of == "run":
                assert chart.draw(space.view(run.id)).to_plotly_json()["layout"]
        assert space.export(run.id, "scores.csv")[0]
    assert json.loads(runs["coarse"].path("scores.json").read_text())["refused"] == ["big", "disc"]
