"""Evaluation sets from anywhere, with names of their own: what is read, what is left out, what is refused."""

import shutil

import pytest
from pictures import pack, picture, put, reasons

from clipforget.data.evaluation import EvaluationPath, read_paths, with_evaluation_sets
from clipforget.data.folder import load_folder
from clipforget.data.names import CIFAR, FOOD, IMAGENET, SINGLE
from clipforget.data.splits import roles_of
from clipforget.data.target import Target
from clipforget.errors import BadData, BadSetting, UnknownName


@pytest.fixture
def pantry(tmp_path):
    """A set of three dishes, four pictures each, in class folders alone."""
    root = tmp_path / "pantry"
    for dish in ("pie", "soup", "apple_tart"):
        for i in range(4):
            put(root, f"{dish}/{i}.jpg", picture("JPEG"))
    return root


def with_set(folder, *texts, most=500):
    return with_evaluation_sets(load_folder(folder), texts, most)


def test_a_set_brings_names_of_its_own_and_changes_none_of_the_data_set(folder, pantry, tmp_path):
    alone = load_folder(folder)
    dataset = with_set(folder, f"pantry={pantry}")
    entry = dataset.evaluation["pantry"]
    assert (entry.classes, entry.templates, entry.note) == (("apple tart", "pie", "soup"), SINGLE, "")
    assert dataset.evaluation_sets == ("pantry",) and len(dataset.of("pantry")) == 12
    assert dataset.superclasses == alone.superclasses == ("bird", "ship") and dataset.items[:52] == alone.items
    assert dataset.fingerprints == {"data": alone.fingerprint, "eval:pantry": entry.fingerprint}
    assert dataset.open(dataset.of("pantry")[0]).size == (12, 12)
    packed = with_set(folder, f"pantry={pack(pantry, tmp_path / 'pantry.tar')}")
    assert packed.evaluation["pantry"].fingerprint == entry.fingerprint
    put(pantry, "pie/0.jpg", picture("JPEG"))
    assert with_set(folder, f"pantry={pantry}").evaluation["pantry"].fingerprint != entry.fingerprint


@pytest.mark.parametrize(
    ("folders", "classes"),
    [
        (("train/pie", "test/soup", "test/tart", "val/roast"), ("soup", "tart")),
        (("train/pie", "val/soup", "val/tart"), ("soup", "tart")),
        (("train/soup", "train/tart"), ("soup", "tart")),
        (("some folder/train", "some folder/ship"), ("ship", "train")),
        (("test", "ship"), ("ship", "test")),
    ],
)
def test_the_test_images_are_taken_where_there_are_splits(folder, tmp_path, folders, classes):
    for name in folders:
        put(tmp_path, f"other/{name}/0.png")
    dataset = with_set(folder, f"other={tmp_path / 'other'}")
    assert dataset.evaluation["other"].classes == classes and len(dataset.of("other")) == 2


def test_the_field_has_captions_for_some_sets(folder, pantry):
    dataset = with_set(folder, f"Food-101={pantry}", f"CIFAR10={pantry}", f"imagenet={pantry}")
    templates = [entry.templates for entry in dataset.evaluation.values()]
    assert templates == [FOOD, CIFAR, IMAGENET] and [len(set(entry)) for entry in templates] == [1, 18, 80]
    open_clip = pytest.importorskip("open_clip")
    assert tuple(template("{}") for template in open_clip.OPENAI_IMAGENET_TEMPLATES) == IMAGENET


def test_captions_and_class_names_can_lie_beside_the_folders(folder, pantry):
    put(pantry, "templates.txt", b"# mine\na plate of {}.\n\na bowl of {}.\n")
    put(pantry, "classnames.txt", "apple_tart = Tarte Tatin\nn0123 = crêpe".encode())
    dataset = with_set(folder, f"Food-101={pantry}")
    entry = dataset.evaluation["Food-101"]
    assert entry.templates == ("a plate of {}.", "a bowl of {}.")
    assert entry.classes == ("Tarte Tatin", "crêpe", "pie", "soup"), "a name without a folder is one more to choose"
    assert {item.superclass for item in dataset.of("Food-101")} == {"Tarte Tatin", "pie", "soup"}


def test_only_so_many_images_are_read_but_every_class_stays_a_choice(folder, pantry, monkeypatch):
    read = []
    monkeypatch.setattr("clipforget.data.folder.check", lambda data: read.append(len(data)))
    dataset = load_folder(folder)
    read.clear()
    entry = with_evaluation_sets(dataset, [f"pantry={pantry}"], 2).evaluation["pantry"]
    assert len(read) == 2 and len(entry.classes) == 3 and entry.note == "2 of 12 images"


def test_copies_of_training_images_are_left_out_and_counted(folder, pantry):
    """A copy of a test image stays: ImageNet's validation images are the test images of LIVING-17 too."""
    shutil.copy(folder / "train/bird/owl/0.png", pantry / "pie/copy.png")
    shutil.copy(folder / "test/bird/owl/0.png", pantry / "pie/again.png")
    dataset = with_set(folder, f"pantry={pantry}")
    assert len(dataset.of("pantry")) == 13 and len(dataset.of("train")) == 32
    note = dataset.evaluation["pantry"].note
    assert note == "13 of 14 images; 1 left out because each is a copy of a training image of the data set"
    with pytest.raises(BadData, match="'twin' has no image to use: each is a copy of a training image of the data set"):
        with_set(folder, f"twin={folder / 'train'}")


def test_a_further_folder_of_the_data_set_with_other_classes_is_such_a_set(folder):
    for key in ("art/bird/owl/0.png", "art/ship/tug/0.png"):
        put(folder, key)
    before = load_folder(folder)
    for i in range(3):
        put(folder, f"pantry/pie/{i}.png")
        put(folder, f"pantry/bird/{i}.png")
    put(folder, "pantry/templates.txt", b"a plate of {}.")
    shutil.copy(folder / "train/bird/owl/0.png", folder / "pantry/pie/copy.png")
    shutil.copy(folder / "test/bird/owl/0.png", folder / "pantry/pie/tested.png")
    put(folder, "backup/notes/0.png")
    dataset = load_folder(folder)
    assert dataset.evaluation_sets == ("art", "pantry") and list(dataset.evaluation) == ["pantry"]
    entry = dataset.evaluation["pantry"]
    assert (entry.classes, entry.templates) == (("bird", "pie"), ("a plate of {}.",))
    assert dataset.items[: len(before.items)] == before.items and dataset.fingerprint == before.fingerprint
    found = reasons(dataset)
    assert found["pantry/pie/copy.png"] == "is a copy of train/bird/owl/0.png" and "1 file left out" in entry.note
    assert "has the single class 'notes'" in found["backup/notes/0.png"] and len(found) == 2


def test_the_target_of_another_domain_is_known_by_name_or_named(folder, tmp_path):
    for name in ("Owl", "barn owl", "tug"):
        for i in range(2):
            put(tmp_path, f"zoo/{name}/{i}.png")
    dataset = with_set(folder, f"zoo={tmp_path}/zoo")
    assert roles_of(dataset, [Target("bird", "owl")])[52:] == ["forget"] * 2 + ["others"] * 4
    told = with_set(folder, f"zoo={tmp_path}/zoo:barn owl, tug")
    assert roles_of(told, [Target("bird", "owl")])[52:] == ["others"] * 2 + ["forget"] * 4
    with pytest.raises(UnknownName, match=r"no class of the evaluation set zoo 'tugs'\. Did you mean 'tug'"):
        with_set(folder, f"zoo={tmp_path}/zoo:tugs")


def test_names_of_an_evaluation_set_are_no_targets_and_no_siblings(folder, pantry):
    put(pantry, "bird/hen/0.png")
    dataset = with_set(folder, f"pantry={pantry}")
    assert dataset.subgroups("bird") == ("owl", "parrot")
    assert set(roles_of(dataset, [Target("bird", "owl")])[52:]) == {"others"}


BAD = {
    "pantry": "'pantry' is no evaluation set; write NAME=PATH",
    "=pantry": "is no evaluation set; write NAME=PATH",
    "pantry=": "is no evaluation set; write NAME=PATH",
    "a/b=pantry": "cannot be called 'a/b'; leave out /",
    "test=pantry": "cannot be called 'test', as a split is",
    "Val=pantry": "cannot be called 'Val', as a split is",
    "calibrate=pantry": "cannot be called 'calibrate', as a split is",
}


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_evaluation_set_is_refused_with_a_sentence(text):
    with pytest.raises(BadSetting, match=BAD[text]):
        EvaluationPath.read(text)


def test_a_name_stands_once(folder, pantry):
    with pytest.raises(BadSetting, match="Two evaluation sets are called 'a b'"):
        read_paths(["a b=x", "a_b=y"])
    put(folder, "art/bird/owl/0.png")
    with pytest.raises(BadSetting, match="has an evaluation set 'art' already"):
        with_set(folder, f"art={pantry}")


def test_a_path_that_cannot_be_used_is_told_in_one_sentence(folder, pantry, tmp_path):
    (tmp_path / "empty").mkdir()
    put(tmp_path, "flat/0.png")
    put(tmp_path, "text/a/0.txt", b"hello")
    put(tmp_path, "one/a/x/0.png")
    put(tmp_path, "one/a/x/1.png")
    for name in ("a", "b"):
        put(tmp_path, f"broken/{name}/0.png", b"hello")
    put(tmp_path, "packed.tar", b"\x1f\x8b and so on")
    for name, words in {
        "nowhere": r"The evaluation set 'x': There is nothing at '.*nowhere'; give a folder, a .zip or a .tar of",
        "y=nowhere": "A name holds no '='",
        "empty": "has no images in class folders",
        "flat": "has no images in class folders",
        "text": "has no images in class folders",
        "broken": "has no image to use: each cannot be read as an image",
        "packed.tar": "is damaged or cut off",
    }.items():
        with pytest.raises(BadData, match=words):
            with_set(folder, f"x={tmp_path}/{name}" if "=" not in name else f"x={name}")


def test_one_class_is_too_few_unless_others_are_named(folder, tmp_path):
    put(tmp_path, "one/test/owl/0.png")
    with pytest.raises(BadData, match="'x' has the single class 'owl'; give it a folder for each class"):
        with_set(folder, f"x={tmp_path}/one")
    put(tmp_path, "one/classnames.txt", b"hen = hen")
    assert with_set(folder, f"x={tmp_path}/one").evaluation["x"].classes == ("hen", "owl")


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("templates.txt", b"a photo of a {}.\na photo", r"Line 2 of templates.txt .* is 'a photo'; write {} where"),
        ("templates.txt", b"\n# nothing", "templates.txt of the evaluation set 'x' is empty"),
        ("classnames.txt", b"pie", r"Line 1 of classnames.txt .* write each line as `folder = name`"),
        ("classnames.txt", b"pie =", r"Line 1 of classnames.txt"),
    ],
)
def test_files_of_names_that_cannot_be_used_are_told_by_their_line(folder, pantry, file, text, words):
    put(pantry, file, text)
    with pytest.raises(BadData, match=words):
        with_set(folder, f"x={pantry}")
    shutil.copytree(pantry, folder / "x")
    with pytest.raises(BadData, match=words):
        load_folder(folder)
