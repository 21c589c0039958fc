"""WebDataset shards, Hugging Face's .parquet files and imagefolders, read where they lie and in words."""

import io
import json
import sys
import tarfile
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from pictures import picture, put

from clipforget.cli.main import main
from clipforget.data.catalogue import load_dataset
from clipforget.data.evaluation import with_evaluation_sets
from clipforget.data.webdataset import expand
from clipforget.errors import BadData

ANIMALS = ("cat", "dog")


def shard(path: Path, samples: dict[str, dict[str, bytes]]) -> Path:
    """A .tar with the parts of each sample one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for key, parts in samples.items():
            for part, data in parts.items():
                member = tarfile.TarInfo(f"{key}.{part}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    return path


def shards(folder: Path, label, splits=("train", "test"), each: int = 4) -> Path:
    """Two shards a split, of cats and dogs whose parts `label(number of the class)` gives."""
    for split in splits:
        for number in range(2):
            samples = {f"{i:04d}": {"jpg": picture("JPEG"), **label(i % 2)} for i in range(2 * each)}
            shard(folder / f"{split}-{number:04d}.tar", samples)
    return folder


def counts(dataset) -> tuple[int, ...]:
    return tuple(len(dataset.of(split)) for split in ("train", "validation", "test"))


@pytest.mark.parametrize("label", [
    lambda n: {"cls": str(n).encode()}, lambda n: {"cls": ANIMALS[n].encode()}, lambda n: {"txt": ANIMALS[n].encode()},
    lambda n: {"json": json.dumps({"label": n, "url": "x"}).encode()}, lambda n: {"json": json.dumps(n).encode()},
], ids=["number", "word", "text", "field", "value"])  # fmt: skip
def test_shards_are_read_by_any_label(label, tmp_path) -> None:
    put(tmp_path, "classnames.txt", b"cat\ndog\n")
    dataset = load_dataset(str(shards(tmp_path / "wds", label)))
    assert dataset.superclasses == ANIMALS and counts(dataset) == (12, 4, 16) and not dataset.skipped
    item = dataset.of("test")[0]
    assert dataset.open(item).size == (12, 12) and item.key == "test/cat/test-0000-0000.jpg"
    assert load_dataset(str(tmp_path / "wds")).fingerprint == dataset.fingerprint


def test_two_levels_one_shard_and_a_pattern(tmp_path) -> None:
    label = lambda n: {"json": json.dumps({"superclass": ANIMALS[n], "subgroup": f"small_{ANIMALS[n]}"}).encode()}  # noqa: E731
    shards(tmp_path, label)
    assert expand("a-{08..10}.{x,y}") == [f"a-{n}.{x}" for n in ("08", "09", "10") for x in "xy"]
    whole = load_dataset(f"{tmp_path}/{{train,test}}-{{0000..0007}}.tar")
    assert whole.subgroups("cat") == ("small cat",) and counts(whole) == (12, 4, 16)
    alone = load_dataset(str(tmp_path / "train-0001.tar"))
    assert alone.superclasses == ANIMALS and sum(counts(alone)) == 8


def test_shards_without_a_split_are_divided_by_hash(tmp_path) -> None:
    dataset = load_dataset(
        str(shards(tmp_path, lambda n: {"cls": ("train", "bus")[n].encode()}, splits=("00",), each=5))
    )
    assert dataset.superclasses == ("bus", "train") and counts(dataset) == (12, 4, 4)
    assert dataset.layout.split.startswith("Train and test are not told apart: a fifth of each class")


def test_numbers_are_never_names(tmp_path) -> None:
    shards(tmp_path, lambda n: {"cls": str(n).encode()})
    with pytest.raises(BadData, match=r"A class is the number 0, and classnames.txt beside the shards says nothing"):
        load_dataset(str(tmp_path))
    put(tmp_path, "classnames.txt", b"0 = cat\n")
    with pytest.raises(BadData, match=r"number 1, and classnames.txt beside the shards has no name for it, only 1"):
        load_dataset(str(tmp_path))


def test_a_tar_of_folders_is_no_shard_and_damage_is_named(tmp_path) -> None:
    for split in ("train", "test"):
        for name in ANIMALS:
            for i in range(3):
                put(tmp_path, f"set/{split}/{name}/{i}.png")
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(tmp_path / "set", "set")
    assert load_dataset(str(tmp_path / "set.tar")).fingerprint == load_dataset(str(tmp_path / "set")).fingerprint
    shards(tmp_path / "wds", lambda n: {"cls": ANIMALS[n].encode()})
    broken = {
        "a": {"jpg": b"no picture", "cls": b"cat"},
        "b": {"jpg": picture("JPEG")},
        "c": {"jpg": picture("JPEG"), "json": b"{"},
    }
    shard(tmp_path / "wds/train-0002.tar", broken)
    dataset = load_dataset(str(tmp_path / "wds"))
    why = {"has no label", "is no JSON", "cannot be read as an image"}
    assert {reason.split(" (")[0] for _, reason in dataset.skipped} == why and len(dataset.skipped) == 3
    (tmp_path / "wds/train-0001.tar").write_bytes(b"junk" * 200)
    with pytest.raises(BadData, match=r"train-0001.tar is neither a folder, a .zip nor a whole"):
        load_dataset(str(tmp_path / "wds"))


def table(path: Path, labels: dict[str, list], rows: int, features: dict | None = None, groups: int = 3) -> Path:
    """A .parquet file as Hugging Face writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    images = [{"bytes": picture(), "path": f"{i}.png"} for i in range(rows)]
    content = arrow.table({"image": images, **labels})
    if features:
        known = {name: {"names": names, "_type": "ClassLabel"} for name, names in features.items()}
        content = content.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": known}})})
    parquet.write_table(content, path, row_group_size=groups)
    return path


def test_parquet_files_have_their_own_names(tmp_path, monkeypatch) -> None:
    features = {"fine_label": ["tabby", "pug", "beagle"], "coarse_label": ["cat", "dog"]}
    for split, rows in (("train", 12), ("test", 6)):
        labels = {"fine_label": [i % 3 for i in range(rows)], "coarse_label": [min(i % 3, 1) for i in range(rows)]}
        table(tmp_path / f"data/{split}-00000-of-00001.parquet", labels, rows, features)
    table(tmp_path / "data/test-00001-of-00001.parquet", {"fine_label": [-1], "coarse_label": [-1]}, 1, features)
    dataset = load_dataset(str(tmp_path))
    assert dataset.subgroups("dog") == ("beagle", "pug") and counts(dataset) == (9, 3, 6)
    assert [reason for _, reason in dataset.skipped] == ["has no label"]
    monkeypatch.setattr("clipforget.data.parquet.GROUPS", 1)  # so that one group is kept, and none is mixed up
    fresh = load_dataset(str(tmp_path))
    assert [fresh.source.read(i.key) for i in fresh.items] == [dataset.source.read(i.key) for i in dataset.items]
    assert fresh.fingerprint == dataset.fingerprint and dataset.open(dataset.items[0]).size == (12, 12)
    assert main(["data", str(tmp_path)]) == 0


def test_parquet_without_names_labels_images_or_pyarrow(tmp_path, monkeypatch) -> None:
    path = table(tmp_path / "a.parquet", {"label": [0, 1] * 5}, 10)
    with pytest.raises(
        BadData, match=r"A class is the number 0, and classnames.txt beside the file says nothing of it"
    ):
        load_dataset(str(path))
    put(tmp_path, "classnames.txt", b"cat\ndog\n")
    assert load_dataset(str(path)).superclasses == ANIMALS
    for name, content, says in (
        ("b", {"image": [b"x"], "text": ["a cat"]}, "has no column of labels; call it one of superclass, subgroup"),
        ("c", {"label": ["cat"]}, "has no column of images"),
    ):
        parquet.write_table(arrow.table(content), tmp_path / f"{name}.parquet")
        with pytest.raises(BadData, match=says):
            load_dataset(str(tmp_path / f"{name}.parquet"))
    put(tmp_path, "d.parquet", path.read_bytes()[:-20])
    with pytest.raises(BadData, match=r"d.parquet is no whole .parquet file; copy it again"):
        load_dataset(str(tmp_path / "d.parquet"))
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(BadData, match=r"needs pyarrow: pip install 'clipforget\[datasets\]'"):
        load_dataset(str(path))


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_an_imagefolder_says_what_its_images_show(kind, tmp_path) -> None:
    for split, count in (("train", 8), ("test", 4)):
        rows = [{"file_name": f"pictures/{i}.png", "label": ANIMALS[i % 2], "note": "x"} for i in range(count)]
        for row in rows:
            put(tmp_path, f"{split}/{row['file_name']}")
        lines = ["file_name,label,note", *(",".join(row.values()) for row in rows)]
        text = "\n".join(lines if kind == "csv" else map(json.dumps, rows))
        put(tmp_path, f"{split}/metadata.{kind}", text.encode())
    dataset = load_dataset(str(tmp_path))
    assert dataset.superclasses == ANIMALS and counts(dataset) == (6, 2, 4)
    (tmp_path / "test/pictures/1.png").unlink()
    with pytest.raises(BadData, match=rf"test/metadata.{kind} names pictures/1.png, which is not there"):
        load_dataset(str(tmp_path))
    put(tmp_path, f"test/metadata.{kind}", b"{" if kind == "jsonl" else b"file_name,label\n")
    if kind == "jsonl":
        with pytest.raises(BadData, match="is no list of JSON objects, one a line"):
            load_dataset(str(tmp_path))


def test_shards_are_an_evaluation_set_too(folder, tmp_path) -> None:
    shards(tmp_path / "wds", lambda n: {"cls": ANIMALS[n].encode()})
    whole = with_evaluation_sets(load_dataset(str(folder)), [f"pets={tmp_path / 'wds'}"], 10)
    assert whole.evaluation["pets"].classes == ANIMALS and len(whole.of("pets")) == 10
    assert whole.open(whole.of("pets")[0]).size == (12, 12)


def test_what_cannot_be_looked_into_is_said_as_ever() -> None:
    for path in ("~nobody-here/x", "a\0b/", "/proc/self/fd/0.tar", "/no/such-{0..3}.tar"):
        with pytest.raises(BadData):
            load_dataset(path)
