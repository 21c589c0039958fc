"""What names and pictures still find of the target: against a loop, against the grids, and for runs without scores."""

import json

import numpy as np
import pytest

from clipforget.data.catalogue import load_dataset
from clipforget.evaluation.documents import found_sentence
from clipforget.evaluation.found import by_picture, still_found
from clipforget.evaluation.retrieval import Index, neighbours
from clipforget.models.loading import load_clip
from clipforget.soup.path import Bound, Node, SoupPath, unit
from clipforget.workspace.explorer import FinishedRun


@pytest.fixture(scope="module")
def opened(finished):
    return FinishedRun(finished, load_dataset, load_clip)


def asked(level, prompt, n, after):
    """A row of the retrieval scores."""
    return {"level": level, "role": "forget", "prompts": [prompt], "score": "precision", "n": n, "before": after[-1],
            "after": after}  # fmt: skip


def test_an_image_is_never_its_own_neighbour():
    rng = np.random.default_rng(0)
    features = unit(rng.normal(size=(40, 4)))
    features[10:40] = features[10]  # thirty that are the same
    found = neighbours(Index(features, "a"), features, np.arange(40), 5)
    for query, ids in enumerate(found):
        order = np.lexsort((np.arange(40), -np.round(features @ features[query], 6)))
        assert ids.tolist() == [i for i in order if i != query][:5]


def test_pictures_are_counted_as_a_loop_counts_them():
    rng = np.random.default_rng(1)
    features = unit(rng.normal(size=(3, 60, 8)))
    nodes = [Node(alpha, str(alpha), rows, rows) for alpha, rows in zip((0.0, 0.25, 1.0), features, strict=True)]
    path, target = SoupPath(tuple(nodes), (Bound(),) * 2, "a", "b"), rng.random(60) < 0.3
    shares = by_picture(path, target)
    expected = []
    for alpha in (0.0, 0.1, 0.15, 0.25, 1.0):
        hits, rows = [], path.features(alpha)
        for query in np.flatnonzero(target):
            order = [i for i in np.argsort(-rows @ rows[query]) if i != query]
            hits.append(target[order[:24]].mean())
        expected.append(np.mean(hits))
    assert len(set(expected)) == 5
    assert [shares[i] for i in (0, 10, 15, 25, 100)] == pytest.approx(expected)
    assert shares[12] == pytest.approx(expected[1] + 0.4 * (expected[2] - expected[1]))


def test_a_run_counts_pictures_as_its_grids_show_them(opened):
    target = np.array([item[4] == 0 for item in opened.scores["gallery"]["items"]])
    picture = opened.view()["found"]["rows"][-1]
    assert (picture["by"], picture["n"]) == ("picture", target.sum())
    for place in (0, 100):
        hits = [target[opened.pack("image", int(i))["after"]["ids"][place]].sum() for i in np.flatnonzero(target)]
        assert picture["after"][place] == pytest.approx(np.mean(hits), abs=0.006)


def test_names_are_counted_as_the_grids_show_them(opened):
    found = opened.view()["found"]
    target = np.array([item[4] == 0 for item in opened.scores["gallery"]["items"]])
    assert [(row["by"], row["name"]) for row in found["rows"]] == [
        ("coarse", "disc"), ("fine", "big"), ("picture", ""),
    ]  # fmt: skip
    for row in found["rows"][:2]:
        assert row["prompt"] == row["name"], "which is what a visitor types"
        pack = opened.pack("text", row["prompt"])
        assert row["after"] == [target[ids].sum() for ids in pack["after"]["ids"]]
        assert row["before"] == target[pack["before"]["ids"]].sum()
    assert found["chance"] == pytest.approx(24 * 10 / 90, abs=0.01)
    json.dumps(found, allow_nan=False)


def test_of_several_names_the_worst_counts():
    low, high = [0.25] * 101, [0.0] * 50 + [0.75] * 51
    retrieval = {"k": 24, "rows": [asked("fine", "a photo of a cat.", 5, low), asked("fine", "a light.", 7, high)]}
    target = np.arange(60) < 12
    found = still_found(retrieval, [0.5] * 101, target, "a photo of a {}.", best=0.9)
    [fine, picture] = found["rows"]
    assert (fine["name"], fine["n"], fine["after"][0], fine["after"][100]) == ("a light", 7, 6, 18)
    assert still_found(retrieval, [0.5] * 101, target, "a photo of a {}.", best=0.1)["rows"][0]["name"] == "cat"
    assert picture["after"] == [12.0] * 101 and found["chance"] == 4.8


def test_an_older_run_has_pictures_alone_and_says_so_in_words():
    found = still_found(None, [0.25] * 100 + [0.5], np.arange(10) < 5, "a photo of a {}.", best=0.0)
    assert found["k"] == 10 and [row["by"] for row in found["rows"]] == ["picture"]
    sentence = "Of the first 10 results, still cat: 2.2 by a picture of it (mean of 5), was 4.5. Chance finds 5.0."
    assert found_sentence(found, "cat", 3) == sentence
