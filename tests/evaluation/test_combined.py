"""Queries of several texts."""

import numpy as np
import pytest

from clipforget.errors import BadQuery
from clipforget.evaluation.combined import combine, spoken, terms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a dog", [(1, "a dog")]),
        ("black-and-white dog", [(1, "black-and-white dog")]),
        ("a dog - a sketch", [(1, "a dog"), (-1, "a sketch")]),
        ('"a dog" \u2212 "a sketch"', [(1, "a dog"), (-1, "a sketch")]),
        ("a + b - c", [(1, "a"), (1, "b"), (-1, "c")]),
        ('"a dog - a sketch"', [(1, "a dog - a sketch")]),
        ('6" - 7 " x', [(1, '6" - 7 " x')]),
    ],
)
def test_a_sign_between_blanks_parts_texts_but_not_within_quotes(text, expected):
    assert terms(text) == expected
    assert bool(spoken(text)) == (len(expected) > 1)


def test_the_sum_has_unit_length_also_where_one_text_is_the_same_at_every_node():
    features = {"a": np.eye(2, 3, dtype=np.float32), "b": np.array([[0, 0, 1]], np.float32)}
    combined = combine("a - b", features.__getitem__)
    np.testing.assert_allclose(combined, np.array([[1, 0, -1], [0, 1, -1]]) / np.sqrt(2), atol=1e-6)
    for text, words in (("a - a", "cancel"), ('"" - a', "both sides")):
        with pytest.raises(BadQuery, match=words):
            combine(text, features.__getitem__)
