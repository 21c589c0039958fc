"""Scores against their definitions written out."""

from __future__ import annotations

import math

import numpy as np
import pytest

from clipforget.evaluation import metrics
from clipforget.soup.path import unit

RNG = np.random.default_rng(0)


def test_accuracy_is_the_share_of_right_nearest_names() -> None:
    features, bank = unit(RNG.normal(size=(50, 8))), unit(RNG.normal(size=(5, 8)))
    labels = RNG.integers(0, 5, 50)
    right = 0
    for image, label in zip(features, labels, strict=True):
        right += max(range(5), key=lambda c: float(image @ bank[c])) == label
    assert metrics.accuracy(features, labels, bank) == right / 50
    assert math.isnan(metrics.accuracy(features[:0], labels[:0], bank))


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [
        (0, 50, 0.0, 0.0713),
        (50, 50, 0.9287, 1.0),
        (
            0,
            20,
            0.0,
            0.1611,
        ),  # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 0/20, 1/29, 81/263, 15/148
        (1, 29, 0.0061, 0.1718),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
    ],
)
def test_wilson_against_published_values(hits: int, count: int, low: float, high: float) -> None:
    assert metrics.wilson(hits, count) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_wilson_of_no_image_is_unknown() -> None:
    assert all(math.isnan(value) for value in metrics.wilson(0, 0))


def test_ratio() -> None:
    assert metrics.ratio(0.3, 0.6) == 0.5
    assert metrics.ratio(0.9, 0.6) == 1.0
    assert metrics.ratio(0.0, 0.0) == 1.0


def test_h_and_score() -> None:
    assert metrics.Tradeoff(1.0, (0.5, 0.7)).h == pytest.approx(200 / 3)
    assert metrics.Tradeoff(0.0, (1.0,)).h == metrics.Tradeoff(0.0, (0.0,)).h == metrics.Tradeoff(1.0, (0.0,)).h == 0.0
    assert metrics.Tradeoff(0.9, (0.5, 1.0)).score == pytest.approx(80.0)
    assert metrics.Tradeoff(0.0, (1.0,) * 6).score == pytest.approx(85.714, abs=1e-3), "doing nothing"
    assert metrics.Tradeoff(1.0, ()).score == metrics.Tradeoff(1.0, ()).h == 100.0


def test_h_and_score_of_accuracies_by_set() -> None:
    before = {"forget": 0.8, "siblings": 0.5, "others": 0.4, "eval:rain": 0.0, "styles": 0.1}
    found = metrics.Tradeoff.of(before, {"forget": 0.2, "siblings": 0.45, "others": 0.6, "eval:rain": 0.0})
    assert (found.forgotten, found.ratios) == (0.75, (0.9, 1.0, 1.0)) and found.retained == 0.9
    assert found.h == pytest.approx(100 * 2 * 0.75 * 0.9 / 1.65) and found.score == pytest.approx(91.25)
    assert metrics.Tradeoff.of(before, {"others": 0.1}) == metrics.Tradeoff(0.0, (0.25,)), (
        "no target, nothing forgotten"
    )
    rows = {"forget", "siblings", "others", "eval:rain", "eval-forget:rain", "subgroups", "styles"}
    assert {key for key in rows if metrics.is_retained(key)} == {"siblings", "others", "eval:rain"}


def choose(forget: list[float], siblings: list[float], limit: float = 0.05, images: int = 400) -> metrics.Choice:
    accuracies = {"forget": [*forget, 1.0], "siblings": [*siblings, 1.0]}
    alphas = np.linspace(0, 1, len(forget) + 1).round(2).tolist()
    return metrics.choose_alpha(alphas, accuracies, limit, images)


def test_alpha_is_the_middle_of_the_plateau_and_not_where_it_only_just_forgets() -> None:
    """Siblings come back up to alpha .3 and the target from .7 on: the plateau is .3 to .6."""
    found = choose(
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.6, 0.9], [0.4, 0.6, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    )
    assert (found.alpha, found.plateau, found.within, found.accuracy) == (0.4, (0.3, 0.6), True, 0.0)
    assert "middle of the plateau" in found.reason and "0.30 to 0.60" in found.reason


def test_an_alpha_above_a_violation_is_not_accepted() -> None:
    found = choose(
        [0.0, 0.0, 0.2, 0.0, 0.0, 0.0, 0.5, 0.6, 0.7, 0.9], [0.7, 0.8, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    )
    assert found.alpha == 0.1 and found.within, "at .3 to .5 it has forgotten and keeps all, but at .2 it has not"


def test_the_plateau_holds_all_alphas_whose_h_is_within_a_point_of_the_best() -> None:
    """Of nothing found and .97, .985 and 1 kept, H is 98.5, 99.2 and 100."""
    found = choose([0.0] * 7 + [0.9] * 3, [0.97, 0.97, 0.985, 0.985, 1.0, 0.985, 0.985, 1.0, 1.0, 1.0])
    assert (found.alpha, found.plateau) == (0.4, (0.2, 0.6))


def test_equal_alphas_tie_in_their_middle_and_two_plateaus_do_not_join() -> None:
    assert choose([0.0] * 10, [0.5] * 10).alpha == 0.4, "the lower one of two in the middle: forgotten more surely"
    found = choose([0.0] * 10, [1.0, 1.0, 0.6, 0.6, 1.0, 1.0, 1.0, 0.6, 0.6, 0.6])
    assert found.alpha == 0.5, "of two plateaus as high the wider one"
    assert choose([0.0] * 10, [1.0, 1.0, 1.0, 0.6, 0.6, 1.0, 1.0, 0.6, 0.6, 0.6]).alpha == 0.1, "though it comes first"


def test_too_few_images_take_the_best_all_the_same_and_say_so() -> None:
    found = choose([0.0] * 8 + [0.5, 0.9], [0.8] * 3 + [1.0] * 7, images=20)
    assert found.alpha == 0.5 and found.within and found.at_most == pytest.approx(0.1611, abs=1e-4)
    assert "5.0% cannot be shown with 20 images; at most 16.1%" in found.reason
    assert "cannot be shown" not in choose([0.0] * 8 + [0.5, 0.9], [0.8] * 3 + [1.0] * 7, images=400).reason


def test_of_too_few_images_a_single_one_does_not_decide_what_is_accepted() -> None:
    forget, siblings = [0.0, 0.1, 0.1, 0.1, 0.1, 0.1, 0.5, 0.6, 0.7, 0.9], [0.2, 0.5, 0.9] + [1.0] * 7
    few, enough = choose(forget, siblings, images=20), choose(forget, siblings, images=400)
    assert few.alpha == 0.4 and "5.0% cannot be shown with 20 images; at most 30.1%" in few.reason
    assert enough.alpha == 0.0, "with images enough nothing above the limit is accepted"
    forget = [0.4 if value == 0.1 else value for value in forget]
    found = choose(forget, siblings, images=20).reason
    assert found.startswith("It did not forget to 5.0%: 40.0% are left"), "so many even a few images can show"


def test_where_nothing_is_within_the_limit_the_highest_h_counts() -> None:
    found = choose(
        [0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 0.9, 0.9, 0.9, 0.9], [0.2, 0.6, 0.9, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    )
    assert (
        found.alpha == 0.2 and not found.within and found.reason.startswith("It did not forget to 5.0%: 10.0% are left")
    )


def test_where_nothing_is_gained_alpha_0_shows_what_the_method_did() -> None:
    for found in (choose([1.0] * 10, [1.0] * 10), choose([0.0] * 10, [0.0] * 10)):
        assert found.alpha == 0.0 and found.reason.startswith("No alpha both forgets and keeps")


def test_what_few_images_can_show_is_computed() -> None:
    note = metrics.few_images_note
    assert note(2).startswith("With 2 test images of the target, an interval runs from 0 to 66%")
    assert note(1).startswith("With 1 test image of the target, an interval runs from 0 to 79%")
    assert note(metrics.FEW - 1) and note(metrics.FEW) == ""
