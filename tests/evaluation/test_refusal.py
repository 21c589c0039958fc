"""Which texts name a refused word, and what refusing does to a classification."""

import numpy as np
import pytest

from clipforget.evaluation.refusal import Refusal, refusal_message


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("biplane", "a photo of a biplane.", True),
        ("biplane", "Two BIPLANES over a field", True),
        ("biplane", "a plane", False),
        ("plane", "a biplane", False),
        ("plane", "planet earth", False),
        ("bus", "buses", True),
        ("butterfly", "butterflies", True),
        ("butterfly", "butterflys", True),
        ("butterfly", "butterfl", False),
        ("fighter jet", "some fighter-jets", True),
        ("fighter_jet", "a fighter  jet", True),
        ("fighter jet", "a jet fighter", False),
        ("a+b (c)", "see a+b (c)!", True),
        ("a+b (c)", "aab c", False),
        ("flügel", "zwei FLÜGELS", True),
    ],
)
def test_a_name_is_found_as_whole_words_in_any_case_and_in_the_plural(name, text, named):
    assert Refusal(("unrelated", name)).word(text) == (name if named else None)


def test_a_refused_name_cannot_win_below_alpha_1():
    names, labels = ["airplane", "bird", "car"], np.array([0, 0, 1, 2, -1])
    cosines = np.array([[0.9, 0.1, 0.2], [0.1, 0.2, 0.9], [0.8, 0.5, 0.1], [0.7, -0.9, -0.8], [0.9, 0.1, 0.2]])
    refusal = Refusal(("airplane",))
    # At alpha 1 the third and the fourth image are taken for airplanes; refused, the next best name has them.
    assert refusal.correct(cosines, labels, names, 1.0).tolist() == [True, False, False, False, False]
    assert refusal.correct(cosines, labels, names, 0.99).tolist() == [False, False, True, True, False]
    assert Refusal().correct(cosines, labels, names, 0.0).tolist() == [True, False, False, False, False]
    assert cosines[0, 0] == 0.9, "the cosines were changed in place"


def test_where_every_name_is_refused_none_is_right():
    cosines, labels = np.eye(2), np.array([0, 1])
    assert not Refusal(("cat", "dog")).correct(cosines, labels, ["cat", "dog"], 0.5).any()


def test_a_name_that_holds_the_refused_word_is_refused_too():
    assert Refusal(("airplane",)).mask(["airplane", "model airplane", "plane"]).tolist() == [True, True, False]
    assert refusal_message("biplane") == "Refused: this prompt names biplane."
