"""Choosing images on the page: looked at by a worker, searched, grouped, proposed, saved; copies on one side."""

import base64
import shutil

import numpy as np
import pytest
from PIL import Image
from waiting import wait_for

from clipforget.errors import BadData, BadQuery, BadSetting, RunProblem, StaleIndex
from clipforget.runs.config import RunConfig
from clipforget.runs.feature_work import Features
from clipforget.workspace.choosing import clusters, copies, nearest_words, plane, siblings
from clipforget.workspace.selections import as_json
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def config(world, tmp_path_factory):
    """The tiny data set with one image that nearly repeats another."""
    data = tmp_path_factory.mktemp("choosing") / "data"
    shutil.copytree(world.data, data)
    first = data / "train/disc/big/light/0.png"
    Image.open(first).resize((40, 40)).save(first.with_name("copy.png"))
    return RunConfig(model=world.clip, data=str(data), device="cpu")


@pytest.fixture(scope="module")
def space(config, tmp_path_factory):
    """A workspace whose worker has looked at the images."""
    space = Workspace(tmp_path_factory.mktemp("runs"), sample=False)
    assert space.choosing.work(config)["state"] == "none"
    with pytest.raises(RunProblem, match="have not been looked at"):
        space.choosing.similar(config, text="disc")
    space.choosing.start(config)
    space.choosing.start(config)  # which changes nothing
    wait_for(lambda: space.choosing.work(config)["state"] in ("done", "failed"))
    assert space.choosing.work(config)["error"] is None
    return space


def chosen(space, config, subgroup="big"):
    items = space.dataset(config.data).native
    return [i for i, item in enumerate(items) if (item.superclass, item.subgroup) == ("disc", subgroup)]


def test_a_query_gives_the_cosine_of_every_image(space, config):
    shown = space.choosing.choosing(config)
    assert (
        shown["images"] == len(shown["labels"]) == len(space.dataset(config.data).items)
        and shown["work"]["state"] == "done"
    )
    found = space.choosing.similar(config, text="disc")
    cosines = np.frombuffer(base64.b64decode(found["cosines"]), "<i2") / found["steps"]
    of = [shown["names"][label].partition(" / ")[0] for label in shown["labels"]]
    assert len(cosines) == shown["images"] and of[int(cosines.argmax())] == "disc"
    own = space.choosing.cosines(config, None, 3, None)
    assert own.argmax() == 3 and own[3] == pytest.approx(1, abs=1e-3)
    assert "never taught “zebra”" in space.choosing.similar(config, text="zebra")["note"]
    for query in (
        {},
        {"text": " "},
        {"text": "x" * 301},
        {"image": 9999},
        {"upload": "none"},
        {"text": "a", "image": 1},
    ):
        with pytest.raises(BadQuery):
            space.choosing.similar(config, **query)


def test_groups_map_and_proposals(space, config):
    groups = space.choosing.clusters(config, 4)
    assert sorted(i for group in groups for i in group["images"]) == list(
        range(space.choosing.choosing(config)["images"])
    )
    assert all(group["words"] for group in groups)
    with pytest.raises(BadQuery, match="1 to 60 groups"):
        space.choosing.clusters(config, 0)
    points = np.frombuffer(base64.b64decode(space.choosing.map(config)["points"]), "<u2")
    assert points.max() == 65535 and points.min() == 0
    big = chosen(space, config)
    proposal = space.choosing.propose(config, big)
    assert proposal["caption"] == proposal["captions"][0] == "disc", "what they are labelled"
    others = {entry["image"] for entry in proposal["siblings"]}
    assert others == set(chosen(space, config, "small")) | set(chosen(space, config, "thin"))
    free = space.choosing.propose(config, big, "square thing")
    assert free["caption"] == "square thing" and not any(entry["labelled"] for entry in free["siblings"])


def test_a_copy_of_what_is_chosen_is_chosen_too(space, config):
    items = space.dataset(config.data).native
    places = {item.key: i for i, item in enumerate(items)}
    first, copy = (places[f"train/disc/big/light/{name}.png"] for name in ("0", "copy"))
    saved = space.choosing.save(config, "one", "ball", [first], [copy], {"clicks": 1})
    assert {image["key"] for image in saved.images} == {items[first].key, items[copy].key} and not saved.siblings
    assert saved.how == {"clicks": 1, "near_duplicates": 1}
    opened = space.choosing.open(config, "one")
    assert opened["images"] == sorted((first, copy)) and opened["missing"] == 0
    assert "one" in space.data(config.data, ["one"])["superclasses"]["ball"]
    for name, error in (("one", BadSetting), ("a/b", BadSetting)):
        with pytest.raises(error):
            space.choosing.save(config, name, "ball", [first], [], {})
    with pytest.raises(BadSetting, match="already"):
        space.choosing.load(as_json(saved))
    assert space.choosing.load(as_json(saved), "two").name == "two"
    (space.choosing.store.folder / "torn.json").write_text("{")
    listed = {entry["name"]: entry["error"] for entry in space.choosing.saved()}
    assert not listed["one"] and not listed["two"] and "is no selection" in listed["torn"]
    for data in (b"{", b"[" * 9999, b"x" * (32 * 2**20 + 1)):
        with pytest.raises(BadData, match="no selection"):
            space.choosing.load(data)


def test_features_of_a_model_that_has_changed_are_not_used(space, config, monkeypatch):
    monkeypatch.setattr(
        space.choosing, "_clip_of", lambda name, device: type("Clip", (), {"fingerprint": lambda self: "other"})()
    )
    with pytest.raises(StaleIndex, match="prepare them again"):
        space.choosing.similar(config, text="disc")


def test_what_features_tell():
    """Three groups along three axes; 0 repeats 1, and 1 repeats 2."""
    rows = np.eye(4, dtype=np.float32)[np.repeat([0, 1, 2], 4)] + 0.1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    words = np.eye(4, dtype=np.float32)
    features = Features(
        "m", rows, ("red", "green", "blue", "none"), words, np.arange(4) == 2, np.array([[1, 0], [2, 1]])
    )
    assert [nearest_words(features, range(start, start + 4), 1)[0] for start in (0, 4, 8)] == [
        "red",
        "green",
        "blue",
    ]
    of = clusters(rows, 3)
    assert len(set(of[:4])) == len(set(of[4:8])) == 1 and len(set(of)) == 3
    assert copies(features, [0]) == [1, 2] and copies(features, [0, 1, 2, 5]) == [] and copies(features, [5]) == []
    found = siblings(features, words[0], [0, 1])
    assert {entry.image for entry in found} == {2, 3} and found[0].to_caption > 0.9
    assert {entry.image for entry in siblings(features, words[0], [0, 1], known=[0, 3, 7])} == {3, 7}
    assert plane(rows).shape == (12, 2) and plane(rows).min() == 0
