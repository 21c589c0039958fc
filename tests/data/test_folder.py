"""Folders of every shape become a Dataset with its leftovers listed, or one clear sentence."""

import hashlib
import io
import shutil
import time
import unicodedata

import numpy as np
import pytest
from pictures import CLASSES, pack, picture, put, reasons
from PIL import Image

from clipforget.benchmark.plan import read_target
from clipforget.data.folder import LARGE, load_folder
from clipforget.data.images import check
from clipforget.data.layout import read_levels
from clipforget.data.names import coded_note, in_words
from clipforget.data.others import with_others
from clipforget.data.splits import select
from clipforget.data.target import Target
from clipforget.errors import BadData, BadQuery, BadSetting, UnknownName


def test_three_levels_and_the_split_off_validation(folder):
    dataset = load_folder(folder)
    assert dataset.name == "set"
    assert dataset.superclasses == ("bird", "ship")
    assert dataset.subgroups("bird") == ("owl", "parrot")
    assert dataset.styles() == () and dataset.evaluation_sets == () and dataset.skipped == ()
    assert [len(dataset.of(split)) for split in ("train", "validation", "test")] == [32, 8, 12]
    for superclass, subgroups in CLASSES.items():
        for subgroup in subgroups:
            assert sum((i.superclass, i.subgroup) == (superclass, subgroup) for i in dataset.of("validation")) == 2
    assert dataset.open(dataset.items[0]).size == (12, 12)


def test_split_and_fingerprint_are_the_same_every_time_and_for_folder_and_tar(folder, tmp_path):
    first, again = load_folder(folder), load_folder(folder)
    plain = load_folder(pack(folder, tmp_path / "a.tar"))
    wrapped = load_folder(pack(folder, tmp_path / "b.tar", "some name"))
    assert first.items == again.items == plain.items
    assert first.fingerprint == again.fingerprint == plain.fingerprint == wrapped.fingerprint
    assert len(first.fingerprint) == 16
    assert [i.split for i in first.items] == [i.split for i in wrapped.items]


def test_the_fingerprint_sees_content_and_names(folder):
    before = load_folder(folder).fingerprint
    file = folder / "test/bird/owl/0.png"
    data = file.read_bytes()
    file.write_bytes(picture())
    changed = load_folder(folder).fingerprint
    file.write_bytes(data)
    file.rename(file.with_name("x.png"))
    assert len({before, changed, load_folder(folder).fingerprint}) == 3


def test_style_level_suites_and_own_validation(folder):
    put(folder, "train/bird/owl/pencil_sketch/1.jpg", picture("JPEG"))
    put(folder, "val/bird/owl/0.png")
    put(folder, "cluttered_scenes/bird/owl/0.png")
    put(folder, "other/ship/submarine/0.png")
    dataset = load_folder(folder)
    assert dataset.styles() == ("pencil sketch",)
    assert dataset.evaluation_sets == ("cluttered scenes", "other")
    assert len(dataset.of("validation")) == 1 and len(dataset.of("train")) == 41


def test_two_levels(tmp_path):
    for split, count in (("train", 4), ("test", 1)):
        for name in ("cat", "dog"):
            for i in range(count):
                put(tmp_path, f"{split}/{name}/{i}.jpg", picture("JPEG"))
    dataset = load_folder(tmp_path)
    assert dataset.superclasses == ("cat", "dog") and dataset.subgroups("cat") == ()
    assert [len(dataset.of(split)) for split in ("train", "validation", "test")] == [6, 2, 2]


def test_leftovers_are_listed_with_their_reason(folder):
    bad = {
        "train/bird/owl/empty.jpg": (b"", "is empty"),
        "train/bird/owl/broken.jpg": (picture("JPEG")[:60], "cannot be read as an image"),
        "train/bird/owl/text.png": (b"hello", "cannot be read as an image"),
        "train/bird/owl/notes.txt": (b"hello", "is no image file"),
        "train/stray.png": (None, "lies in no class folder"),
        "train/a/b/c/d/e.png": (None, "lies deeper than superclass/subgroup/style"),
        "stray.png": (None, "lies beside the folders of the data set"),
        "train/bird/_/1.png": (None, "no usable label"),
        "_/bird/owl/1.png": (None, "no usable label"),
        "train/bird/*/1.png": (None, "no usable label"),
    }
    for key, (data, _) in bad.items():
        put(folder, key, data)
    put(folder, "train/bird/owl/.hidden.png")
    put(folder, ".git/train/owl/1.png")
    dataset = load_folder(folder)
    found = reasons(dataset)
    assert set(found) == set(bad)
    assert all(expected in found[key] for key, (_, expected) in bad.items())
    assert len(dataset.items) == 52


def test_a_jpeg_damaged_inside_is_listed_and_the_rest_read(folder):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=95, progressive=True)
    whole = buffer.getvalue()
    assert len(whole) > LARGE  # such a file is checked in a thread
    half = len(whole) // 2
    put(folder, "train/bird/owl/broken.jpg", whole[:half] + b"\xff\xc4\x00\x05\xff" * 6 + whole[half:])
    put(folder, "train/bird/owl/whole.jpg", whole)
    dataset = load_folder(folder)
    assert reasons(dataset) == {"train/bird/owl/broken.jpg": "cannot be read as an image (damaged or cut off)"}
    assert len(dataset.items) == 53 and len(load_folder(folder, trusted=True).items) == 54


def big() -> bytes:
    noise = np.random.default_rng().integers(0, 255, (300, 300, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=95)
    assert len(buffer.getvalue()) > LARGE
    return buffer.getvalue()


def checked(monkeypatch, path) -> int:
    """How many of the large files of a folder are decoded to read it."""
    seen: list[int] = []
    monkeypatch.setattr("clipforget.data.folder.check", lambda data: seen.append(len(data)) or check(data))
    load_folder(path)
    return sum(length >= LARGE for length in seen)


def test_large_files_are_decoded_once_by_their_content(folder, cache, monkeypatch):
    data = big()
    put(folder, "train/bird/owl/big.jpg", data)
    put(folder, "train/bird/owl/broken.jpg", data[:-20000])
    assert checked(monkeypatch, folder) == 2
    (folder / "train/bird/owl/big.jpg").rename(folder / "train/bird/owl/other.jpg")
    assert checked(monkeypatch, folder) == 1  # the broken one again
    (file,) = (cache / "clipforget").iterdir()
    assert file.read_bytes() == hashlib.sha256(data).digest()
    file.write_bytes(file.read_bytes()[:-5])
    assert checked(monkeypatch, folder) == 2 and file.read_bytes() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("where", ["file", "/proc/none"])
def test_without_a_cache_folder_everything_is_decoded_again(folder, tmp_path, monkeypatch, where):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / where))
    put(folder, "train/bird/owl/big.jpg", big())
    assert [checked(monkeypatch, folder), checked(monkeypatch, folder)] == [1, 1]


def test_an_interruption_does_not_wait_for_the_files_that_are_left(folder, monkeypatch):
    data = big()
    for i in range(200):
        put(folder, f"train/bird/owl/big{i}.jpg", data + bytes([i]))
    seen: list[int] = []

    def slow(data: bytes) -> None:
        if len(data) < LARGE:
            raise KeyboardInterrupt
        seen.append(len(data))
        time.sleep(0.02)

    monkeypatch.setattr("clipforget.data.folder.check", slow)
    with pytest.raises(KeyboardInterrupt):
        load_folder(folder)
    assert len(seen) < 100


def test_suffixes_that_pillow_reads_are_images(folder):
    for name, format in (("a.jfif", "JPEG"), ("b.JPE", "JPEG"), ("c.ppm", "PPM"), ("d", "JPEG"), ("e.heic", "JPEG")):
        put(folder, f"train/bird/owl/{name}", picture(format))
    dataset = load_folder(folder)
    assert set(reasons(dataset)) == {"train/bird/owl/d", "train/bird/owl/e.heic"} and len(dataset.items) == 55
    assert set(reasons(dataset).values()) == {"is no image file by its suffix; rename or convert it if it is one"}


def test_copies_are_kept_once_and_rather_in_test(folder):
    data = (folder / "test/bird/owl/0.png").read_bytes()
    put(folder, "train/bird/owl/copy.png", data)
    put(folder, "shifted/bird/owl/copy.png", data)
    dataset = load_folder(folder)
    copied = "is a copy of test/bird/owl/0.png"
    assert reasons(dataset) == {"train/bird/owl/copy.png": copied, "shifted/bird/owl/copy.png": copied}


def test_damage_that_the_check_cannot_see_is_one_sentence_at_opening(folder):
    file = folder / "train/bird/owl/0.png"
    dataset = load_folder(folder)
    item = next(i for i in dataset.items if i.key == "train/bird/owl/0.png")
    file.write_bytes(b"gone")
    with pytest.raises(BadData, match=r"train/bird/owl/0\.png cannot be read as an image .*; take it out"):
        dataset.open(item)
    file.unlink()
    with pytest.raises(BadData, match=r"owl/0\.png cannot be opened"):
        dataset.open(item)


@pytest.mark.parametrize("name", ["ünïcode 漢字", "${alert(1)}", "<img src=x onerror=alert(1)>", "n" * 250, "a\nb"])
def test_odd_names_stay_names(folder, name):
    for split in ("train", "test"):
        for i in range(3):
            put(folder, f"{split}/{name}/{name}/{i}.png")
    dataset = load_folder(folder)
    label = name.replace("\n", " ")
    assert label in dataset.superclasses and dataset.subgroups(label) == (label,)
    assert Target.parse(f"{label}/{label}", dataset).superclass == label


def test_accents_composed_and_decomposed_are_one_class(folder):
    for split, form in (("train", "NFC"), ("test", "NFD")):
        for i in range(4):
            put(folder, f"{split}/{unicodedata.normalize(form, 'café')}/{unicodedata.normalize(form, 'Zoë')}/{i}.png")
    dataset = load_folder(folder)
    assert dataset.skipped == () and dataset.superclasses == ("bird", "caf\u00e9", "ship")
    assert dataset.subgroups("caf\u00e9") == ("Zo\u00eb",)
    assert sum(target.matches(i) for target in [Target.parse("cafe\u0301", dataset)] for i in dataset.items) == 8


def test_targets_are_written_as_the_folders_are(folder):
    for split in ("train", "test"):
        for i in range(4):
            put(folder, f"{split}/sea_lion/bread + butter/{i}.png")
    dataset = load_folder(folder)
    target = Target.parse("sea_lion/bread + butter", dataset)
    assert target == Target.parse("sea lion/bread+butter", dataset)
    (again,) = read_target(str(target))  # " + " joins targets
    assert sum(Target.parse(again, dataset).matches(item) for item in dataset.items) == 8


@pytest.mark.parametrize(
    "name",
    ["@eaDir", "$RECYCLE.BIN", "lost+found", "#recycle", "__MACOSX", ".ipynb_checkpoints", "System Volume Information"],
)
def test_folders_of_the_system_are_neither_classes_nor_evaluation_sets(folder, tmp_path, name):
    before = load_folder(folder)
    put(folder, f"{name}/bird/owl/0.png")
    put(folder, f"train/{name}/owl/0.png")
    put(folder, f"train/bird/{name}/0.png/THUMB_M.png")
    put(folder, f"train/bird/owl/{name}/0.png")
    for dataset in (load_folder(folder), load_folder(pack(folder, tmp_path / "a.tar"))):
        assert (dataset.fingerprint, dataset.skipped) == (before.fingerprint, ())


def test_files_of_the_system_are_not_listed(folder):
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.png", "0.png:Zone.Identifier"):
        put(folder, f"train/bird/owl/{name}")
    assert load_folder(folder).skipped == ()


def test_empty_folder(tmp_path):
    with pytest.raises(BadData, match=r"no usable images; give a folder of pictures, or lay it out as train\|test/"):
        load_folder(tmp_path)


def sizes(dataset):
    return tuple(len(dataset.of(split)) for split in ("train", "validation", "test"))


LAYOUTS = {  # folders with ten pictures each: (train, validation, test), a superclass, what is said of the splits
    ("cat", "dog"): ((12, 4, 4), "cat", "60% train, 20% choose alpha and 20% test"),
    ("train/cat", "train/dog"): ((12, 4, 4), "cat", "60% train"),
    ("test/cat", "test/dog"): ((12, 4, 4), "cat", "60% train"),
    ("training/cat", "testing/cat"): ((8, 2, 10), "cat", "no validation images"),
    ("Train/cat", "Test/cat", "Dev/cat"): ((10, 10, 10), "cat", "folders say what is train"),
    ("train/cat", "valid/cat"): ((8, 2, 10), "cat", "validation images are the test"),
    ("train/cat", "eval/cat", "test/cat"): ((10, 10, 10), "cat", "folders say"),
    ("train/Cat", "test/cat"): ((8, 2, 10), "Cat", "no validation images"),
    ("train/train/cat", "test/test/cat"): ((8, 2, 10), "cat", "no validation images"),
    ("train/cat/images", "train/dog/images", "val/images"): ((12, 4, 4), "cat", "60% train"),
    ("train/cat", "train/dog", "test/images"): ((12, 4, 4), "cat", "(no class of the test folder is one of train: 'im"),
    ("train", "test"): ((8, 2, 10), "my pictures", "no validation images"),
    (".", ): ((6, 2, 2), "my pictures", "60% train"),
    ("poodles", ): ((6, 2, 2), "poodles", "60% train"),
    ("images", ): ((6, 2, 2), "my pictures", "60% train"),
}  # fmt: skip


@pytest.mark.parametrize("folders", LAYOUTS)
def test_folders_are_understood_as_people_lay_them_out(tmp_path, folders):
    for name in folders:
        for i in range(10):
            put(tmp_path / "my_pictures", f"{name}/{i}.png")
    dataset = load_folder(tmp_path / "my_pictures")
    expected, superclass, sentence = LAYOUTS[folders]
    assert sizes(dataset) == expected and dataset.superclasses[0] == superclass
    assert sentence in dataset.layout.split


def test_pictures_that_lie_flat_are_one_superclass_whatever_lies_beside_them(tmp_path):
    for i in range(8):
        put(tmp_path / "trip", f"{i}.jpg", picture("JPEG"))
    put(tmp_path / "trip", "thumbs/0.jpg", picture("JPEG"))
    dataset = load_folder(tmp_path / "trip")
    assert dataset.superclasses == ("trip",) and dataset.subgroups("trip") == () and sizes(dataset) == (4, 2, 2)
    assert dataset.layout.levels == () and reasons(dataset) == {"thumbs/0.jpg": "lies in a folder, most images in none"}
    assert load_folder(tmp_path / "trip").fingerprint == dataset.fingerprint


def test_levels_are_read_otherwise_where_somebody_says_so(tmp_path):
    for name in ("cat/photo", "cat/sketch", "dog/photo", "dog/sketch"):
        for i in range(8):
            put(tmp_path / "pets", f"{name}/{i}.png")
    plain = load_folder(tmp_path / "pets")
    assert plain.layout.levels == ("superclass", "subgroup") and plain.layout.options == ("superclass,style",)
    styled = load_folder(tmp_path / "pets", levels=read_levels("superclass, style"))
    assert styled.styles() == ("photo", "sketch") and styled.subgroups("cat") == ()
    assert styled.fingerprint != plain.fingerprint and styled.layout.options == ("superclass,subgroup",)
    shutil.copytree(tmp_path / "pets/cat", tmp_path / "other/cat")
    for i in range(8):
        put(tmp_path / "other", f"dog/poodle/{i}.png")
    assert load_folder(tmp_path / "other").layout.options == (), "no name is there in two classes"
    named = load_folder(tmp_path / "pets", levels=read_levels("subgroup,-"))
    assert named.superclasses == ("pets",) and named.subgroups("pets") == ("cat", "dog") and not named.styles()
    for text in ("superclass,superclass", "kind", "-"):
        with pytest.raises(BadSetting, match="Levels name the folders"):
            read_levels(text)


def test_names_that_differ_in_capitals_are_one_and_copies_are_told(tmp_path):
    counts = {"Cat": 8, "cat": 2, "cat_1": 3, "dog": 5, "Dog (2)": 5, "boeing": 3, "boeing 737": 3}
    for name, count in counts.items():
        for i in range(count):
            put(tmp_path, f"{name}/{i}.png")
    dataset = load_folder(tmp_path)
    assert dataset.superclasses == ("Cat", "Dog (2)", "boeing", "boeing 737", "cat 1", "dog")
    assert sorted(dataset.layout.notes) == [
        "'Dog (2)' may be a copy of 'dog'; if so, join the folders.",
        "'cat 1' may be a copy of 'Cat'; if so, join the folders.",
        "The folders 'Cat' and 'cat' are read as one superclass, 'Cat'.",
    ]


def test_an_empty_class_is_none_and_one_image_is_too_few(folder):
    (folder / "train/fish").mkdir()
    put(folder, "train/tree/0.png")
    dataset = load_folder(folder)
    assert dataset.superclasses == ("bird", "ship")
    assert reasons(dataset) == {"train/tree/0.png": "belongs to 'tree', which has fewer than 2 train images"}


@pytest.mark.parametrize("split", ["test", "cluttered"])
def test_copies_that_leave_nothing_are_the_cause(folder, split):
    put(folder, "README.md", b"hello")
    shutil.copytree(folder / "train", folder / split, dirs_exist_ok=True)
    with pytest.raises(
        BadData, match=rf"most often one is a copy of {split}/bird/owl/0.png, as train/bird/owl/0.png\)"
    ):
        load_folder(folder)


def test_a_class_whose_pictures_are_all_damaged_is_told_by_the_damage(folder):
    for i in range(10):
        for subgroup in CLASSES["ship"]:
            put(folder, f"train/ship/{subgroup}/{i}.png", b"hello")
    with pytest.raises(BadData, match=r"single superclass 'bird'"):
        select(load_folder(folder), ["bird"])


def test_several_folders_around_the_splits(folder, tmp_path):
    before = load_folder(folder).fingerprint
    (tmp_path / "a/b/c").mkdir(parents=True)
    folder.rename(tmp_path / "a/b/c/set")
    put(tmp_path, "a/README.md", b"hello")
    assert load_folder(tmp_path / "a").fingerprint == before


def test_others_stand_beside_a_single_superclass(folder, tmp_path):
    for i in range(8):
        put(tmp_path / "Bird", f"{i}.png")
    alone, others = load_folder(tmp_path / "Bird"), load_folder(folder)
    with pytest.raises(BadData, match=r"single superclass 'Bird', which needs others .* --others sketchbook"):
        select(alone, ["Bird"])
    both = with_others(alone, others)
    assert both.superclasses == ("Bird", "ship") and both.subgroups("ship") == ("sailboat", "submarine")
    assert both.layout.notes == ("'bird' of set is left out: Bird has it too.",)
    assert len({both.fingerprint, alone.fingerprint, others.fingerprint}) == 3
    for dataset, item in ((alone, both.items[0]), (others, both.items[-1])):
        key = item.key.removeprefix("set:")
        assert both.read(item) == dataset.source.read(key) and both.open(item).size == (12, 12)
    assert both.items[-1].key == "set:train/ship/submarine/9.png"
    assert both.trained == alone.trained | others.trained
    splits = select(both, ["Bird"])
    assert {len(splits.positions(part, "forget")) for part in ("calibrate", "test")} == {2}
    with pytest.raises(BadData, match="has no superclass that Bird has not"):
        with_others(alone, alone)


def test_classes_that_cannot_be_learned_or_judged_are_left_out(folder):
    for key in ("train/fish/shark/1.png", "test/fish/shark/1.png", *(f"train/tree/oak/{i}.png" for i in range(4))):
        put(folder, key)
    dataset = load_folder(folder)
    assert dataset.superclasses == ("bird", "ship")
    found = reasons(dataset)
    assert len(found) == 6
    assert found["test/fish/shark/1.png"] == "belongs to 'fish', which has fewer than 2 train images"
    assert found["train/tree/oak/0.png"] == "belongs to 'tree', which has no test image"


def test_targets_are_checked_against_the_data_set(folder):
    dataset = load_folder(folder)
    target = Target.parse(" bird / owl ", dataset)
    assert str(target) == "bird/owl" and target.matches(dataset.items[0])
    assert str(Target.parse("bird/*", dataset)) == "bird"
    with pytest.raises(UnknownName, match="Did you mean 'bird'"):
        Target.parse("brd", dataset)
    with pytest.raises(UnknownName, match="no subgroup 'eagle'"):
        Target.parse("bird/eagle", dataset)
    for text in ("", "/owl", "a/b/c/d"):
        with pytest.raises(BadQuery):
            Target.parse(text, dataset)


@pytest.mark.parametrize(
    ("folders", "mapping"),
    [
        (("n02691156-airplane", "n02958343-sports_car"), ""),
        (("001.airplane", "002.sports_car"), ""),
        (("n02691156", "n02958343"), "n02691156 airplane, plane\nn02958343 sports car, sport car\n"),
    ],
)
def test_folders_named_by_codes_get_their_words(tmp_path, folders, mapping):
    for number, folder in enumerate(folders):
        for split, count in (("train", 4), ("test", 2)):
            for i in range(count):
                file = tmp_path / "set" / split / folder / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (16, 16), (40 * i, 90 * number, 9 if split == "train" else 99)).save(file)
    if mapping:
        coded = load_folder(tmp_path / "set")
        assert coded.superclasses == folders and coded_note(coded).startswith("2 classes (n02691156, ...) have a code")
        (tmp_path / "set" / "LOC_synset_mapping.txt").write_text(mapping)
    dataset = load_folder(tmp_path / "set")
    assert dataset.superclasses == ("airplane", "sports car") and not dataset.skipped and not coded_note(dataset)


def test_words_that_two_codes_share_leave_both_as_they_are():
    words = {"n02012849": "crane", "n03126707": "crane", "n01503061": "bird"}
    assert in_words(words, words) == {"n01503061": "bird"}
    assert in_words(["1.one", "two"], {}) == {} == in_words(["3.5 inch", "12.7 mm"], {})
