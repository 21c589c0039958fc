"""The grammar of targets: what a text means, and how people read it."""

import pytest

from clipforget.data.dataset import Item
from clipforget.data.target import Target, label
from clipforget.errors import BadQuery

CASES = [
    ("airplane", ("airplane",), "airplane"),
    ("airplane/*", ("airplane",), "airplane"),
    ("airplane/biplane", ("airplane", "biplane"), "airplane/biplane"),
    (" airplane / biplane/ink ", ("airplane", "biplane", "ink"), "airplane/biplane/ink"),
    ("airplane/*/ink", ("airplane", "ink"), "airplane/*/ink"),
    ("*/*/ink", ("ink",), "*/*/ink"),
    ("air_plane/bi__plane/ink", ("air plane", "bi plane", "ink"), "air plane/bi plane/ink"),
    ("cafe\u0301/bread + butter", ("caf\u00e9", "bread+butter"), "caf\u00e9/bread+butter"),
]


@pytest.mark.parametrize(("text", "levels", "plain"), CASES)
def test_reading(text, levels, plain):
    target = Target.read(text)
    assert target.levels == levels and str(target) == plain and Target.read(plain) == target
    assert target.label == " / ".join(levels) and target.short == levels[-1]


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "*", "*/*", "*/*/*", "*/biplane", "*/biplane/ink"])
def test_what_is_no_target(text):
    with pytest.raises(BadQuery, match="is no target"):
        Target.read(text)


def test_matching():
    item = Item("k", "test", "airplane", "biplane", "ink")
    fits = [text for text, _, _ in CASES if Target.read(text).matches(item)]
    assert fits == [
        "airplane",
        "airplane/*",
        "airplane/biplane",
        " airplane / biplane/ink ",
        "airplane/*/ink",
        "*/*/ink",
    ]
    assert not Target.read("airplane/*/oil").matches(item) and not Target.read("ship/*/ink").matches(item)


def test_absent_levels_are_left_out():
    assert label("ship", "", "ink") == "ship / ink" and label() == ""
