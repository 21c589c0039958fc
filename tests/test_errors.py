"""Every error a user can fix is one line that says how."""

import pytest

from clipforget import errors


def test_unknown_name_proposes_the_nearest():
    error = errors.UnknownName("method", "gradient_asent", ["gradient_ascent", "relabel"])
    assert str(error) == (
        "There is no method 'gradient_asent'. Did you mean 'gradient_ascent'? Known: gradient_ascent, relabel."
    )


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("x", [], "There is no thing 'x'. Known: none."),
        ("OWL", ["owl"], "There is no thing 'OWL'. Did you mean 'owl'? Known: owl."),
        ("x", [f"n{i:02d}" for i in range(30)], ", n15, ... (30 in all)."),
        ("y" * 500, ["a"], "y..."),
    ],
)
def test_unknown_name_stays_short(name, known, expected):
    text = str(errors.UnknownName("thing", name, known))
    assert expected in text and len(text) < 300 and "\n" not in text


def test_there_is_one_tree():
    leaves = [e for e in vars(errors).values() if isinstance(e, type) and issubclass(e, Exception)]
    assert len(leaves) >= 8 and all(issubclass(leaf, errors.ClipforgetError) for leaf in leaves)
