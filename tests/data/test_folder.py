"""Folders and .tar files of every shape become a Dataset with its leftovers listed, or one clear sentence."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipforget.data import Target
from clipforget.data.catalogue import EMBEDDED, load_dataset
from clipforget.data.folder import load_folder
from clipforget.errors import BadData, BadQuery, UnknownName

CLASSES = {"bird": ("owl", "parrot"), "ship": ("sailboat", "submarine")}
counter = iter(range(10**9))


def picture(format: str = "PNG") -> bytes:
    """A picture that no other file holds."""
    noise = np.random.default_rng(next(counter)).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, format)
    return buffer.getvalue()


def put(root: Path, key: str, data: bytes | None = None) -> Path:
    file = root / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(picture() if data is None else data)
    return file


@pytest.fixture
def folder(tmp_path):
    """train and test, two superclasses of two subgroups, ten and three pictures each."""
    root = tmp_path / "set"
    for superclass, subgroups in CLASSES.items():
        for subgroup in subgroups:
            for split, count in (("train", 10), ("test", 3)):
                for i in range(count):
                    put(root, f"{split}/{superclass}/{subgroup}/{i}.png")
    return root


def pack(root: Path, path: Path, prefix: str = "") -> Path:
    with tarfile.open(path, "w") as archive:
        archive.add(root, prefix or ".")
    return path


def reasons(dataset) -> dict[str, str]:
    return dict(dataset.skipped)


def test_three_levels_and_the_split_off_validation(folder):
    dataset = load_folder(folder)
    assert dataset.name == "set"
    assert dataset.superclasses == ("bird", "ship")
    assert dataset.subgroups("bird") == ("owl", "parrot")
    assert dataset.styles() == () and dataset.suites == () and dataset.skipped == ()
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
    assert dataset.suites == ("cluttered scenes", "other")
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
        "train/stray.png": (None, "does not lie in split/superclass"),
        "train/a/b/c/d/e.png": (None, "does not lie in split/superclass"),
        "train/bird/_/1.png": (None, "no usable label"),
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


def test_copies_are_kept_once_and_rather_in_test(folder):
    data = (folder / "test/bird/owl/0.png").read_bytes()
    put(folder, "train/bird/owl/copy.png", data)
    put(folder, "another suite/bird/owl/copy.png", data)
    dataset = load_folder(folder)
    copied = "is a copy of test/bird/owl/0.png"
    assert reasons(dataset) == {"train/bird/owl/copy.png": copied, "another suite/bird/owl/copy.png": copied}


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


def test_names_that_are_no_text_are_listed_printably(folder):
    (folder / "train").mkdir(exist_ok=True)
    try:
        os.makedirs(os.fsencode(folder / "train") + b"/bird/\xff\xfe")
        Path(os.fsdecode(os.fsencode(folder / "train") + b"/bird/\xff\xfe/1.png")).write_bytes(picture())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    ((key, reason),) = load_folder(folder).skipped
    assert reason == "has a name that is no UTF-8" and key.encode()


def test_linked_folders_are_followed_but_not_in_circles(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    for i in range(3):
        put(elsewhere, f"{i}.png")
    for split in ("train", "test"):
        (folder / split / "fish").mkdir()
    (folder / "train/fish/shark").symlink_to(elsewhere, target_is_directory=True)
    put(folder, "test/fish/shark/0.png")
    (folder / "train/bird/loop").symlink_to(folder / "train", target_is_directory=True)
    (folder / "train/bird/owl/nothing.png").symlink_to(tmp_path / "missing")
    dataset = load_folder(folder)
    assert "fish" in dataset.superclasses
    assert reasons(dataset) == {
        "train/bird/loop": "is a link to a folder above it",
        "train/bird/owl/nothing.png": "is a broken link",
    }


def test_pipes_are_not_read(folder):
    os.mkfifo(folder / "train/bird/owl/pipe.png")
    assert reasons(load_folder(folder)) == {"train/bird/owl/pipe.png": "is no regular file"}


def test_tar_with_links_and_names_that_lead_out(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    with tarfile.open(path, "a") as archive:
        for name, kind, target in (
            ("train/bird/owl/soft.png", tarfile.SYMTYPE, "/etc/passwd"),
            ("train/bird/owl/hard.png", tarfile.LNKTYPE, "train/bird/owl/0.png"),
            ("train/bird/owl/device.png", tarfile.CHRTYPE, ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        outside = ("train/../../evil.png", "/train/bird/owl/root.png")
        for name in (*outside, "train/bird/owl/._x.png", "__MACOSX/a/b/c.png"):
            data = picture()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    dataset = load_folder(path)
    assert reasons(dataset) == {
        "train/bird/owl/soft.png": "is a link; links inside a .tar are not followed",
        "train/bird/owl/hard.png": "is a link; links inside a .tar are not followed",
        "train/bird/owl/device.png": "is no regular file",
        "train/../../evil.png": "has a name that leads out of the archive",
        "/train/bird/owl/root.png": "has a name that leads out of the archive",
    }
    assert dataset.fingerprint == load_folder(folder).fingerprint


def test_long_names_inside_a_tar(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    name = "n" * 300
    with tarfile.open(path, "a") as archive:
        for key in (f"train/{name}/1.png", f"train/{name}/2.png", f"test/{name}/1.png"):
            data = picture()
            info = tarfile.TarInfo(key)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    assert name in load_folder(path).superclasses


def test_a_tar_cut_off_keeps_what_is_whole(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.9)])
    try:
        dataset = load_folder(path)
    except BadData as error:
        assert "a.tar" in str(error)
    else:
        assert len(dataset.items) < 52


def test_compressed_archives_are_named(folder, tmp_path):
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(pack(folder, tmp_path / "a.tar").read_bytes()))
    with pytest.raises(BadData, match=r"is compressed \(gzip\); unpack it"):
        load_folder(path)


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 10240, b"PK\x03\x04rest"])
def test_files_that_are_no_tar(tmp_path, data):
    path = tmp_path / "x.tar"
    path.write_bytes(data)
    with pytest.raises(BadData) as caught:
        load_folder(path)
    assert "x.tar" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["", "  ", "/no/such/place", "~nobody-of-this-name/x", "a\0b", "x" * 5000])
def test_paths_that_lead_nowhere(path):
    with pytest.raises(BadData) as caught:
        load_folder(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 6000


def test_empty_folder(tmp_path):
    with pytest.raises(BadData, match=r"no usable images under train and test/; lay it out as train\|test/"):
        load_folder(tmp_path)


def test_without_splits_the_layout_is_named(tmp_path):
    for name in ("cat", "dog"):
        put(tmp_path, f"{name}/1.png")
    with pytest.raises(BadData, match=r"2 files skipped: most often one does not lie in split/superclass"):
        load_folder(tmp_path)


def test_one_superclass_is_too_few(tmp_path):
    for split in ("train", "test"):
        for i in range(3):
            put(tmp_path, f"{split}/cat/{i}.png")
    with pytest.raises(BadData, match="single superclass 'cat'"):
        load_folder(tmp_path)


def test_classes_that_cannot_be_learned_or_judged_are_left_out(folder):
    for key in ("train/fish/shark/1.png", "test/fish/shark/1.png", *(f"train/tree/oak/{i}.png" for i in range(4))):
        put(folder, key)
    dataset = load_folder(folder)
    assert dataset.superclasses == ("bird", "ship")
    found = reasons(dataset)
    assert len(found) == 6
    assert found["test/fish/shark/1.png"] == "belongs to 'fish', which has fewer than 2 train images"
    assert found["train/tree/oak/0.png"] == "belongs to 'tree', which has no test image"


def test_the_catalogue_knows_names_and_paths(folder, monkeypatch):
    assert load_dataset(str(folder)).name == "set"
    with pytest.raises(UnknownName, match="Did you mean 'sketchbook'"):
        load_dataset("sketchbok")
    monkeypatch.setitem(EMBEDDED, "sketchbook", folder / "missing.tar")
    with pytest.raises(BadData, match=r"missing\.tar is not there"):
        load_dataset("sketchbook")


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
