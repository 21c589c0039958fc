"""The map, the predictions and the page of one image: figures that equal the scores', brute force and a plain SVD."""

import base64
import shutil
from dataclasses import replace

import numpy as np
import pytest

from clipforget.data.catalogue import load_dataset
from clipforget.errors import BadModel, BadQuery, UnknownName
from clipforget.evaluation.evalset import ClassNames
from clipforget.evaluation.refusal import Refusal
from clipforget.models.loading import load_clip
from clipforget.runs.store import Store
from clipforget.soup.path import ALPHAS
from clipforget.workspace.embedding_map import embedding_map
from clipforget.workspace.explorer import FinishedRun
from clipforget.workspace.predictions import Level, predictions


@pytest.fixture(scope="module")
def opened(finished):
    return FinishedRun(finished, load_dataset, load_clip)


def points(found):
    flat = np.frombuffer(base64.b64decode(found["points"]), "<u2").astype(float) / 65535
    return flat.reshape(len(found["alphas"]), -1, 2)


def expand(called):
    """N x A names from [first index, name, ...] of each image."""
    rows = np.zeros((len(called), len(ALPHAS)), int)
    for row, stretches in zip(rows, called, strict=True):
        for first, name in zip(stretches[::2], stretches[1::2], strict=True):
            row[first:] = name
    return rows


def test_the_map_is_the_two_principal_components_of_all_nodes_together(opened):
    path = opened.gallery.path
    found = opened.map("images")
    stack = np.concatenate([node.features for node in path.nodes]).astype(float)
    centred = stack - stack.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    expected, drawn = centred @ axes[:2].T, points(found).reshape(-1, 2)
    for axis in range(2):
        assert abs(np.corrcoef(expected[:, axis], drawn[:, axis])[0, 1]) > 0.9999
    assert found["share"] == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum(), abs=1e-3)
    assert found["alphas"] == list(path.alphas) and drawn.min() == 0 and drawn.max() == 1
    assert opened.map("names")["share"] < found["share"], "no two directions hold more than the principal ones"
    with pytest.raises(UnknownName, match="names"):
        opened.map("umap")


def test_a_point_moves_only_as_its_image_does(opened):
    path = opened.gallery.path
    still = path.nodes[-1].features[:40]
    nodes = tuple(replace(node, features=np.concatenate([still, node.features[40:]])) for node in path.nodes)
    drawn = points(embedding_map(replace(path, nodes=nodes), np.arange(len(path)) % 3))
    assert (drawn[:, :40] == drawn[0, :40]).all() and not (drawn[0, 40:] == drawn[-1, 40:]).all()


def test_predictions_give_the_scores_of_the_run(opened):
    found = opened.predictions()
    assert found["note"] == "" and list(found["levels"]) == ["superclass", "subgroup"]
    rows = {row["key"]: row for row in opened.scores["rows"]}
    roles = np.array(opened.evalset.roles[opened.start : opened.stop])
    for level, keys in {
        "superclass": ("forget-coarse", "siblings", "others"),
        "subgroup": ("siblings-fine", "others-fine"),
    }.items():
        told = found["levels"][level]
        right = expand(told["called"]) == np.array(told["labels"])[:, None]
        for key in keys:
            mask = roles == rows[key]["role"]
            assert mask.sum() == rows[key]["n"]
            np.testing.assert_allclose(right[mask].mean(axis=0), rows[key]["after"], atol=1e-4)


def test_a_refused_name_is_never_called_below_alpha_1(opened):
    named = opened.evalset.class_names["superclass"]
    own = ClassNames(named.names, named.template, named.labels[opened.start : opened.stop])
    classifier = np.stack([node.class_embeddings for node in opened.path.nodes])
    called = expand(predictions(opened.gallery.path, Level(own, classifier, Refusal(("disc",))))["called"])
    disc = named.names.index("disc")
    assert not (called[:, :100] == disc).any() and (called[:, 100] == disc).any()


def test_an_image_is_told_by_its_own_and_the_nearest_names(opened):
    found, everyone = opened.image(3), opened.predictions()
    assert found["label"] == "disc / big / light" or found["label"].startswith("disc / big / ")
    coarse, fine = found["levels"]
    assert [line["name"] for line in coarse["lines"] if line["own"]] == ["disc"]
    assert [line["name"] for line in fine["lines"] if line["own"]] == ["big"]
    for level in (coarse, fine):
        names = opened.evalset.class_names[level["level"]].names
        classifier = opened._classifier(level["level"], opened.evalset.class_names[level["level"]])
        for i, alpha in enumerate(ALPHAS):
            cosines = opened.gallery.path.features(alpha)[3] @ opened.path.texts(classifier, alpha).T
            for line in level["lines"]:
                assert line["cosines"][i] == pytest.approx(cosines[names.index(line["name"])], abs=6e-4)
        flat = [part for first, name in level["called"] for part in (first, names.index(name))]
        assert flat == everyone["levels"][level["level"]]["called"][3]
        assert {name for _, name in level["called"]} <= {line["name"] for line in level["lines"]}
    with pytest.raises(BadQuery, match="no image 90"):
        opened.image(90)


def test_runs_without_stored_subgroups_ask_their_model(opened, finished, tmp_path):
    shutil.copytree(finished.folder, tmp_path / finished.id)
    file = tmp_path / finished.id / "queries.npz"
    with np.load(file) as stored:
        kept = {name: stored[name] for name in ("texts", "features")}
    np.savez(file, **kept)
    run = Store(tmp_path).get(finished.id)
    assert FinishedRun(run, load_dataset, load_clip).predictions() == opened.predictions()

    def gone(name, device):
        raise BadModel("There is no such model any more; put it back.")

    found = FinishedRun(run, load_dataset, gone).predictions()
    assert list(found["levels"]) == ["superclass"] and "subgroups are left out. There is no such model" in found["note"]
    np.savez(file, **kept, subgroups=np.ones((1, 2, 3)))  # of another shape
    assert list(FinishedRun(run, load_dataset, gone).predictions()["levels"]) == ["superclass"]


def test_the_sample_run_has_its_views_without_a_model_and_small():
    import json

    from clipforget.workspace.workspace import Workspace

    space = Workspace()
    (sample,) = (run["id"] for run in space.runs() if run["sample"])
    opened = space.finished_run(sample)
    opened._clip_of = None
    for view in (opened.map("names"), opened.predictions(), opened.image(0)):
        assert 3000 < len(json.dumps(view)) < 300_000 and not view.get("note")
