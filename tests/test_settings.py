"""Settings read text and typed values alike, and say what is wrong with a value in one sentence."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from clipforget.errors import BadSetting, UnknownName
from clipforget.settings import as_dict, option, options, parse, with_current_names


@dataclass(frozen=True)
class Sample:
    rank: int = option(8, "Rank", low=1, high=64)
    rate: float = option(1e-3, "Rate", low=0.0, high=1.0, advanced=True)
    free: float = option(0.0, "No bounds")
    quick: bool = option(False, "Quick")
    kind: str = option("soft", "Kind", choices=("soft", "hard"))
    note: str = option("", "Anything")


def test_options_tell_a_form_all_it_needs():
    found = {opt.name: opt for opt in options(Sample)}
    assert list(found) == ["rank", "rate", "free", "quick", "kind", "note"]
    assert found["rank"].kind is int and (found["rank"].low, found["rank"].high) == (1, 64)
    assert found["rate"].advanced and not found["rank"].advanced
    assert found["kind"].choices == ("soft", "hard") and found["kind"].help == "Kind"


def test_the_defaults_read_back_from_text():
    texts = {name: str(value) for name, value in as_dict(Sample()).items()}
    assert parse(Sample, texts) == parse(Sample, {}) == Sample()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rank": "16"}, {"rank": 16}),
        ({"rank": 16.0}, {"rank": 16}),
        ({"rank": " 1e1 "}, {"rank": 10}),
        ({"rate": "1"}, {"rate": 1.0}),
        ({"quick": "Yes"}, {"quick": True}),
        ({"quick": 0}, {"quick": False}),
        ({"kind": "hard", "note": 5}, {"kind": "hard", "note": "5"}),
    ],
)
def test_values_are_read(values, expected):
    read = as_dict(parse(Sample, values))
    for name, value in expected.items():
        assert read[name] == value and type(read[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("rank", 0, "must be a whole number from 1 to 64; it is 0."),
        ("rank", "65", "must be a whole number from 1 to 64; it is '65'."),
        ("rank", 1.5, "must be a whole number from 1 to 64; it is 1.5."),
        ("rank", "many", "must be a whole number from 1 to 64; it is 'many'."),
        ("rank", None, "must be a whole number"),
        pytest.param("rank", 10**400, "must be a whole number", id="rank-huge"),
        ("rank", "nan", "must be a whole number"),
        ("rank", "inf", "must be a whole number"),
        ("rate", "nan", "must be a number from 0.0 to 1.0; it is 'nan'."),
        ("rate", 2, "must be a number from 0.0 to 1.0; it is 2."),
        ("free", "inf", "must be a number; it is 'inf'."),
        ("note", "a\0b", "must be a text"),
        ("quick", "perhaps", "must be true or false"),
        ("kind", "medium", "must be one of soft, hard; it is 'medium'"),
    ],
)
def test_bad_values_are_one_sentence(name, value, reason):
    with pytest.raises(BadSetting) as caught:
        parse(Sample, {name: value})
    assert str(caught.value).startswith(name) and reason in str(caught.value) and "\n" not in str(caught.value)


def test_unknown_settings_propose_the_nearest():
    with pytest.raises(UnknownName, match=r"There is no setting 'rnk'\. Did you mean 'rank'"):
        parse(Sample, {"rnk": 1})


def test_former_names_give_the_current_ones_and_a_name_in_use_stays():
    @dataclass(frozen=True)
    class Renamed:
        reach: float = option(1.0, "Reach")
        largest: float = option(2.0, "Largest", former=("reach", "most"))

    assert with_current_names(Renamed, {"reach": 3, "most": 4, "other": 5}) == {"reach": 3, "largest": 4, "other": 5}
    assert parse(Renamed, {"most": "4"}) == Renamed(largest=4.0)


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        Sample().rank = 3  # type: ignore[misc]
