"""Links, pipes, odd names and archives of every kind: listed with their reason, or one clear sentence."""

import errno
import io
import os
import socket
import tarfile
from pathlib import Path

import pytest
from pictures import pack, picture, put, reasons

from clipforget.cli.main import main
from clipforget.data.folder import load_folder
from clipforget.data.sources import FolderSource
from clipforget.errors import BadData, StaleIndex
from clipforget.files import refusal


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


@pytest.mark.parametrize("target", ["odd.png", "0.png/inside.png", "a" * 300, "missing.png"])
def test_a_link_that_leads_nowhere_costs_only_itself(folder, target):
    before = load_folder(folder).fingerprint
    (folder / "train/bird/owl/odd.png").symlink_to(target)
    dataset = load_folder(folder)
    assert dataset.fingerprint == before and reasons(dataset) == {"train/bird/owl/odd.png": "is a broken link"}


def test_what_this_user_must_not_read_costs_only_itself(folder, monkeypatch):
    (folder / "train/bird/owl/odd.png").symlink_to("0.png")
    monkeypatch.setattr(FolderSource, "_entry", denied(FolderSource._entry, "odd.png"))
    assert reasons(load_folder(folder)) == {"train/bird/owl/odd.png": "cannot be opened (Permission denied)"}


def denied(entry_of, name):
    """As the system answers where a folder on the way of a link has no rights; root never meets that."""

    def wrapped(self, entry, key, above):
        if entry.name == name:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return entry_of(self, entry, key, above)

    return wrapped


ODD_PATHS = ["/dev/tty", "//dev/tty", "/dev/../dev/zero", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "/proc", "/sys",
             "//proc/self/environ", "/proc/self/cwd", "{tmp}/../../../../../../proc/kmsg", "{tmp}/link",
             "{tmp}/link/kmsg", "{tmp}/tty", "{tmp}/pipe", "{tmp}//./pipe",
             "{tmp}/to-pipe", "{tmp}/socket"]  # fmt: skip


@pytest.mark.parametrize("path", ODD_PATHS)
def test_only_files_and_folders_are_opened(tmp_path, monkeypatch, capsys, path):
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("link", "/proc"), ("tty", "/dev/tty"), ("to-pipe", "pipe")):
        (tmp_path / name).symlink_to(target)
    monkeypatch.chdir(tmp_path)  # a socket's address is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        path = path.format(tmp=tmp_path)
        if not os.path.exists(path):
            pytest.skip("this system has no such file")
        opened: list[str] = []
        monkeypatch.setattr(os, "open", lambda name, *_, **__: opened.append(name) or pytest.fail(f"opens {name}"))
        assert main(["data", path]) == 2
    shown = capsys.readouterr()
    assert "lies in a folder of the system" in shown.err or "is neither a regular file nor a folder" in shown.err
    assert shown.out == "" and shown.err.count("\n") == 1 and not opened


def test_links_from_a_data_set_to_the_system_are_not_followed(folder):
    before = load_folder(folder).fingerprint
    (folder / "proc").symlink_to("/proc")
    (folder / "train/bird/owl/mounts.png").symlink_to("/proc/self/mounts")
    dataset = load_folder(folder)
    assert dataset.fingerprint == before and set(reasons(dataset)) == {"proc", "train/bird/owl/mounts.png"}


def test_memory_that_looks_like_a_folder_is_a_place_for_data():
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("this system has no /dev/shm")
    assert refusal("/dev/shm") == ""


def test_a_file_that_became_a_pipe_is_not_waited_for(folder):
    dataset = load_folder(folder)
    file = folder / dataset.items[0].key
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(BadData, match=r"cannot be opened .*regular"):
        dataset.open(dataset.items[0])


@pytest.mark.parametrize("change", ["cut", "emptied", "overwritten"])
def test_a_tar_that_changes_while_it_is_open_is_one_sentence(folder, tmp_path, change):
    path = pack(folder, tmp_path / "a.tar")
    dataset = load_folder(path)
    last = dataset.items[-1]
    assert dataset.open(last).size == (12, 12)
    with path.open("r+b") as file:
        if change == "overwritten":
            file.write(b"x" * 600)
            os.utime(path, ns=(0, 0))  # as later as the clock of the file system tells it
        else:
            os.truncate(path, 1024 if change == "cut" else 0)
    with pytest.raises(StaleIndex, match=r"a\.tar has changed since it was opened; open the data set again"):
        dataset.open(last)


def test_a_tar_that_is_replaced_is_read_to_its_end(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    dataset = load_folder(path)
    path.unlink()
    path.write_bytes(b"something else")
    assert all(dataset.open(item).size == (12, 12) for item in dataset.items)


def test_archives_joined_end_to_end_are_all_read(folder, tmp_path):
    whole = load_folder(folder)
    for split in ("train", "test"):
        with tarfile.open(tmp_path / f"{split}.tar", "w") as archive:
            archive.add(folder / split, split)
    path = tmp_path / "joined.tar"
    path.write_bytes((tmp_path / "train.tar").read_bytes() + (tmp_path / "test.tar").read_bytes())
    dataset = load_folder(path)
    assert dataset.fingerprint == whole.fingerprint and dataset.skipped == ()
    assert all(dataset.open(item).size == (12, 12) for item in dataset.items)
    path.write_bytes(path.read_bytes()[:-9000])
    with pytest.raises(BadData, match=r"neither a folder, a .zip nor a whole \.tar"):
        load_folder(path)


def test_damage_between_two_members_is_not_taken_for_the_end(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        start = archive.getmembers()[20].offset
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"x" * 512)
    with pytest.raises(BadData, match=f"it is damaged at byte {start:,}"):
        load_folder(path)


SIZES = {"below zero": b"\xff" * 10 + b"\xfe\0", "huge": b"\x80" + b"\xff" * 11, "too large": b"77777777777\0"}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_a_size_that_makes_no_sense_is_damage(folder, tmp_path, size, kind):
    path = pack(folder, tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        start = next(member for member in archive.getmembers()[20:] if member.isfile()).offset
    data = bytearray(path.read_bytes())
    data[start + 124 : start + 136] = SIZES[size]
    data[start + 156 : start + 157] = kind
    data[start + 148 : start + 156] = b" " * 8
    data[start + 148 : start + 156] = b"%06o\0 " % sum(data[start : start + 512])
    path.write_bytes(data)
    with pytest.raises(BadData, match=r"a\.tar is neither a folder, a .zip nor a whole \.tar .*; copy it again"):
        load_folder(path)


def test_a_single_block_of_zeros_ends_an_archive(folder, tmp_path):
    path = pack(folder, tmp_path / "a.tar")
    with tarfile.open(path) as archive:
        archive.getmembers()
        end = archive.offset
    os.truncate(path, end + 512)
    assert load_folder(path).fingerprint == load_folder(folder).fingerprint


@pytest.mark.parametrize("writing", ["././{}", ".//{}", "{}/.", "windows"])
def test_names_inside_a_tar_are_read_however_they_are_written(folder, tmp_path, writing):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            key = file.relative_to(folder).as_posix()
            info = archive.gettarinfo(file)
            info.name = key.replace("/", "\\") if writing == "windows" else writing.format(key.replace("/", "//"))
            archive.addfile(info, io.BytesIO(file.read_bytes()))
    dataset = load_folder(path)
    assert dataset.fingerprint == load_folder(folder).fingerprint and dataset.skipped == ()


def test_hard_links_inside_a_tar_are_read(folder, tmp_path):
    before = load_folder(folder).fingerprint
    first = tmp_path / "a-first"
    first.mkdir()
    for number, file in enumerate(sorted(folder.rglob("*.png"))):
        os.link(file, first / f"{number}.txt")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.add(first, ".cache")  # the bytes stand under names that are hidden, the links under those that count
        archive.add(folder, ".")
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert sum(member.islnk() for member in archive) == 52
    assert load_folder(tmp_path / "a.tar").fingerprint == before


@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_of_both_kinds(folder, tmp_path, format):
    with tarfile.open(tmp_path / "a.tar", "w", format=format) as archive:
        archive.add(folder, "w" * 200 + "/" + "v" * 200)
    assert load_folder(tmp_path / "a.tar").fingerprint == load_folder(folder).fingerprint


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
    refused = (["data", str(empty)], ["data", f"{path}/none"], ["data", f"{evil}none"])
    for words in (["data", str(path)], ["data", str(path), "--json"], *refused):
        assert main(words) == (2 if words in refused else 0)
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
            ("train/bird/owl/hard.png", tarfile.LNKTYPE, "./train//bird/owl/0.png"),
            ("train/bird/owl/lost.png", tarfile.LNKTYPE, "train/bird/owl/none.png"),
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
        "train/bird/owl/hard.png": "is a copy of train/bird/owl/0.png",
        "train/bird/owl/lost.png": "is a link to what the archive does not hold before it",
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
    with pytest.raises(BadData, match=r"a\.tar is neither a folder, a .zip nor a whole \.tar .*; copy it again"):
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
