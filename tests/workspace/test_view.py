"""What the page gets of a finished run: figures that are the run's, packs that equal brute force."""

import json
import sys

import numpy as np
import pytest

from clipforget.data.catalogue import load_dataset
from clipforget.errors import BadQuery, RunProblem, StaleIndex
from clipforget.generators import finish
from clipforget.models.loading import load_clip
from clipforget.runs.resources import Resources
from clipforget.runs.store import Store
from clipforget.soup.path import ALPHAS
from clipforget.workspace.explorer import FinishedRun
from clipforget.workspace.pages import Page


@pytest.fixture(scope="module")
def opened(finished):
    return FinishedRun(finished, Resources().dataset, load_clip)


def brute_force(path, query, alpha, start, stop, leave_out=None):
    """Ids and cosines of the 24 nearest, best first, by sorting all of them."""
    cosines = path.features(alpha)[start:stop] @ path.texts(query[:, None], alpha)[0]
    order = [int(i) for i in np.lexsort((np.arange(len(cosines)), -np.round(cosines, 6))) if i != leave_out]
    return order[:24], cosines[order[:24]]


def test_the_view_is_plain_json_of_the_agreed_shape(opened, finished):
    view = json.loads(json.dumps(opened.view(), allow_nan=False))
    lists = ("alphas", "nodes", "rows", "h", "score", "suggestions", "layers", "steps")
    assert all(isinstance(view[name], list) for name in lists)
    assert view["id"] == finished.id and view["best"] in view["alphas"] == list(ALPHAS)
    assert {row["key"] for row in view["rows"]} >= {
        "forget",
        "forget-coarse",
        "forget-fine",
        "siblings",
        "others",
        "siblings-fine",
        "others-fine",
        "eval:shifted",
        "styles",
    }
    for row in view["rows"]:
        assert set(row) >= {"key", "label", "role", "n", "before", "after", "low", "high"}
        assert len(row["after"]) == len(row["low"]) == len(row["high"]) == 101
        assert row["before"]["value"] == row["after"][100], "alpha 1 is the original"
    assert len(view["h"]) == len(view["score"]) == len(view["bound"]["agreement"]) == 101
    for node in view["nodes"]:
        assert view["bound"]["agreement"][round(node * 100)] == 1 and view["bound"]["accuracy"][round(node * 100)] == 0
    bars = view["per_class"]
    assert bars["labels"] == ["disc / big", "disc / small", "disc / thin", "square", "stripe"]
    assert bars["roles"] == ["forget", "siblings", "siblings", "others", "others"]
    assert len(bars["before"]) == 5 and np.shape(bars["after"]) == (101, 5)
    assert view["settings"].keys() >= view["config"]["settings"].keys()
    assert view["suggestions"][:2] == ["disc", "big"]
    assert "evaluated" not in view and all(event["stage"] != "load" for event in view["steps"])
    assert view["steps"] and not any("watched" in event["data"] for event in view["steps"])


def test_the_gallery_points_into_the_data_set(opened, world):
    gallery, dataset = opened.view()["gallery"], load_dataset(world.data)
    assert gallery["data"] == dataset.fingerprint and len(gallery["items"]) == 90
    for index, superclass, subgroup, style, role in gallery["items"]:
        item = dataset.items[index]
        assert item.split == "test"
        assert item.superclass == gallery["superclasses"][superclass]
        assert item.subgroup == gallery["subgroups"][subgroup] and item.style == gallery["styles"][style]
        near = "forget" if item.subgroup == "big" else "siblings"
        assert gallery["roles"][role] == (near if item.superclass == "disc" else "others")


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("disc", ""),
        ("a thin disc", ""),
        ("a zebra", "This model was never taught “zebra”, and searches by the other words alone."),
        ("zebra", "This model was never taught any of these words, so what it finds means nothing."),
    ],
)
def test_words_the_model_was_never_taught_are_named(opened, text, note):
    assert opened.pack("text", text).get("note", "") == note


@pytest.mark.parametrize(("kind", "value"), [("text", "disc"), ("text", "a thin square, dark"), ("image", 7)])
def test_a_pack_equals_brute_force_at_every_alpha(opened, kind, value):
    pack = opened.pack(kind, value)
    query = opened._query_features(kind, value, None)
    leave_out = value if kind == "image" else None
    for place, alpha in enumerate(ALPHAS):
        ids, cosines = brute_force(opened.path, query, alpha, opened.start, opened.stop, leave_out)
        found = dict(zip(pack["after"]["ids"][place], pack["after"]["cosines"][place], strict=True))
        np.testing.assert_allclose(list(found.values()), cosines, atol=6e-4)
        assert list(found) == ids or len(set(found) ^ set(ids)) <= 2  # a tie within rounding may fall either way
    assert pack["before"] == {"ids": pack["after"]["ids"][100], "cosines": pack["after"]["cosines"][100]}
    assert pack["k"] == 24 and leave_out not in pack["before"]["ids"]


def test_a_page_of_one_role_is_cut_from_the_whole_ranking(opened):
    everything = [opened.pack("text", "disc", page=Page(first, 48)) for first in (0, 48)]
    whole = [[id for pack in everything for id in pack["after"]["ids"][place]] for place in range(101)]
    assert all(sorted(ids) == list(range(90)) for ids in whole) and everything[0]["total"] == 90
    page, own = opened.pack("text", "disc", page=Page(6, 12, "siblings")), opened._images("siblings")
    assert page["total"] == own.sum() and page["k"] == 12
    for place in (0, 37, 100):
        ranked = [(rank, id) for rank, id in enumerate(whole[place], start=1) if own[id]][6:18]
        assert [*zip(page["after"]["ranks"][place], page["after"]["ids"][place], strict=True)] == ranked
    exact = opened.exact(0.0, "text", "disc", page=Page(6, 12, "siblings"))
    assert (exact["ids"], exact["ranks"]) == (page["after"]["ids"][0], page["after"]["ranks"][0])
    assert opened.pack("image", 7, page=Page(48, 48))["total"] == 89
    with pytest.raises(BadQuery, match="forget, siblings, others"):
        opened.pack("text", "disc", page=Page(role="all"))


def test_texts_are_added_and_subtracted(opened):
    pack = opened.pack("text", 'disc - "square"')
    assert pack["note"] == "“disc” minus “square”."
    parts = [opened.texts[text] for text in ("disc", "square")]
    for place in (0, 100):
        node = opened.path.nodes[0 if place == 0 else -1]
        difference = np.subtract(*(part[0 if place == 0 else -1] for part in parts))
        cosines = node.features[opened.start : opened.stop] @ (difference / np.linalg.norm(difference))
        np.testing.assert_allclose(pack["after"]["cosines"][place], np.sort(cosines)[::-1][:24], atol=1e-3)
    assert opened.exact(0.0, "text", "disc - square")["ids"] == pack["after"]["ids"][0]
    with pytest.raises(BadQuery, match="cancel"):
        opened.pack("text", "disc - disc")


def test_alpha_0_is_the_unlearned_models_own_search_and_alpha_1_the_originals(opened, world):
    from clipforget.models.weights import load
    from clipforget.runs.loading import read_pixels

    dataset, clip = load_dataset(world.data), load_clip(world.clip)
    items = opened.evalset.items[opened.start : opened.stop]
    pixels = finish(read_pixels(dataset, items, clip))
    unlearned = load_clip(world.clip)
    unlearned.model.load_state_dict(load(opened.run.path("delta.safetensors")), strict=False)
    pack = opened.pack("text", "disc")
    for model, place in ((clip, 100), (unlearned, 0)):
        cosines = (model.embed(pixels) @ model.encode_text(["disc"]).detach().T)[:, 0].numpy()
        np.testing.assert_allclose(pack["after"]["cosines"][place], np.sort(cosines)[::-1][:24], atol=2e-3)


def test_exact_agrees_with_the_pack_at_a_node_and_with_the_scores(opened):
    view = opened.view()
    for alpha in (0.0, 1.0, view["nodes"][1]):
        exact, place = opened.exact(alpha, "text", "disc"), round(alpha * 100)
        assert exact["ids"] == opened.pack("text", "disc")["after"]["ids"][place] and exact["agreement"] == 1
        for row in view["rows"]:
            assert exact["rows"][row["key"]] == pytest.approx(row["after"][place], abs=1e-3), row["key"]
    between = opened.exact(0.123, "image", 7)
    assert between["alpha"] == 0.123 and 7 not in between["ids"] and 0 <= between["agreement"] <= 1


def test_suggested_queries_and_image_queries_need_no_model(finished):
    def none(*_):
        raise AssertionError("a model or a data set was loaded")

    opened = FinishedRun(finished, none, none)
    for text in opened.view()["suggestions"]:
        assert len(opened.pack("text", text)["after"]["ids"]) == 101
    opened.pack("image", 0)


def test_another_model_or_other_images_are_told_apart(finished, world, tmp_path):
    import small

    data = small.draw_data(tmp_path / "data", train=4, seed=1)
    other = small.save_clip(tmp_path / "clip", data, steps=1)
    opened = FinishedRun(finished, lambda **_: load_dataset(str(data)), lambda _, device: load_clip(str(other), device))
    with pytest.raises(StaleIndex, match="not the one of this run"):
        opened.pack("text", "something new")
    with pytest.raises(StaleIndex, match="have changed"):
        opened.dataset()


@pytest.mark.parametrize("name", ["path.npz", "scores.json"])
def test_a_damaged_run_says_so(finished, tmp_path, name):
    import shutil

    shutil.copytree(finished.folder, tmp_path / finished.id)
    run = Store(tmp_path).get(finished.id)
    run.path(name).write_bytes(run.path(name).read_bytes()[:100])
    with pytest.raises(RunProblem, match="damaged"):
        FinishedRun(run, Resources().dataset, load_clip)


def test_a_run_opens_whose_settings_the_method_no_longer_has(finished, tmp_path):
    import shutil

    shutil.copytree(finished.folder, tmp_path / finished.id)
    run = Store(tmp_path).get(finished.id)
    info = json.loads(run.path("run.json").read_text())
    info["config"]["settings"] |= {"long_gone": 2.5}
    run.path("run.json").write_text(json.dumps(info))
    assert FinishedRun(run, Resources().dataset, load_clip).view()["settings"]["long_gone"] == 2.5


def test_a_run_opens_without_torch(finished):
    import subprocess

    code = f"""
import sys
from pathlib import Path
from clipforget.workspace.workspace import Workspace
workspace = Workspace(Path({str(finished.folder.parent)!r}), sample=False)
assert workspace.view({finished.id!r})["rows"] and workspace.query({finished.id!r}, text="disc")["k"] == 24
assert workspace.setup()["methods"]
assert "torch" not in sys.modules and "gradio" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
