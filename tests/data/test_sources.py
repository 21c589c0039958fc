"""Links, pipes, odd names and archives of every kind: listed with their reason, or one clear sentence."""

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from pictures import pack, picture, put, reasons

from clipforget.cli.main import main
from clipforget.data.folder import load_folder
from clipforget.errors import BadData


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


def test_names_that_are_no_text_are_listed_printably(folder):
    (folder / "train").mkdir(exist_ok=True)
    try:
        os.makedirs(os.fsencode(folder / "train") + b"/bird/\xff\xfe")
        Path(os.fsdecode(os.fsencode(folder / "train") + b"/bird/\xff\xfe/1.png")).write_bytes(picture())
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    ((key, reason),) = load_folder(folder).skipped
    assert reason == "has a name that is no UTF-8" and key.encode()


@pytest.mark.parametrize("packed", [False, True])
def test_escape_codes_in_names_never_reach_the_terminal(folder, tmp_path, capsys, packed):
    evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
    for split in ("train", "test"):
        for i in range(3):
            put(folder, f"{split}/{evil}fish/{evil}shark/{evil}{i}.png")
    copy = put(folder, f"train/bird/owl/{evil}text.txt", b"hello").with_name(f"{evil}copy.png")
    copy.write_bytes((folder / f"test/{evil}fish/{evil}shark/{evil}0.png").read_bytes())
    path = folder.rename(tmp_path / f"{evil}set")
    path = pack(path, tmp_path / f"{evil}set.tar") if packed else path
    empty = tmp_path / f"{evil}empty"
    empty.mkdir()
    for words in (["data", str(path)], ["data", str(path), "--json"], ["data", str(empty)], ["data", f"{path}/none"]):
        assert main(words) == (0 if words[1] == str(path) else 2)
        shown = "".join(capsys.readouterr())
        assert shown and not set("\x1b\x07\x9b\u202e") & set(shown)
    dataset = load_folder(path)
    item = next(item for item in dataset.items if evil in item.key)
    assert dataset.open(item).size == (12, 12)
    assert not set("\x1b\x07\x9b\u202e") & set(f"{dataset.name}{dataset.skipped}{dataset.superclasses}")


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


@pytest.mark.parametrize("left", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("odd", [0, 77])
def test_a_tar_cut_off_is_refused(folder, tmp_path, left, odd):
    path = pack(folder, tmp_path / "a.tar")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * left) // 512 * 512 + odd])
    with pytest.raises(BadData, match=r"a\.tar is neither a folder nor a whole \.tar .*; copy it again"):
        load_folder(path)


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
