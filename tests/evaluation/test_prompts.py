"""Recall and precision of the target along alpha: against a loop, against the grids, and for every kind of target."""

import numpy as np
import pytest

from clipforget.data.catalogue import load_dataset
from clipforget.data.splits import select
from clipforget.evaluation.evalset import EvalSet
from clipforget.evaluation.prompts import MOST, Prompt, _spread, prompts, retrieval
from clipforget.evaluation.refusal import Refusal
from clipforget.models.loading import load_clip
from clipforget.soup.path import ALPHAS, Bound, Node, SoupPath, soup_fingerprint, unit
from clipforget.workspace.explorer import FinishedRun


@pytest.fixture(scope="module")
def opened(finished):
    return FinishedRun(finished, load_dataset, load_clip)


def asked(world, *forget):
    """Level, text and number of relevant images of each prompt."""
    dataset = load_dataset(world.data)
    selection = select(dataset, forget)
    found = prompts(EvalSet.build(dataset, selection), dataset, selection.forget)
    return [(one.level, one.text, int(one.relevant.sum())) for one in found]


@pytest.mark.parametrize("texts", [1, 3])
@pytest.mark.parametrize("count", [70, 15])
def test_recall_precision_and_overlap_are_what_a_loop_counts(texts, count):
    rng = np.random.default_rng(count)
    features = unit(rng.normal(size=(3, count + 20, 8)))
    names = [soup_fingerprint("a", "b", alpha) for alpha in (0, 0.5, 1)]
    nodes = [Node(alpha, *rest, features[0]) for alpha, *rest in zip((0.0, 0.5, 1.0), names, features, strict=True)]
    path, stack = SoupPath(tuple(nodes), (Bound(),) * 2, "a", "b"), unit(rng.normal(size=(texts, 5, 8)))
    evalset = EvalSet(tuple(range(count + 20)), (("calibrate", 20), ("test", count)), ("others",) * (count + 20), {})
    levels = ("coarse", "fine", "fine", "unrelated", "unrelated")
    masks = [rng.random(count) < share for share in (0.6, 0.2, 0.2, 0, 0)]
    asked = [Prompt(f"word {i}", *one) for i, one in enumerate(zip(levels, masks, strict=True))]
    table = retrieval(path, evalset, asked, stack, Refusal(("2", "4")))
    k = table["k"]
    assert k == min(24, count)

    def first(prompt, alpha):
        """The k images that are found, nearest first; none where the prompt is refused."""
        cosines = path.features(alpha)[20:] @ path.texts(stack, alpha)[prompt]
        refused = prompt in (2, 4) and alpha < 1
        return set() if refused else set(np.argsort(-cosines)[:k].tolist())

    for place, alpha in enumerate(ALPHAS):
        expected = []
        for i in range(3):
            hits = sum(bool(masks[i][found]) for found in first(i, alpha))
            expected += [hits / k, hits / masks[i].sum()]
        expected.append(np.mean([len(first(i, alpha) & first(i, 1.0)) / k for i in (3, 4)]))
        assert [row["after"][place] for row in table["rows"]] == pytest.approx(expected, abs=1e-4)
    scores = ["precision", "recall"] * 3 + ["overlap"]
    assert [row["score"] for row in table["rows"]] == scores
    assert [row["n"] for row in table["rows"]] == [int(m.sum()) for m in masks[:3] for _ in range(2)] + [k]


def test_what_is_counted_is_what_the_grid_shows(opened):
    wanted = [item[4] == 0 for item in opened.scores["gallery"]["items"]]
    for row in opened.view()["retrieval"]["rows"]:
        if row["score"] == "precision":
            pack = opened.pack("text", row["prompts"][0])
            shares = [np.mean([wanted[i] for i in ids]) for ids in pack["after"]["ids"]]
            np.testing.assert_allclose(row["after"], shares, atol=1e-4)


def test_alpha_1_is_before_and_overlaps_wholly_with_itself(opened):
    rows = opened.view()["retrieval"]["rows"]
    assert [(row["level"], row["score"]) for row in rows] == [
        ("coarse", "precision"), ("coarse", "recall"), ("fine", "precision"), ("fine", "recall"),
        ("unrelated", "overlap"),
    ]  # fmt: skip
    assert all(len(row["after"]) == 101 and row["after"][100] == row["before"] for row in rows)
    assert rows[-1]["before"] == 1 and rows[0]["before"] > 0


def test_prompts_of_a_subgroup_a_style_a_superclass_and_a_whole_style(world):
    unrelated = [("unrelated", "a photo of a square.", 0), ("unrelated", "a photo of a stripe.", 0)]
    coarse = ("coarse", "a photo of a disc.", 10)
    assert asked(world, "disc/big") == [coarse, ("fine", "a photo of a big.", 10), *unrelated]
    style = [("coarse", "a photo of a disc.", 15), ("fine", "a light of a disc.", 15)]
    assert asked(world, "disc/*/light") == [*style, *unrelated]
    assert asked(world, "disc") == [("coarse", "a photo of a disc.", 30), *unrelated]
    *names, last = asked(world, "*/*/light")
    assert [level for level, *_ in names] == ["coarse"] * 3 and last == ("fine", "a light.", 45)


def test_two_targets_of_one_name_share_their_prompt(world):
    found = asked(world, "disc/big", "square/big")
    assert found[:3] == [
        ("coarse", "a photo of a disc.", 10), ("coarse", "a photo of a square.", 10), ("fine", "a photo of a big.", 20),
    ]  # fmt: skip
    assert [text for level, text, _ in found[3:]] == ["a photo of a stripe."]


def test_of_many_names_a_few_from_all_over_the_list_are_asked():
    for count in (0, 1, MOST, MOST + 1, 1000):
        few = _spread(range(count))
        assert len(few) == min(count, MOST) or MOST / 2 < len(few) <= MOST
        assert not count or (few[0] == 0 and few[-1] >= count - 1 - count / len(few))
