"""Chosen images become a subgroup, wherever their files lie now; what cannot be is refused in a sentence."""

import json
import shutil
from dataclasses import replace

import pytest
from pictures import put

from clipforget.data.folder import load_folder
from clipforget.data.selection import apply_selections, check_name, make_selection, missing_note, read_selection
from clipforget.data.splits import read_targets, roles_of
from clipforget.errors import BadData, BadSetting

NAME, CAPTION = "night owls", "animal"


def of(dataset, superclass, subgroup="*"):
    return [
        i for i, item in enumerate(dataset.items) if item.superclass == superclass and subgroup in ("*", item.subgroup)
    ]


@pytest.fixture
def dataset(folder):
    return load_folder(folder)


@pytest.fixture
def selection(dataset):
    return make_selection(dataset, "set", NAME, CAPTION, of(dataset, "bird", "owl"), of(dataset, "bird", "parrot"))


def labels(dataset):
    return {(item.superclass, item.subgroup) for item in dataset.items}


def test_a_selection_becomes_a_target_like_any_other(dataset, selection, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps(selection.as_dict()))
    assert read_selection(tmp_path / "s.json") == selection
    applied = apply_selections(dataset, [selection])
    assert labels(applied) == {
        ("animal", "night owls"),
        ("animal", "other animal"),
        ("ship", "sailboat"),
        ("ship", "submarine"),
    }
    assert [i.key for i in applied.items] == [
        i.key for i in dataset.items
    ] and applied.fingerprint != dataset.fingerprint
    roles = dict(zip(applied.items, roles_of(applied, read_targets(applied, [selection.target])[0]), strict=True))
    assert {item.superclass for item, role in roles.items() if role == "others"} == {"ship"}
    assert {item.subgroup for item, role in roles.items() if role == "siblings"} == {"other animal"}
    assert apply_selections(dataset, []) is dataset
    again = apply_selections(dataset, [replace(selection, created="", data="elsewhere", how={"text": "owl"})])
    assert again.fingerprint == applied.fingerprint, "what was done counts, not how it was found"


def test_siblings_that_are_of_the_class_already_keep_their_subgroups(dataset):
    own = make_selection(dataset, "set", "few", "bird", of(dataset, "bird", "owl")[:5], of(dataset, "bird"))
    assert labels(apply_selections(dataset, [own])) >= {("bird", "few"), ("bird", "owl"), ("bird", "parrot")}


def test_images_are_found_by_their_bytes_and_missing_ones_are_counted(folder, selection):
    owls = sorted((folder / "train/bird/owl").iterdir())
    for file in owls[:4]:
        file.rename(folder / "train/ship/sailboat" / f"moved-{file.name}")
    owls[5].unlink()
    put(folder, "train/bird/owl/4.png")  # another picture under the name of a chosen one
    moved = load_folder(folder)
    applied = apply_selections(moved, [selection])
    chosen = [item for item in applied.items if item.subgroup == NAME]
    assert len(chosen) == len(selection.images) - 2 and sum("moved" in item.key for item in chosen) == 4
    assert missing_note(applied).startswith("2 chosen images are not in set any more") and not missing_note(moved)


def test_the_first_of_two_selections_keeps_a_shared_image(dataset, selection):
    owls = of(dataset, "bird", "owl")
    other = make_selection(dataset, "set", "sleepers", "beast", [*owls[:2], *of(dataset, "ship", "submarine")], owls)
    applied = apply_selections(dataset, [selection, other])
    assert {applied.items[i].subgroup for i in owls} == {NAME}
    assert {applied.items[i].subgroup for i in of(dataset, "ship", "submarine")} == {"sleepers"}


def test_what_cannot_be_applied_is_one_sentence(dataset, selection, tmp_path, folder):
    with pytest.raises(BadData, match="Two selections are called 'animal/night owls'"):
        apply_selections(dataset, [selection, selection])
    with pytest.raises(BadData, match="has a subgroup 'ship/sailboat' already"):
        apply_selections(dataset, [replace(selection, caption="ship", name="sailboat")])
    for name in ("bird", "ship"):
        shutil.rmtree(folder / "train" / name / {"bird": "owl", "ship": "sailboat"}[name])
        shutil.rmtree(folder / "test" / name / {"bird": "owl", "ship": "sailboat"}[name])
    with pytest.raises(BadData, match="None of the 13 images of the selection 'night owls' is in set"):
        apply_selections(load_folder(folder), [selection])


def test_bad_selections_are_refused(dataset, tmp_path):
    everything = range(len(dataset.items))
    for images, words in (((), "holds no image"), (everything, "holds every image"), ([999], "does not have")):
        with pytest.raises(BadData, match=words):
            make_selection(dataset, "set", NAME, CAPTION, images)
    for name, words in (("", "empty"), ("a/b", "a /"), (".x", "dot"), ("a*", "any name"), ("x" * 81, "longer")):
        with pytest.raises(BadSetting, match=words):
            check_name(name)
    assert check_name("  red_cars ") == "red cars"
    for content in ("", "[]", '{"name": "x"}', '{"name": 1}'):
        (tmp_path / "bad.json").write_text(content)
        with pytest.raises(BadData, match="is no selection"):
            read_selection(tmp_path / "bad.json")
    with pytest.raises(BadData, match="There is no selection"):
        read_selection(tmp_path / "none.json")
