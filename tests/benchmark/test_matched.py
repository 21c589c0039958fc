"""Figures at matched forgetting: means over seeds then targets, their bootstrap, and paired differences."""

from dataclasses import replace

import numpy as np
import pytest

from clipforget.benchmark import matched
from clipforget.evaluation.curves import Curve

ALPHAS = np.array([0.0, 0.5, 1.0])


def curve(kept, forget=(0.0, 0.1, 1.0), images=100, recognised=100):
    """A curve that is read at alpha .5, where the siblings keep this share."""
    shares = {name: np.array([0.0, kept, 1.0]) for name in ("siblings", "least")}
    return Curve(ALPHAS, np.array(forget), forget[-1], images, shares, {"siblings": recognised})


def on(target, *kept, row=1, **more):
    return matched.on_target(tuple(curve(share, **more) for share in kept), 0.05, target, row)


def test_a_target_has_the_mean_of_its_seeds_and_draws_of_its_images():
    figures = on(0, 0.9, 0.7)
    assert figures.means["siblings_10"] == pytest.approx(0.8) and figures.means["siblings_chance"] == pytest.approx(0.4)
    draws = figures.draws["siblings_10"]
    assert draws.shape == (matched.DRAWS,) and draws.mean() == pytest.approx(0.72, abs=0.05), "a level below costs more"
    flat = on(0, 0.8, forget=(0.0, 0.0, 1.0))
    assert flat.draws["siblings_10"].std() == pytest.approx(np.hypot(0.04, 0.2 * 0.03), rel=0.15)
    assert on(0, 0.8, forget=(0.0, 0.0, 1.0), recognised=10_000).draws["siblings_10"].std() < 0.02, (
        "of more images less"
    )


@pytest.mark.parametrize(("images", "level"), [(48, 6), (10, 1)])
def test_levels_move_as_if_the_images_themselves_were_drawn_anew(images, level):
    """The slow way: each image is recognised from an alpha of its own on, and as many are drawn as there are."""
    onsets = np.sort(np.random.default_rng(1).uniform(-0.05, 1.0, images))  # some are recognised at alpha 0
    alphas = np.linspace(0.0, 1.0, 101)
    forget = np.array([(onsets <= alpha).mean() for alpha in alphas])
    drawn = np.random.default_rng(2).choice(onsets, (400, images))
    recognised = np.array([[(row <= alpha).sum() for alpha in alphas] for row in drawn])
    slow = np.where(recognised[:, 0] > level, 0.0, alphas[(recognised <= level).sum(axis=1) - 1])
    shares = {"least": alphas, "siblings": alphas}
    whole = Curve(alphas, forget, 1.0, images, shares, {"siblings": 10**9})
    quick = matched.on_target((whole,), level / images, 0, 1).draws["siblings_chance"]
    assert np.mean(quick == 0) == pytest.approx(np.mean(slow == 0), abs=0.04)
    assert np.percentile(quick, [10, 50, 90]) == pytest.approx(np.percentile(slow, [10, 50, 90]), abs=0.03)


def test_forget_images_are_drawn_alike_for_every_row_and_differently_for_targets():
    def levels(target, row):
        many = on(target, 0.5, row=row, recognised=10**9)
        return many.draws["siblings_10"]

    assert np.allclose(levels(0, 1), levels(0, 2), atol=1e-3) and not np.allclose(levels(0, 1), levels(1, 1), atol=1e-2)


def test_by_class_name_the_curve_is_read_where_that_name_alone_has_lost_the_target():
    hidden = replace(curve(0.9, forget=(0.9, 0.95, 1.0)), coarse=np.array([0.0, 0.1, 1.0]))
    figures = matched.on_target((hidden,), 0.05, 0, 1)
    assert figures.means["least_10"] == 0 and figures.means["least_named"] == pytest.approx(0.9)
    assert figures.draws["least_named"].std() > 0
    alone = matched.on_target((hidden, curve(0.9)), 0.05, 0, 1)  # one of them says nothing of it
    assert "least_named" not in alone.means


def test_a_run_that_never_comes_down_keeps_nothing_there():
    figures = matched.on_target((curve(0.9), curve(0.9, forget=(0.5, 0.6, 1.0))), 0.05, 0, 1)
    assert figures.means["least_10"] == pytest.approx(0.45)
    assert on(0, 0.9, forget=(0.5, 0.6, 1.0)).means["area"] == pytest.approx(
        (0.0 + 0.9) / 2 * 0.1 + (0.9 + 1) / 2 * 0.4
    )


def test_intervals_hold_targets_and_images():
    one = matched.stats([on(0, 0.8, forget=(0.0, 0.0, 1.0))])["siblings_10"]
    assert one["mean"] == one["worst"] == pytest.approx(0.8, abs=0.05)
    assert one["high"] - one["low"] == pytest.approx(4 * 0.04, rel=0.2), "of one target its images alone"
    alike = matched.stats([on(t, 0.8, forget=(0.0, 0.0, 1.0)) for t in range(9)])["siblings_10"]
    assert alike["high"] - alike["low"] == pytest.approx(4 * 0.04 / 3, rel=0.15)
    apart = matched.stats([on(t, 0.6 + 0.05 * t) for t in range(9)])["siblings_10"]
    assert apart["worst"] == pytest.approx(0.6) and apart["high"] - apart["low"] > 4 * 0.1 / 3
    assert apart["low"] < apart["mean"] < apart["high"]


def test_the_paired_difference_is_to_the_best_rival_on_the_same_targets():
    shares, many = (0.3, 0.5, 0.9), 10_000
    ours = {t: on(t, share, row=1, recognised=many) for t, share in enumerate(shares)}
    rival = {t: on(t, share - 0.1, row=2, recognised=many) for t, share in enumerate(shares)}
    weak = {0: on(0, 0.1, row=3)}
    found = matched.difference(ours, {"rival": rival, "weak": weak})
    assert found["rival"] == "rival" and found["mean"] == pytest.approx(0.1)
    alone = matched.stats(ours.values())["least_10"]
    assert found["low"] > 0 and found["high"] - found["low"] < (alone["high"] - alone["low"]) / 2, "targets cancel"
    assert matched.difference(weak, {"other": {1: rival[1]}}) is None and matched.difference(ours, {}) is None
    back = matched.difference(rival, {"ours": ours})
    assert back["mean"] == pytest.approx(-0.1)


def test_sets_that_some_targets_lack_are_averaged_over_the_others():
    whole = Curve(ALPHAS, np.array([0.0, 0.1, 1.0]), 1.0, 50, {"least": np.ones(3)}, {})
    figures = matched.stats([on(0, 0.4), matched.on_target((whole,), 0.05, 1, 1)])
    assert figures["siblings_10"]["mean"] == pytest.approx(0.4) and figures["least_10"]["mean"] == pytest.approx(0.7)
