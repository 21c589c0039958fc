"""Two goals: by which names the target is judged, what image queries add, and which runs read as which."""

import json
from dataclasses import replace

import numpy as np
import pytest

from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row
from clipforget.cli.commands.run import method_named
from clipforget.data.catalogue import load_dataset
from clipforget.data.target import Target
from clipforget.errors import BadSetting
from clipforget.evaluation.evalset import EvalSet
from clipforget.evaluation.found import above_siblings
from clipforget.evaluation.scores import read_scores, score
from clipforget.runs.config import RunConfig
from clipforget.soup.path import Bound, Node, SoupPath, unit
from clipforget.soup.storage import load_path
from clipforget.unlearning.task import NEVER_SEEN, SUPPRESSED
from clipforget.workspace.view import _notes


def path_of(*features):
    nodes = [Node(i / (len(features) - 1), str(i), unit(rows), unit(rows)) for i, rows in enumerate(features)]
    return SoupPath(tuple(nodes), (Bound(),) * (len(features) - 1), "a", "b")


def test_what_image_queries_find_is_measured_against_siblings_under_the_original():
    kinds = np.repeat([0, 1, 2], 4)
    apart, spread = np.eye(3)[kinds], np.eye(3)[kinds].astype(float)
    spread[kinds == 1] = [[0, 1, 0], [1, 0.1, 0], [0, 0.1, 1], [1, 0.1, 0]]  # a sibling that does not lie together
    target, siblings = kinds == 0, kinds == 1
    assert not above_siblings(path_of(apart, apart), kinds, target, siblings).any()
    found = above_siblings(path_of(apart, spread), kinds, target, siblings)
    assert found[0] > 0.5 and (np.diff(found) <= 1e-9).all()
    assert not above_siblings(path_of(apart, spread), kinds, target, np.zeros(12, dtype=bool)).any()


def test_the_goal_decides_by_which_names_the_target_is_judged(finished, world):
    scores, path = read_scores(finished.path("scores.json")), load_path(finished.path("path.npz"))
    assert scores["evaluated"]["goal"] == SUPPRESSED
    scores["evaluated"].pop("goal")
    assert EvalSet.read(scores["evaluated"]).goal == SUPPRESSED, "a run of before there were two"
    evalset = EvalSet.read(scores["evaluated"] | {"goal": NEVER_SEEN})
    assert EvalSet.read(json.loads(json.dumps(evalset.as_dict()))).goal == NEVER_SEEN
    dataset = load_dataset(str(world.data))
    rng = np.random.default_rng(0)
    width = path.nodes[0].features.shape[1]
    classifiers = {k: unit(rng.normal(size=(1, len(n.names), width))) for k, n in evalset.class_names.items()}
    found = score(path, evalset, classifiers, dataset, (Target.read("disc/big"),), 0.05)
    row = next(row for row in found["rows"] if row["key"] == "forget")
    assert (row["level"], row["label"]) == ("subgroup", "forget, own name or picture")
    assert "as if never seen" in next(_notes(found)) and "never seen" not in next(_notes(scores))
    assert found["chance"] == pytest.approx(1 / len(evalset.class_names["subgroup"].names), abs=1e-4)
    mask, named = evalset.mask("test", "forget"), evalset.class_names["subgroup"]
    called = np.argmax(path.features(0.0)[mask] @ classifiers["subgroup"][0].T, axis=1) == named.labels[mask]
    block = slice(*evalset.block("test"))
    nodes = tuple(replace(node, features=node.features[block]) for node in path.nodes)
    parts = [evalset.mask("test", role)[block] for role in ("forget", "siblings")]
    clusters = above_siblings(replace(path, nodes=nodes), named.labels[block], *parts)
    assert row["after"][0] == pytest.approx(max(called.mean(), round(clusters[0] * mask.sum()) / mask.sum()), abs=1e-4)


def test_a_style_has_no_goal_of_never_seen():
    RunConfig(forget=("airplane/*/poster",)).checked()
    for wrong in (
        lambda: RunConfig(forget=("airplane/*/poster",), goal=NEVER_SEEN).checked(),
        lambda: ComparisonPlan((Row("anchored"),), (("*/*/poster",),), goal=NEVER_SEEN).checked(),
    ):
        with pytest.raises(BadSetting, match="told by subgroups"):
            wrong()
    with pytest.raises(BadSetting, match="one of suppressed, never-seen"):
        RunConfig.read({"goal": "gone"})


def test_a_command_tells_the_goal_and_takes_ours_for_it():
    assert "--goal" not in RunConfig(forget=("a/b",)).command()
    assert f"--goal {NEVER_SEEN}" in RunConfig(forget=("a/b",), goal=NEVER_SEEN).command()
    assert method_named(["--goal", NEVER_SEEN]) == method_named([f"--goal={NEVER_SEEN}"]) == "unseen"
    assert method_named([]) == method_named(["--goal", "gone"]) == "anchored"
    assert method_named(["--goal", NEVER_SEEN, "--method", "slug"]) == "slug"
