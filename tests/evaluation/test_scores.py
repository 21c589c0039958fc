"""scores.json: one reader, and files of version 0.1 in today's words."""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from clipforget.benchmark.run_summary import run_summary
from clipforget.data.splits import ROLES
from clipforget.errors import RunProblem
from clipforget.evaluation.evalset import EvalSet
from clipforget.evaluation.scores import read_scores, upgrade
from clipforget.runs.store import Store
from clipforget.soup.path import Bound, Node, SoupPath, soup_fingerprint, unit
from clipforget.soup.storage import load_path, save_path
from clipforget.workspace.explorer import FinishedRun

VERSION_0_1 = Path(__file__).parent / "version-0.1"
OLD = ("sibling", "other", "everything else", "bank", "banks")


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A run whose files are those that version 0.1 wrote, the features apart."""
    runs = tmp_path_factory.mktemp("old")
    info, scores = (
        json.loads((VERSION_0_1 / name).read_text(encoding="utf-8")) for name in ("run.json", "scores.json")
    )
    shutil.copytree(VERSION_0_1, runs / info["id"])
    features = unit(np.random.default_rng(0).normal(size=(len(EvalSet.read(upgrade(scores)["evaluated"])), 16)))
    ends = info["fingerprints"]["original"], info["fingerprints"]["unlearned"]
    nodes = tuple(Node(a, soup_fingerprint(*ends, a), features, unit(np.eye(8, 16))) for a in (0.0, 1.0))
    save_path(SoupPath(nodes, (Bound(1.0, 1.0, 1.0, 0.0, 0.0),), *ends), runs / info["id"] / "path.npz")
    [run] = Store(runs).all()
    return run


def words(content):
    """Every key and every short text in a JSON document."""
    if isinstance(content, dict):
        yield from content
        content = list(content.values())
    for value in content if isinstance(content, list) else ():
        yield from [value] if isinstance(value, str) else words(value)


def test_a_run_of_version_0_1_opens_in_todays_words(old):
    stored = json.loads(old.path("scores.json").read_text(encoding="utf-8"))
    assert set(words(stored)) >= set(OLD)
    scores = read_scores(old.path("scores.json"))
    shown = FinishedRun(old, lambda name: None, lambda name, device: None).view()
    for document in (scores, shown, asdict(run_summary(old))):
        left = {word for word in words(document) if word in OLD or word.startswith("suite")}
        assert not left, left
    assert [re.sub("^suite", "eval", row["key"]) for row in stored["rows"]] == [row["key"] for row in scores["rows"]]
    assert {row["role"] for row in (*shown["rows"], *shown["retrieval"]["rows"])} == set(ROLES)
    assert set(shown["per_class"]["roles"]) == set(ROLES) and shown["gallery"]["roles"] == list(ROLES)
    for before, after in zip(stored["rows"], scores["rows"], strict=True):
        assert all(before[name] == after[name] for name in ("n", "before", "after", "low", "high"))
        assert after["level"] == before["bank"]
    index = round(100 * stored["best"])
    assert scores["choice"] == {
        "alpha": stored["best"], "at_most": stored["validation"]["upper"][index], "reason": scores["choice"]["reason"]
    }  # fmt: skip
    assert scores["best"] == stored["best"] and "older run" in shown["choice"]["reason"]


def test_the_evaluated_images_of_version_0_1_are_those_of_its_rows(old):
    scores = read_scores(old.path("scores.json"))
    evalset = EvalSet.read(scores["evaluated"])
    today = {row.key: (row.label, row.role, row.level, int(row.mask.sum())) for row in evalset.rows()}
    stored = {row["key"]: (row["label"], row["role"], row["level"], row["n"]) for row in scores["rows"]}
    assert stored.pop("subgroups")[3] == today["siblings-fine"][3] + today["others-fine"][3], "one row in version 0.1"
    assert stored.items() <= today.items()
    assert EvalSet.read(json.loads(json.dumps(evalset.as_dict()))).roles == evalset.roles
    assert np.array_equal(evalset.class_names["style"].labels >= 0, np.ones(len(evalset), dtype=bool))


def test_evaluation_sets_had_another_name_before(old):
    scores = json.loads(json.dumps(read_scores(old.path("scores.json"))))
    today = [row["key"] for row in scores["rows"]]
    for row in scores["rows"]:
        row["key"] = row["key"].replace("eval", "shifted")
    assert any(row["key"].startswith("shifted-forget:") for row in scores["rows"])
    assert [row["key"] for row in upgrade(scores)["rows"]] == today


def test_scores_of_today_stay_as_they_are(finished):
    scores = read_scores(finished.path("scores.json"))
    assert upgrade(json.loads(json.dumps(scores))) == scores


def test_scores_say_how_far_the_retained_images_have_collapsed(finished):
    scores, path = read_scores(finished.path("scores.json")), load_path(finished.path("path.npz"))
    evalset = EvalSet.read(scores["evaluated"])
    retained = path.features(1.0)[evalset.mask("test", "siblings", "others")] @ path.class_embeddings(1.0).T
    takes, nearest, spread = (scores["collapse"][name] for name in ("takes", "nearest", "spread"))
    assert len(takes) == len(nearest) == len(spread) == 101
    assert takes[-1] == pytest.approx(np.bincount(retained.argmax(axis=1)).max() / len(retained), abs=1e-4)
    assert nearest[-1] == pytest.approx(retained.max(axis=1).mean(), abs=1e-3)


@pytest.mark.parametrize("content", [None, "", '{"rows": ['])
def test_scores_that_cannot_be_read_say_which_run(tmp_path, content):
    path = tmp_path / "a run" / "scores.json"
    path.parent.mkdir()
    if content is not None:
        path.write_text(content)
    with pytest.raises(RunProblem, match="scores of a run are missing or damaged"):
        read_scores(path)
