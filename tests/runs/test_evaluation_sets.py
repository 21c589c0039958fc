"""Evaluation sets with names of their own, from the configuration of a run to its scores and views."""

import json
import shutil

import numpy as np
import pytest
from pictures import pack, put

from clipforget.errors import BadData, BadSetting, StaleIndex
from clipforget.evaluation.evalset import ClassNames
from clipforget.evaluation.scores import read_scores
from clipforget.runs.config import RunConfig
from clipforget.runs.execute import execute
from clipforget.runs.resources import Resources
from clipforget.runs.store import Store
from clipforget.soup.model import SoupModel
from clipforget.soup.path import unit
from clipforget.workspace.explorer import FinishedRun
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """Pictures of the data set's look in classes of other names: balls, some of them big discs, and boxes."""
    root = tmp_path_factory.mktemp("toys")
    for number in range(6):
        for folder in ("ball", "big disc", "box"):
            put(root, f"{folder}/{number}.png")
    put(root, "templates.txt", b"a photo of a {}.\na drawing of a {}.")
    put(root, "classnames.txt", b"big disc = Big")
    return root


@pytest.fixture(scope="module")
def space(world, toys):
    """A workspace with one run that is judged by the toys too."""
    space = Workspace(world.folder / "judged", sample=False)
    run = space.store.create(world.config(eval=(f"toys={toys}",)))
    assert list(execute(run))[-1]["state"] == "done", run.info()["error"]
    return space


def scores_of(space):
    return read_scores(space.store.all()[0].path("scores.json"))


def test_a_set_is_scored_among_its_own_names_and_counts(space):
    run = space.store.all()[0]
    scores = scores_of(space)
    rows = {row["key"]: row for row in scores["rows"]}
    assert {"eval:shifted", "eval-forget:shifted", "eval:toys", "eval-target:toys"} <= set(rows)
    assert rows["eval:toys"]["n"] == 12 and rows["eval-target:toys"]["n"] == 6 and rows["eval:shifted"]["n"] == 16
    named = scores["evaluated"]["class_names"]
    assert named["eval:toys"]["names"] == ["Big", "ball", "box"] and len(named["eval:toys"]["ensemble"]) == 2
    assert named["superclass"]["names"] == ["disc", "square", "stripe"]
    assert set(named["superclass"]["labels"][-18:]) == {-1} and -1 not in named["eval:toys"]["labels"][-18:]
    assert scores["do_nothing"]["score"] == pytest.approx(100 * 5 / 6, abs=0.01), "five retained sets"
    assert set(run.info()["fingerprints"]) == {"original", "unlearned", "data", "eval:toys"}
    [note] = scores["evaluation_sets"]
    assert (
        note == "toys: 3 class names, 2 templates; of the target: Big, to be kept."
        and note in space.view(run.id)["notes"]
    )


def test_the_texts_of_an_original_are_embedded_once_for_all_its_runs(world, toys, tmp_path, monkeypatch):
    """ImageNet's 80 captions of 1000 names would cost each run of a comparison more than its method."""
    embedded, text = [], SoupModel.text

    def counted(self, alpha, texts):
        embedded.extend(texts)
        return text(self, alpha, texts)

    monkeypatch.setattr(SoupModel, "text", counted)
    resources, scored = Resources(), []
    for seed in (0, 1):
        run = Store(tmp_path).create(world.config(eval=(f"toys={toys}",), seed=seed))
        assert list(execute(run, resources))[-1]["state"] == "done", run.info()["error"]
        scored.append(embedded.count("a drawing of a box."))
        alone = Store(tmp_path).create(world.config(eval=(f"toys={toys}",), seed=seed))
        list(execute(alone, Resources()))
        assert read_scores(run.path("scores.json"))["rows"] == read_scores(alone.path("scores.json"))["rows"]
        embedded.clear()
    assert scored == [1, 0]


def test_figures_along_alpha_are_those_of_images_embedded_anew(space):
    run, scores = space.store.all()[0], scores_of(space)
    exact = space.exact(run.id, 0.0, text="a disc")["rows"]
    for row in scores["rows"]:
        assert exact[row["key"]] == pytest.approx(row["after"][0], abs=1e-3), row["key"]
    gallery = scores["gallery"]["items"]
    dataset = space.dataset(run.config.data)
    assert max(index for index, *_ in gallery) < len(dataset.items) and scores["gallery"]["data"] == dataset.fingerprint
    assert space.image(dataset.fingerprint, gallery[0][0], 96)[1].startswith("image/")


def test_templates_are_averaged_as_unit_features():
    rng = np.random.default_rng(0)
    texts = unit(rng.normal(size=(2, 6, 5)))
    named = ClassNames(("a", "b"), "x {}", np.zeros(1, dtype=np.int64), ("x {}", "y {}", "z {}"))
    assert named.prompts == ["x a", "y a", "z a", "x b", "y b", "z b"]
    classifier = named.classifier(texts)
    assert classifier.shape == (2, 2, 5) and np.allclose(classifier[1, 1], unit(texts[1, 3:].mean(axis=0)), atol=1e-6)
    assert np.allclose(np.linalg.norm(classifier, axis=-1), 1, atol=1e-6)
    one = ClassNames(("a", "b"), "x {}", np.zeros(1, dtype=np.int64))
    assert one.prompts == ["x a", "x b"] and one.classifier(texts[:, :2]) is not None


def test_the_target_in_another_domain_can_be_meant_too(world, toys, tmp_path):
    config = world.config(eval=(f"toys={toys}:ball",), eval_target="forgotten", eval_images=10)
    run = Store(tmp_path).create(config)
    assert list(execute(run))[-1]["state"] == "done", run.info()["error"]
    rows = {row["key"]: row for row in read_scores(run.path("scores.json"))["rows"]}
    assert "eval-target:toys" not in rows and rows["eval-forget:toys"]["role"] == "forget"
    assert rows["eval:toys"]["n"] + rows["eval-forget:toys"]["n"] == 10
    assert read_scores(run.path("scores.json"))["evaluation_sets"] == [
        "toys: 3 class names, 2 templates; 10 of 18 images; of the target: ball, to be forgotten."
    ]


def test_a_run_repeats_with_its_sets(world, toys):
    config = world.config(eval=(f"toys={toys}", "b=x:c,d"), eval_target="forgotten", eval_images=100)
    assert RunConfig.read(json.loads(json.dumps(config.as_dict()))) == config
    command = config.command()
    assert f"--eval toys={toys} --eval b=x:c,d --eval-target forgotten --eval-images 100" in command
    assert "--eval" not in world.config().command()


def test_a_set_that_moved_or_changed_is_told_in_one_sentence(world, toys, tmp_path):
    moved = pack(toys, tmp_path / "moved.tar")
    run = Store(tmp_path / "runs").create(world.config(eval=(f"toys={moved}",)))
    assert list(execute(run))[-1]["state"] == "done", run.info()["error"]
    resources = Resources(follow=True)
    finished = FinishedRun(run, resources.dataset, resources.clip)
    assert finished.dataset().evaluation_sets == ("shifted", "toys")
    shutil.copytree(toys, tmp_path / "other")
    put(tmp_path / "other", "ball/0.png")
    pack(tmp_path / "other", moved)
    with pytest.raises(StaleIndex, match="The evaluation set 'toys' has changed since this run; run it again"):
        finished.dataset()
    moved.unlink()
    with pytest.raises(BadData, match="The evaluation set 'toys': There is nothing at"):
        finished.dataset()
    assert finished.view()["rows"] and finished.pack("text", "disc")["k"]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"eval": ("toys",)}, BadSetting, "is no evaluation set"),
        ({"eval": ("a=x", "a=y")}, BadSetting, "Two evaluation sets are called 'a'"),
        ({"eval": ("test=x",)}, BadSetting, "as a split is"),
        ({"eval_target": "gone"}, BadSetting, "eval_target must be one of kept, forgotten"),
        ({"eval_images": 0}, BadSetting, "eval_images must be a whole number from 10"),
    ],
)
def test_bad_values_are_refused_before_anything_is_read(world, change, error, words):
    with pytest.raises(error, match=words):
        RunConfig.read({**world.config().as_dict(), **change}).checked()
