"""Which images a run uses: roles, disjoint sets, the bounded gallery, and what is refused."""

import pytest

from clipforget.data.dataset import Dataset, Item
from clipforget.data.target import Target
from clipforget.errors import BadData, BadQuery, UnknownName
from clipforget.evaluation.evalset import suggestions
from clipforget.runs.config import RunConfig


def dataset(
    train=20, validation=6, test=10, shifted_sets=("rain",), superclasses=("air", "sea", "land"), subgroups=("a", "b")
):
    """train, validation and test images of each subgroup in two styles; no pixels."""
    counts = {"train": train, "validation": validation, "test": test, **dict.fromkeys(shifted_sets, 3)}
    items = [
        Item(f"{split}/{superclass}/{subgroup}/{style}/{i}.png", split, superclass, subgroup, style)
        for split, count in counts.items()
        for superclass in superclasses
        for subgroup in subgroups
        for style in ("ink", "oil")
        for i in range(count)
    ]
    return Dataset("small", tuple(items), None, "f" * 16)


def shown(data, indices):
    return {(data.items[i].superclass, data.items[i].subgroup, data.items[i].style) for i in indices}


def test_a_subgroup_is_forgotten_and_its_siblings_are_retained():
    data = dataset()
    found = RunConfig(forget=("air/a",)).splits(data)
    assert shown(data, found.train["forget"]) == {("air", "a", "ink"), ("air", "a", "oil")}
    assert shown(data, found.train["retain"]) == {("air", "b", "ink"), ("air", "b", "oil")}
    assert {name for name, _, _ in shown(data, found.train["others"])} == {"sea", "land"}
    for groups in (found.train, found.steer):
        assert {data.items[i].split for indices in groups.values() for i in indices} == {"train"}
    assert list(dict.fromkeys(found.parts)) == ["calibrate", "test", "rain"]
    for part, split in (("calibrate", "validation"), ("test", "test"), ("rain", "rain")):
        assert {data.items[found.evaluated[p]].split for p in found.positions(part)} == {split}


def test_a_style_of_a_superclass_has_the_other_styles_as_siblings():
    data = dataset()
    found = RunConfig(forget=("air/*/ink",)).splits(data)
    assert shown(data, found.train["forget"]) == {("air", "a", "ink"), ("air", "b", "ink")}
    assert shown(data, found.train["retain"]) == {("air", "a", "oil"), ("air", "b", "oil")}


def test_a_whole_class_has_no_siblings_and_retains_the_others():
    data = dataset()
    found = RunConfig(forget=("air",)).splits(data)
    assert {name for name, _, _ in shown(data, found.train["retain"])} == {"sea", "land"}
    assert "siblings" not in found.roles
    assert shown(data, found.steer["retain"]) == shown(data, found.train["retain"])


def test_several_targets_of_several_superclasses():
    data = dataset()
    found = RunConfig(forget=("air/a", "sea/b/oil")).splits(data)
    assert shown(data, found.train["forget"]) == {("air", "a", "ink"), ("air", "a", "oil"), ("sea", "b", "oil")}
    assert {name for name, _, _ in shown(data, found.train["others"])} == {"land"}


def test_a_named_retain_list_is_trained_on_and_steers():
    data = dataset()
    found = RunConfig(forget=("air/a",), retain=("land/b",)).splits(data)
    assert shown(data, found.train["retain"]) == {("land", "b", "ink"), ("land", "b", "oil")}
    assert shown(data, found.steer["retain"]) == shown(data, found.train["retain"])


@pytest.mark.parametrize("size", [4, 8, 30, 60, 90, 1000])
def test_the_gallery_is_bounded_and_keeps_target_and_siblings_first(size):
    data = dataset()
    found = RunConfig(forget=("air/a",), gallery=size).splits(data)
    counts = {role: len(found.positions("test", role)) for role in ("forget", "siblings", "others")}
    assert sum(counts.values()) == min(size, 120)
    if size >= 60:
        assert counts["forget"] == 20 and counts["siblings"] == 20


def test_the_choice_is_the_same_every_time_and_even_over_groups():
    data = dataset(test=40)
    first, second = (RunConfig(forget=("air/a",), gallery=200, seed=seed).splits(data) for seed in (0, 7))
    assert first == second
    others = [data.items[first.evaluated[p]] for p in first.positions("test", "others")]
    sizes = [sum((i.superclass, i.subgroup, i.style) == group for i in others) for group in shown(data, range(480))]
    assert max(sizes) - min(size for size in sizes if size) <= 1


@pytest.mark.parametrize("train", [2, 3, 4, 7, 20])
@pytest.mark.parametrize("forget", ["air/a", "air/a/ink", "*/*/ink", "air"])
def test_no_image_is_trained_on_and_steers_or_is_judged_by(train, forget):
    if (train, forget) in {(2, "air/a/ink"), (3, "air/a/ink")}:
        train = 4  # fewer are refused
    data = dataset(train=train)
    found = RunConfig(forget=(forget,)).splits(data)
    trained, steers = ({i for indices in groups.values() for i in indices} for groups in (found.train, found.steer))
    assert len(set(found.evaluated)) == len(found.evaluated)
    assert not trained & steers and not (trained | steers) & set(found.evaluated)
    assert all(found.train[name] and found.steer[name] for name in ("forget", "retain", "others"))
    assert trained | steers == {i for i, item in enumerate(data.items) if item.split == "train"}


def test_images_that_repeat_others_are_taken_off_but_for_the_last_few():
    data = dataset()
    found = RunConfig(forget=("air/a",)).splits(data)
    assert [found.ranks()[i] for i in (0, found.parts.index("test"))] == [1, 0] and set(found.ranks()) == {0, 1, 2, 3}
    target, steer = found.train["forget"][:5], found.steer["retain"][0]
    calibrate, test = found.evaluated[0], found.evaluated[found.positions("test")[0]]
    left = found.without([*target, steer, calibrate, test])
    assert left.train["forget"] == found.train["forget"][5:] and left.steer["retain"] == found.steer["retain"][1:]
    assert calibrate not in left.evaluated and test in left.evaluated, "what judges stays"
    assert len(left.evaluated) == len(left.parts) == len(left.roles) == len(found.evaluated) - 1
    assert set(left.images) == set(found.images) - {*target, steer, calibrate}
    all_but_two = found.without(found.train["forget"][2:])
    assert all_but_two.train == found.train, "a set that would lose too many keeps all"


def test_a_fifth_of_each_subgroup_and_style_steers_whatever_is_forgotten():
    data = dataset(train=20)
    first, second = (RunConfig(forget=(forget,)).splits(data) for forget in ("air/a", "sea/*/oil"))
    steers = [{i for indices in found.steer.values() for i in indices} for found in (first, second)]
    assert steers[0] == steers[1] and len(steers[0]) == 12 * 4
    assert len(first.steer["forget"]) == 8 and len(first.steer["retain"]) == 8 and len(first.steer["others"]) == 32


def test_a_subgroup_that_had_just_enough_training_images_still_has():
    found = RunConfig(forget=("air/a/ink",)).splits(dataset(train=4))
    assert len(found.train["forget"]) == 3 and len(found.steer["forget"]) == 1


@pytest.mark.parametrize(
    ("config", "error", "words"),
    [
        ({"forget": ()}, BadQuery, "Nothing to forget"),
        ({"forget": ("air/a",), "retain": ("air",)}, BadQuery, "both"),
        ({"forget": ("air", "sea", "land")}, BadQuery, "whole data set"),
        ({"forget": ("aer/a",)}, UnknownName, "Did you mean 'air'"),
        ({"forget": ("air/c",)}, UnknownName, "no subgroup"),
        ({"forget": ("air/a",), "retain": ("see",)}, UnknownName, "Did you mean 'sea'"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(config, error, words):
    with pytest.raises(error, match=words):
        RunConfig(**config).splits(dataset())


@pytest.mark.parametrize("sizes", [{"train": 1}, {"validation": 0}, {"test": 0}, {"validation": 1, "test": 1}])
def test_fewer_than_eight_images_are_refused(sizes):
    small = {"train": 2, "validation": 3, "test": 3} | sizes
    with pytest.raises(BadData, match=r"'air/a/ink' has \d images: \d train, \d validation, \d test. At least 8 are"):
        RunConfig(forget=("air/a/ink",)).splits(dataset(**small))


def test_eight_images_do():
    found = RunConfig(forget=("air/a/ink",)).splits(dataset(train=4, validation=2, test=2))
    sizes = [len(found.positions(part, "forget")) for part in ("calibrate", "test")]
    assert [len(found.train["forget"]), len(found.steer["forget"]), *sizes] == [3, 1, 2, 2]


def test_too_few_images_to_retain_are_refused():
    data = dataset(subgroups=("a",), superclasses=("air", "sea"))
    few = Dataset("few", tuple(i for i in data.items if i.superclass == "air" or i.key.endswith("/0.png")), None, "f")
    with pytest.raises(BadData, match="Only 1 train and 1 validation images are to be retained beside 'air'"):
        RunConfig(forget=("air",), retain=("sea/a/ink",)).splits(few)


def test_a_whole_style_suggests_no_star():
    found = suggestions(dataset(), [Target("*", "*", "ink")])
    assert found[0] == "ink" and "*" not in found
