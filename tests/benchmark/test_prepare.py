"""`reproduce prepare`: small fakes of each data set as published become folders that our reader takes."""

import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import published
import pytest
from pictures import put
from PIL import Image

from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.benchmark.paper.prepare import SOURCES
from clipforget.benchmark.paper.prepare._write import prepare
from clipforget.cli.main import main
from clipforget.data.catalogue.cifar10 import NAMES
from clipforget.data.catalogue.living17 import LIVING17
from clipforget.data.folder import load_folder
from clipforget.data.imagenet import class_names
from clipforget.errors import BadData, UnknownName

# ImageNet's numbers of LIVING-17's subgroups, source and target, as the notebook of MadryLab/BREEDS-Benchmarks says.
NUMBERS = [
    27, 29, 26, 28, 37, 34, 33, 35, 41, 44, 47, 38, 60, 57, 65, 61, 76, 72, 74, 77, 81, 83, 82, 80, 88, 90, 87, 89,
    118, 120, 119, 121, 163, 154, 257, 157, 272, 271, 270, 269, 280, 279, 277, 278, 282, 285, 283, 284,
    297, 295, 296, 294, 305, 306, 302, 303, 325, 321, 324, 322, 368, 365, 366, 367, 377, 380, 381, 379,
]  # fmt: skip


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def imagenet(tmp_path) -> Path:
    """Two training and one validation image of each of LIVING-17's wnids, of race car and of airliner."""
    return published.imagenet(tmp_path / "imagenet", ("n04037443", "n02690373"))


@pytest.fixture
def cifar(tmp_path) -> Path:
    return published.cifar(tmp_path / "cifar")


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.lstat().st_ino, path.lstat().st_mtime_ns, path.read_bytes()) for path in files}


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.mode == "RGB"
        return np.array(image)


def test_living17_is_what_breeds_says_and_lies_in_imagenet() -> None:
    names = class_names()
    assert list(names) == sorted(names) and len({name.lower() for name in names.values()}) == len(names) == 1000
    assert all("/" not in name and "_" not in name and name.strip() == name for name in names.values())
    wnids = [wnid for subgroups in LIVING17.values() for wnid in subgroups.values()]
    assert len(LIVING17) == 17 and {len(subgroups) for subgroups in LIVING17.values()} == {4}
    assert len(set(wnids)) == 68 and set(wnids) <= set(names)
    assert set(LIVING17["monkey"]) == {"marmoset", "titi", "spider monkey", "howler monkey"}  # the paper's own words
    assert set(LIVING17["turtle"]) == {"box turtle", "leatherback turtle", "loggerhead", "mud turtle"}
    assert [list(names).index(wnid) for wnid in wnids] == NUMBERS


def test_living17_is_linked_and_read(imagenet, out) -> None:
    result = prepare("living17", imagenet, out)
    assert (result.folders, result.classes, result.images, result.kept) == (("train", "test"), 68, 204, 0)
    dataset = load_folder(out)
    assert dataset.superclasses == tuple(sorted(LIVING17)) and not dataset.skipped and not dataset.evaluation_sets
    assert all(set(dataset.subgroups(name)) == set(subgroups) for name, subgroups in LIVING17.items())
    assert len(dataset.of("test")) == 68
    link = out / "train/monkey/marmoset/n02490219_0.JPEG"
    assert link.samefile(imagenet / "train/n02490219/n02490219_0.JPEG") and link.stat().st_nlink == 2
    EXPERIMENTS.load()["table1"].check(EXPERIMENTS["table1"].paper, dataset)
    before = state(out)
    assert prepare("living17", imagenet, out).kept == 204 and state(out) == before


def test_where_files_cannot_be_linked(imagenet, out, monkeypatch) -> None:
    """Across file systems a relative symbolic link, without those a copy; a link that leads nowhere is made anew."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    prepare("imagenet", imagenet, out)
    link = out / "imagenet/marmoset/ILSVRC2012_val_n02490219.JPEG"
    assert link.is_symlink() and not os.readlink(link).startswith("/")
    moved = imagenet.rename(imagenet.with_name("moved"))
    assert not link.exists()
    assert prepare("imagenet", moved, out).kept == 0 and link.exists()
    assert prepare("imagenet", moved, out).kept == 70
    monkeypatch.setattr(os, "symlink", refuse)
    prepare("imagenet", moved, out.with_name("copies"))
    copy = out.with_name("copies") / "imagenet/marmoset/ILSVRC2012_val_n02490219.JPEG"
    assert not copy.is_symlink() and copy.stat().st_nlink == 1 and copy.read_bytes() == link.read_bytes()
    assert prepare("imagenet", moved, out.with_name("copies")).kept == 70


def test_imagenet_is_an_evaluation_set_with_readable_names(imagenet, out) -> None:
    result = prepare("imagenet", imagenet, out)
    assert result.folders == ("imagenet",) and result.images == result.classes == 70
    assert {path.name for path in (out / "imagenet").iterdir()} >= {"marmoset", "race car", "titi monkey"}
    prepare("living17", imagenet, out)
    dataset = load_folder(out)
    assert dataset.superclasses == tuple(sorted(LIVING17)), "beside the training images"


def test_a_single_class_of_imagenet_is_told_among_all_names(imagenet, out) -> None:
    """Table 2's kept target of the other domain: its images alone, a thousand names and eighty captions beside them."""
    result = prepare("imagenet-airplane", imagenet, out)
    assert result.folders == ("imagenet-airplane",) and (result.classes, result.images) == (1, 1)
    folder = out / "imagenet-airplane"
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["airliner"]
    names = [line.split(" = ")[1] for line in (folder / "classnames.txt").read_text().splitlines()]
    captions = (folder / "templates.txt").read_text().splitlines()
    assert names == list(class_names().values()) and len(captions) == len(set(captions)) == 80
    before = state(out)
    assert prepare("imagenet-airplane", imagenet, out).kept == 1 and state(out) == before
    with pytest.raises(BadData, match="images of fewer than 1 of the wnids asked for"):
        prepare("imagenet-truck", imagenet, out)
    put(folder, "classnames.txt", b"airliner = plane")
    with pytest.raises(BadData, match=r"classnames.txt is there already and another file"):
        prepare("imagenet-airplane", imagenet, out)


def test_the_flat_validation_images_of_kaggle(imagenet, tmp_path, out) -> None:
    root = tmp_path / "kaggle/ILSVRC/Data/CLS-LOC"
    root.mkdir(parents=True)
    (imagenet / "train").rename(root / "train")
    rows = ["ImageId,PredictionString"]
    for file in sorted((imagenet / "val").glob("*/*")):
        put(root, f"val/{file.name}", file.read_bytes())
        rows.append(f"{file.stem},{file.parent.name} 1 2 3 4 {file.parent.name} 5 6 7 8")
    with pytest.raises(BadData, match=r"found a flat val/ and no LOC_val_solution.csv: sort it into val/<wnid>/"):
        prepare("living17", tmp_path / "kaggle", out)
    put(tmp_path, "kaggle/LOC_val_solution.csv", "\n".join(rows).encode())
    assert prepare("living17", tmp_path / "kaggle", out).images == 204
    assert prepare("living17", root, out).kept == 204
    assert (out / "test/bear/ice bear/ILSVRC2012_val_n02134084.JPEG").is_file()
    put(tmp_path, "kaggle/LOC_val_solution.csv", b"a,b\n1,2\n")
    with pytest.raises(BadData, match="is not Kaggle's table"):
        prepare("imagenet", tmp_path / "kaggle", out)


def test_the_pickles_of_cifar10(cifar, out) -> None:
    values, content = published.batch([3, 3, 8])
    put(cifar, "cifar-10-batches-py/data_batch_2", content)
    result = prepare("cifar10", cifar, out)
    assert (result.folders, result.classes, result.images) == (("train", "test"), 10, 53)
    shown = pixels(out / "train/cat/data_batch_2-00001.png")
    assert np.array_equal(shown, values[1].reshape(3, 32, 32).transpose(1, 2, 0))
    dataset = load_folder(out)
    assert dataset.superclasses == tuple(sorted(NAMES)) and len(dataset.items) == 53
    for table in ("table2", "table4", "table5", "table6"):
        EXPERIMENTS.load()[table].check(EXPERIMENTS[table].paper, dataset)
    before = state(out)
    os.utime(cifar / "cifar-10-batches-py/test_batch")
    assert prepare("cifar10", cifar, out).kept == 53 and state(out) == before
    assert prepare("cifar10", cifar / "cifar-10-batches-py", out.with_name("eval"), evaluation=True).images == 10
    assert [path.name for path in out.with_name("eval").iterdir()] == ["cifar10"]


def test_a_pickle_as_python_2_wrote_it(cifar, out) -> None:
    """As the published files are: byte strings, and the array's old module."""
    raw = published.rng.integers(0, 256, 3072, dtype=np.uint8)
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01K\x01M\x00\x0c\x86"
    kind = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    data = b"\x89T" + struct.pack("<I", 3072) + raw.tobytes() + b"tb"
    put(
        cifar, "cifar-10-batches-py/test_batch", b"\x80\x02}(U\x04data" + array + kind + data + b"U\x06labels](K\x05eu."
    )
    prepare("cifar10", cifar, out)
    assert np.array_equal(pixels(out / "test/dog/test_batch-00000.png"), raw.reshape(3, 32, 32).transpose(1, 2, 0))


class Evil:
    def __init__(self, call, *values: object) -> None:
        self.call, self.values = call, values

    def __reduce__(self):
        return self.call, self.values


@pytest.mark.parametrize("call", [os.system, eval, np.load, np.frombuffer], ids=lambda call: call.__name__)
def test_a_pickle_that_would_run_something_is_refused(cifar, out, tmp_path, call) -> None:
    trap = tmp_path / "trap"
    text = f"touch {trap}" if call is os.system else f"__import__('pathlib').Path({str(trap)!r}).touch()"
    content = {b"labels": [0], b"data": Evil(call, text)}
    put(cifar, "cifar-10-batches-py/data_batch_3", pickle.dumps(content, protocol=2))
    with pytest.raises(BadData, match=rf"wants to call \S*{call.__name__}, .* nothing was run"):
        prepare("cifar10", cifar, out)
    assert not trap.exists() and not out.exists()


@pytest.mark.parametrize("content", [
    b"", b"junk", pickle.dumps([1]), pickle.dumps({b"labels": [11], b"data": np.zeros((1, 3072), np.uint8)}, 2),
    pickle.dumps({b"labels": [1], b"data": np.zeros((1, 3072), np.float32)}, 2), published.batch([1])[1][:-40],
])  # fmt: skip
def test_a_pickle_that_is_no_batch_is_refused(cifar, out, content) -> None:
    put(cifar, "cifar-10-batches-py/data_batch_3", content)
    with pytest.raises(BadData, match=r"data_batch_3 is no batch of CIFAR .*; unpack the archive again"):
        prepare("cifar10", cifar, out)


def test_the_folders_of_cifar10(tmp_path, out) -> None:
    src = tmp_path / "png"
    for split, count in (("train", 2), ("test", 1)):
        for name in NAMES:
            for i in range(count):
                put(src, f"{split}/{name}/{i}.png")
    assert prepare("cifar10", src, out).images == 30
    assert (out / "test/frog/0.png").samefile(src / "test/frog/0.png")
    assert load_folder(out).superclasses == tuple(sorted(NAMES))
    (src / "test/frog/0.png").unlink()
    with pytest.raises(BadData, match="found no images in test/frog"):
        prepare("cifar10", src, out)


def test_stl10_is_turned_upright(tmp_path, out) -> None:
    src, images = published.stl(tmp_path / "stl")
    assert prepare("stl10", src, out).images == 9
    assert np.array_equal(pixels(out / "test/bird/00001.png"), images[1])
    assert load_folder(out).superclasses == ("airplane", "bird", "car")
    assert prepare("stl10", src, out).kept == 9 and not [*out.rglob("*.txt")]
    assert prepare("stl10", src, out, evaluation=True).images == 3
    assert (out / "stl10/templates.txt").read_text() == "a photo of a {}.\na photo of the {}.\n"
    put(src, "stl10_binary/test_y.bin", b"\1\2")
    with pytest.raises(BadData, match=r"found a test_X.bin that does not go with test_y.bin"):
        prepare("stl10", src, out)


def test_food101_follows_its_lists(tmp_path, out) -> None:
    src = published.food(tmp_path / "food")
    assert prepare("food101", src, out).images == 10
    dataset = load_folder(out)
    assert dataset.superclasses == ("apple pie", "baby back ribs") and len(dataset.of("test")) == 4
    assert (out / "test/apple pie/3.jpg").samefile(src / "food-101/images/apple_pie/3.jpg")
    (src / "food-101/images/apple_pie/3.jpg").unlink()
    with pytest.raises(BadData, match=r"found no images/apple_pie/3.jpg, which meta/test.txt names"):
        prepare("food101", src, out)


def test_objectnet_loses_its_border_and_what_imagenet_lacks(tmp_path, out) -> None:
    src = published.objectnet(tmp_path / "objectnet-1.0")
    result = prepare("objectnet", src, out)
    assert result.folders == ("objectnet",) and result.images == 2
    assert sorted(path.name for path in (out / "objectnet").iterdir()) == ["banana", "coffee or french press"]
    shown = pixels(out / "objectnet/banana/a.png")
    assert shown.shape == (15, 20, 3) and np.array_equal(shown, pixels(src / "images/banana/a.png")[2:-2, 2:-2])
    before = state(out)
    assert prepare("objectnet", tmp_path / "objectnet-1.0", out).kept == 2 and state(out) == before
    for split, count in (("train", 2), ("test", 1)):
        for name in ("banana", "pear"):
            for i in range(count):
                put(out, f"{split}/{name}/{i}.png")
    assert load_folder(out).evaluation_sets == ("objectnet",)
    put(src, published.SHARED, json.dumps({"Banana": "banana", "Kiwi": "kiwi"}).encode())
    with pytest.raises(BadData, match="found no images of Kiwi"):
        prepare("objectnet", src, out)
    put(src, published.SHARED, b"[")
    with pytest.raises(BadData, match=r"found no readable mappings/objectnet_to_imagenet_1k.json"):
        prepare("objectnet", src, out)


@pytest.mark.parametrize("name", SOURCES.load())
def test_what_is_another_set_is_refused_in_one_sentence(name, tmp_path, out) -> None:
    put(tmp_path, "src/holidays.txt", b"")
    entry = SOURCES[name]
    with pytest.raises(BadData) as refused:
        prepare(name, tmp_path / "src", out)
    wanted = f"is not {entry.title} as published: expected {entry.expects}; found holidays.txt."
    assert str(refused.value) == f"{tmp_path / 'src'} {wanted}" and not out.exists()
    with pytest.raises(BadData, match="does not exist"):
        prepare(name, tmp_path / "nowhere", out)
    with pytest.raises(BadData, match="is a file; unpack it first"):
        prepare(name, tmp_path / "src/holidays.txt", out)
    (tmp_path / "src/holidays.txt").unlink()
    with pytest.raises(BadData, match="found an empty folder"):
        prepare(name, tmp_path / "src", out)


def test_nothing_foreign_is_touched(tmp_path, out) -> None:
    src = published.food(tmp_path / "food")
    before = state(src)
    for folder in (src, src / "food-101", src / "new", tmp_path):
        with pytest.raises(BadData, match="lie inside each other"):
            prepare("food101", src, folder)
    out.symlink_to(src)
    with pytest.raises(BadData, match="lie inside each other"):
        prepare("food101", src, out)
    out.unlink()
    out.mkdir()
    (out / "train").symlink_to(src)
    with pytest.raises(BadData, match=r"folders that are not of Food-101 \(train/food-101"):
        prepare("food101", src, out)
    (out / "train").unlink()
    (out / "train").mkdir()
    (out / "train/apple pie").symlink_to(src / "food-101/images/apple_pie")
    with pytest.raises(BadData, match=r"train/apple pie is a link into"):
        prepare("food101", src, out)
    (out / "train/apple pie").unlink()
    mine = put(out, "train/apple pie/1.jpg", b"mine")
    with pytest.raises(BadData, match=r"train/apple pie/1.jpg is there already and another file"):
        prepare("food101", src, out)
    assert mine.read_bytes() == b"mine" and state(src) == before
    put(out, "train/monkey/titi/1.jpg")
    with pytest.raises(BadData, match=r"not of Food-101 \(train/monkey, train/monkey/titi\); .* or add --evaluation"):
        prepare("food101", src, out)
    assert prepare("food101", src, out, evaluation=True).images == 4
    with pytest.raises(UnknownName, match="Did you mean 'food101'"):
        prepare("food", src, out)


def test_it_can_be_stopped_and_repeated(cifar, out) -> None:
    def stop(done: int, total: int) -> None:
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("cifar10", cifar, out, progress=stop)
    assert len(state(out)) == 7
    calls: list[tuple[int, int]] = []
    assert prepare("cifar10", cifar, out, progress=lambda *call: calls.append(call)).kept == 7
    assert calls == [(done, 60) for done in range(1, 61)] and len(state(out)) == 60


def test_the_command(cifar, out, capsys, monkeypatch) -> None:
    words = ["reproduce", "prepare", "cifar10", str(cifar), str(out)]
    assert main(words) == 0
    assert capsys.readouterr().out == f"60 images of 10 classes lie in {out / 'train'} and {out / 'test'}.\n"
    assert main([*words, "--json"]) == 0 and json.loads(capsys.readouterr().out)["kept"] == 60
    assert main([*words, "--evaluation"]) == 0 and f"lie in {out / 'cifar10'}." in capsys.readouterr().out
    assert main(["data", str(out), "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)["superclasses"]) == set(NAMES)
    for wrong, hint in ((words[:3], "SET SRC OUT"), (["reproduce", "table1", "x"], "one word too many")):
        assert main(wrong) == 2 and hint in capsys.readouterr().err
    monkeypatch.setattr(Path, "mkdir", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "no", "there")))
    assert main([*words[:-1], str(out) + "2"]) == 2
    assert capsys.readouterr().err.endswith("there: no; put that right and repeat the command.\n")


def test_tables_name_the_commands_that_build_their_folders() -> None:
    for experiment in EXPERIMENTS.load().values():
        sets = experiment.sets(experiment.paper)
        assert experiment.prepare or sets
        for name, where in [
            *((name, "ROOT") for name in experiment.prepare),
            *((n, "SETS --evaluation") for n in sets),
        ]:
            assert name in SOURCES
            assert f"python -m clipforget reproduce prepare {name} SRC {where}" in experiment.instructions()
    assert {"imagenet-airplane", "imagenet-truck"} <= set(EXPERIMENTS["table2"].sets(EXPERIMENTS["table2"].paper))
