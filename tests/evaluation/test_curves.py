"""Curves over alpha read at matched forgetting, against figures computed by hand."""

import numpy as np
import pytest

from clipforget.evaluation.curves import Curve, collapse_of, collapsed

ALPHAS = [0.0, 0.25, 0.5, 0.75, 1.0]


def row(key, after, n=100):
    return {"key": key, "n": n, "before": {"value": after[-1]}, "after": after, "level": "superclass"}


def curve(forget, siblings=(0.0, 0.3, 0.6, 0.9, 0.9), others=(0.4, 0.5, 0.8, 0.8, 0.8), n=100):
    rows = [row("forget", list(forget), n), row("siblings", list(siblings)), row("others", list(others), 200)]
    return Curve.of(ALPHAS, [*rows, row("forget-fine", [0.9] * 5), row("styles", [0.1] * 5)])


def test_a_level_is_read_between_two_alphas():
    """0.10 lies a quarter of the way from .05 (alpha .25) to .25 (alpha .5)."""
    reading = curve([0.0, 0.05, 0.25, 0.5, 0.8]).read(0.1)
    assert reading.alpha == pytest.approx(0.25 + 0.25 * 0.25)
    assert reading.kept["siblings"] == pytest.approx((0.3 + 0.25 * 0.3) / 0.9)
    assert reading.kept["others"] == pytest.approx((0.5 + 0.25 * 0.3) / 0.8)
    assert reading.kept["least"] == pytest.approx(0.3 / 0.9 + 0.25 * (0.6 - 0.3) / 0.9), "siblings, all along"
    assert set(reading.kept) == {"siblings", "others", "least"}, "other rows are no retained sets"


def test_the_curve_of_the_class_name_alone_is_another_unless_as_if_never_seen():
    rows = [row("forget", [0.3, 0.5, 0.7, 0.8, 0.8]), row("siblings", [0.0, 0.3, 0.6, 0.9, 0.9])]
    assert np.array_equal(Curve.of(ALPHAS, rows).by_class_name().forget, rows[0]["after"]), "it has one name only"
    rows.append(row("forget-coarse", [0.0, 0.1, 0.5, 0.8, 0.8]))
    both = Curve.of(ALPHAS, rows)
    assert both.read(0.1) is None and both.by_class_name().read(0.1).kept["siblings"] == pytest.approx(0.3 / 0.9)
    assert both.only(1).by_class_name().read(0.1).kept["least"] == pytest.approx(0.3 / 0.9)
    rows[0]["level"] = "subgroup"
    assert Curve.of(ALPHAS, rows).by_class_name() is None


def test_a_dip_that_does_not_last_down_to_alpha_0_does_not_count():
    """Walking down from 1 the accuracy is within .1 at .75, out of it at .5, and within it for good below .45."""
    crossing = curve([0.0, 0.0, 0.125, 0.0, 0.8]).read(0.1)
    assert crossing.alpha == pytest.approx(0.25 + 0.25 * 0.1 / 0.125)
    assert curve([0.3, 0.0, 0.0, 0.0, 0.8]).read(0.1) is None, "alpha 0 is out again: it did not forget"


def test_what_never_comes_down_to_the_level_did_not_forget():
    high = curve([0.11, 0.2, 0.3, 0.5, 0.8])
    assert high.read(0.1) is None and high.read(0.2).alpha == pytest.approx(0.25)
    assert np.array_equal(high.kept_at("siblings", high.positions(np.array([0.1, 0.2]))), [0.0, 0.3 / 0.9])
    assert curve([0.0, 0.0, 0.0, 0.0, 0.05]).read(0.1).alpha == 1.0, "there was nothing to forget"


def test_a_flat_curve_is_read_at_its_largest_alpha_and_a_stored_share_at_its_own():
    assert curve([0.1, 0.1, 0.1, 0.5, 0.8]).read(0.1).alpha == pytest.approx(0.5)
    third = curve([0.3333, 0.3333, 0.5, 0.5, 0.8], n=3)
    assert third.read(1 / 3).alpha == pytest.approx(0.25, abs=1e-3), "rounding to four digits is no miss"


def test_no_level_is_finer_than_one_image():
    """Of 50 images one is 2 %, so chance among 86 names cannot be told from it."""
    assert curve([0.0, 0.02, 0.1, 0.5, 0.8], n=50).read(1 / 86).alpha == pytest.approx(0.25)
    assert curve([0.0, 0.02, 0.1, 0.5, 0.8], n=50).level(0.1) == 0.1


def test_the_area_is_that_under_the_least_kept_share():
    ideal = [1.0] * 5
    assert curve([0.0, 0.0, 0.0, 0.0, 0.8], ideal, ideal).area() == pytest.approx(1.0)
    assert curve([0.8] * 5, ideal, ideal).area() == 0.0, "doing nothing"
    assert curve([0.4] * 4 + [0.8], ideal, ideal).area() == pytest.approx(0.5), "half is never forgotten"
    line = np.linspace(0.0, 0.8, 5)
    assert curve(line, line, ideal).area() == pytest.approx(0.5), "each share forgotten costs as much of the siblings"
    bump = curve([0.0, 0.4, 0.2, 0.4, 0.8], ideal, [0.5, 0.5, 0.0, 1.0, 1.0])
    assert bump.area() == pytest.approx(0.5 * 0.5 + 0.5 * 1.0), "between .25 and .75 nothing more is surely forgotten"


def test_without_siblings_or_any_image_to_forget():
    whole = Curve.of(ALPHAS, [row("forget", [0.0, 0.1, 0.3, 0.5, 0.9]), row("others", [0.2, 0.4, 0.8, 0.8, 0.8])])
    assert set(whole.read(0.1).kept) == {"others", "least"} and whole.read(0.1).kept["least"] == pytest.approx(0.5)
    assert Curve.of(ALPHAS, [row("others", [0.8] * 5)]).area() == 0.0


def test_a_model_has_collapsed_whatever_its_h():
    names = np.eye(4, 8)
    images = np.repeat(names, 5, axis=0)
    takes, nearest, spread = collapse_of(images @ names.T)
    assert (takes, nearest) == (0.25, 1.0) and spread == pytest.approx(np.sqrt(0.25 * 0.75))
    alike = collapse_of(np.repeat(names[:1], 20, axis=0) @ names.T)
    assert alike == (1.0, 1.0, 0.0)
    figures = zip(alike, (0.25, -0.96, spread), (takes, nearest, spread), strict=True)
    stored = {name: list(along) for name, along in zip(("takes", "nearest", "spread"), figures, strict=True)}
    assert collapsed(0, 0.9, stored) == ["one class takes all", "all images look alike"]
    assert collapsed(1, 0.9, stored) == ["cosines near -1"]
    assert collapsed(2, 0.9, stored) == [] and collapsed(2, 0.49, stored) == ["siblings under half"]
    assert collapsed(2, None, None) == [] and collapsed(2, 0.2, None) == ["siblings under half"]
    assert collapsed(0, None, {**stored, "takes": [0.7, 0.0, 0.6]})[0] != "one class takes all", "it took most before"
