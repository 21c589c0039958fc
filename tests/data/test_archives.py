"""Zips and compressed tars are read as folders are; what is wrong costs one sentence and leaves nothing behind."""

import bz2
import errno
import gzip
import lzma
import os
import struct
import zipfile

import pytest
from pictures import pack, picture, put, reasons

from clipforget.data import archives, sources
from clipforget.data.folder import load_folder
from clipforget.data.watching import watching
from clipforget.errors import BadData, FileProblem, StaleIndex


def zipped(root, path, **extra):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, file.relative_to(root))
        for name, data in extra.items():
            archive.writestr(name, data)
    return path


def left_behind(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.parametrize("kind", ["zip", "gz", "bz2", "xz"])
def test_an_archive_is_the_same_data_set_as_its_folder(folder, tmp_path, cache, kind):
    plain = load_folder(folder)
    pack(folder, tmp_path / "set.tar")
    if kind == "zip":
        path = zipped(folder, tmp_path / "set.zip")
    else:
        module = {"gz": gzip, "bz2": bz2, "xz": lzma}[kind]
        path = tmp_path / f"set.tar.{kind}"
        path.write_bytes(module.compress((tmp_path / "set.tar").read_bytes()))
    dataset = load_folder(path)
    assert (dataset.items, dataset.fingerprint, dataset.name) == (plain.items, plain.fingerprint, "set")
    assert dataset.open(dataset.items[3]).size == (12, 12)
    files = left_behind(cache)
    assert len(files) == (kind != "zip") and load_folder(path).fingerprint == plain.fingerprint
    assert left_behind(cache) == files, "unpacked once"


def test_at_most_a_few_unpacked_archives_stay(folder, tmp_path, cache, monkeypatch):
    monkeypatch.setattr(archives, "KEPT", 2)
    data = gzip.compress(pack(folder, tmp_path / "set.tar").read_bytes())
    for name in "abc":
        (tmp_path / f"{name}.tgz").write_bytes(data)
        load_folder(tmp_path / f"{name}.tgz")
    assert len(left_behind(cache)) == 2


def test_the_odd_members_of_a_zip_are_listed(folder, tmp_path):
    before = load_folder(folder).fingerprint
    path = zipped(
        folder, tmp_path / "set.zip", **{"../out.png": picture(), "/abs.png": picture(), "__MACOSX/a.png": b""}
    )
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("train/bird/owl/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "0.png")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("train/bird/owl/0.png", (folder / "train/bird/owl/0.png").read_bytes())
    dataset = load_folder(path)
    assert dataset.fingerprint == before
    assert reasons(dataset) == {
        "../out.png": "has a name that leads out of the archive",
        "/abs.png": "has a name that leads out of the archive",
        "train/bird/owl/link.png": "is a link; links inside a .zip are not followed",
        "train/bird/owl/0.png": "stands in the archive more than once; the last one is read",
    }


def test_damage_inside_a_zip_costs_only_itself_and_a_cut_is_one_sentence(folder, tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder))
    data = path.read_bytes()
    at = data.index((folder / "train/bird/owl/3.png").read_bytes()) + 60
    path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
    dataset = load_folder(path)
    assert list(dataset.skipped) == [
        ("train/bird/owl/3.png", "is damaged inside the archive (Bad CRC-32 for file 'train/bird/owl/3.png')")
    ]
    path.write_bytes(data)
    with pytest.raises(StaleIndex, match="has changed since it was opened"):
        dataset.open(dataset.items[0])
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(BadData, match=r"set\.zip is no whole \.zip .*; copy it again"):
        load_folder(path)
    with zipfile.ZipFile(path, "w"):
        pass
    with pytest.raises(BadData, match="no usable images; give a folder of pictures"):
        load_folder(path)


def test_an_encrypted_zip_is_told_as_such(folder, tmp_path):
    path = zipped(folder, tmp_path / "set.zip")
    data = bytearray(path.read_bytes())
    at = -1
    while (at := data.find(b"PK\x01\x02", at + 1)) >= 0:
        data[at + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(BadData, match=r"most often one is encrypted; unpack the archive with its password"):
        load_folder(path)


def test_bombs_are_refused_before_they_are_unpacked(folder, tmp_path, cache, monkeypatch):
    for module in (archives, sources):
        monkeypatch.setattr(module, "SMALL", 2**20)
    bomb = gzip.compress(b"\0" * 2**23)
    (tmp_path / "bomb.tar.gz").write_bytes(bomb)
    path = zipped(folder, tmp_path / "bomb.zip", **{"train/bird/owl/bomb.png": b"\0" * 2**23})
    for name in ("bomb.tar.gz", "bomb.zip"):
        with pytest.raises(
            BadData, match=rf"{name} unpacks to .* MiB from 0, which no pictures do; unpack it yourself"
        ):
            load_folder(tmp_path / name)
    assert not left_behind(cache) and path.exists()


def test_a_damaged_archive_and_a_full_disk_leave_nothing(folder, tmp_path, cache, monkeypatch):
    data = gzip.compress(pack(folder, tmp_path / "set.tar").read_bytes())
    path = tmp_path / "set.tar.gz"
    for content in (data[: len(data) // 2], data[:-8] + struct.pack("<I", 7) + data[-4:], gzip.compress(b"no tar")):
        path.write_bytes(content)
        with pytest.raises(BadData, match="copy it again"):
            load_folder(path)
        assert not left_behind(cache)
    path.write_bytes(data)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(archives, "watched", full)  # which is told after each piece is written
    with pytest.raises(FileProblem, match="No space left"):
        load_folder(path)
    assert not left_behind(cache)
    monkeypatch.setattr("clipforget.files.SLACK", 2**60)
    with pytest.raises(FileProblem, match=r"unpacking set\.tar\.gz needs"):
        load_folder(path)
    assert not left_behind(cache)


def test_who_watches_is_told_how_far_the_reading_is_and_can_stop_it(folder, tmp_path, cache):
    path = tmp_path / "set.tar.gz"
    path.write_bytes(gzip.compress(pack(folder, tmp_path / "set.tar").read_bytes()))
    seen = []
    with watching(lambda *row: seen.append(row)):
        load_folder(path)
    assert seen[0][0] == "Unpacking" and seen[0][2] == path.stat().st_size and seen[-1] == ("Reading", 52, 52)

    def stop(stage, done, total):
        raise KeyboardInterrupt

    path.touch()
    os.utime(path, (1, 1))
    before = left_behind(cache)
    with watching(stop), pytest.raises(KeyboardInterrupt):
        load_folder(path)
    assert left_behind(cache) == before


def test_a_zstd_archive_says_what_it_needs(tmp_path, monkeypatch):
    (tmp_path / "set.tar.zst").write_bytes(b"(\xb5/\xfd" + bytes(20))
    monkeypatch.setattr(archives.importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(BadData, match=r"needs Python 3\.14 or the package zstandard"):
        load_folder(tmp_path / "set.tar.zst")


def test_pictures_in_one_zip_are_one_class(tmp_path):
    for i in range(8):
        put(tmp_path / "pics", f"{i}.png")
    dataset = load_folder(zipped(tmp_path / "pics", tmp_path / "Trip to Rome.zip"))
    assert dataset.superclasses == ("Trip to Rome",) and len(dataset.items) == 8
