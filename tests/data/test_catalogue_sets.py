"""The data sets known by name: small fakes of each as published, read as torchvision reads them, in words."""

import errno
import hashlib
import io
import json
import os
import re
import shutil
import signal
import sys
import tarfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import URLError

import numpy as np
import published
import pytest
import torchvision
from pictures import put

from clipforget.cli.main import main
from clipforget.data.breeds import Task, breeds
from clipforget.data.catalogue import DATASETS, data_folder, load_dataset, path_of
from clipforget.data.catalogue.flowers102 import NAMES
from clipforget.data.catalogue.living17 import LIVING17
from clipforget.data.evaluation import with_evaluation_sets
from clipforget.data.imagenet import class_names
from clipforget.errors import BadData, BadSetting
from clipforget.runs.config import RunConfig, with_absolute_paths
from clipforget.workspace.public import PublicWorkspace

PETS = {"cat": ("Abyssinian", "Maine Coon"), "dog": ("american bulldog",)}
# By name: the fake, its superclasses with their subgroups, and images of train, validation and test.
SETS = {
    "cifar10": (published.cifar, dict.fromkeys(("airplane", "truck"), ()), (40, 10, 10)),
    "cifar100": (
        published.cifar100,
        {"fish": ("aquarium fish",), "fruit and vegetables": ("apple", "pear")},
        (3, 3, 6),
    ),
    "stl10": (published.stl, {"airplane": (), "bird": (), "car": ()}, (3, 3, 3)),
    "food101": (published.food, {"apple pie": (), "baby back ribs": ()}, (4, 2, 4)),
    "oxford_pets": (published.pets, PETS, (6, 3, 6)),
    "fgvc_aircraft": (published.aircraft, {"Airbus": ("A320",), "Boeing": ("Boeing 737", "FA-18")}, (6, 6, 6)),
    "fgvc_aircraft_variants": (published.aircraft, {"Airbus": ("A320",), "Boeing": ("737-700", "FA-18")}, (6, 6, 6)),
    "caltech101": (published.caltech, {"motorbike": (), "side of a car": ()}, (6, 2, 2)),
    "flowers102": (published.flowers, {"passion flower": (), "pink primrose": ()}, (4, 4, 4)),
    "stanford_cars": (
        published.cars,
        {
            "Acura": ("Acura RL C-V 2012", "Acura TL Sedan 2012"),
            "Aston Martin": ("Aston Martin Virage Coupe 2012",),
        },
        (3, 3, 6),
    ),
    "living17": (published.imagenet, {"monkey": tuple(sorted(LIVING17["monkey"]))}, (68, 68, 68)),
    "imagenet": (published.imagenet, {"airliner": (), "titi monkey": ()}, (69, 69, 69)),
}  # fmt: skip


@pytest.fixture(scope="module")
def fakes(tmp_path_factory) -> dict[str, Path]:
    """Where the fake of each set lies: what torchvision calls its root."""
    folder = tmp_path_factory.mktemp("fakes")
    made = {make: folder / str(number) for number, make in enumerate({make for make, _, _ in SETS.values()})}
    for make, path in made.items():
        path.mkdir()
        make(path, ("n02690373",)) if make is published.imagenet else make(path)
    return {name: made[make] for name, (make, _, _) in SETS.items()}


@pytest.fixture
def data_home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CLIPFORGET_DATA", str(tmp_path / "sets"))
    return tmp_path / "sets"


@pytest.mark.parametrize("name", SETS)
def test_a_published_set_is_read_by_reference_and_in_words(name, fakes) -> None:
    _, groups, counts = SETS[name]
    dataset = load_dataset(f"{name}:{fakes[name]}")
    assert {top: dataset.subgroups(top) for top in groups} == groups, dataset.superclasses
    assert name in ("cifar10", "living17", "imagenet") or dataset.superclasses == tuple(groups)
    assert tuple(len(dataset.of(split)) for split in ("train", "validation", "test")) == counts
    start = {"caltech101": "Train and test are not told apart", "fgvc_aircraft": "The data set says what is train, val"}
    assert dataset.layout.split.startswith(start.get(name, "The data set says what is train"))
    assert dataset.name == name and "{}" in dataset.template
    item = dataset.items[-1]
    assert min(dataset.open(item).size) >= 8 and dataset.source.read(item.key)
    again = load_dataset(f"{name}:{fakes[name]}")
    assert again.fingerprint == dataset.fingerprint and again.items == dataset.items


def shown(folder: Path, name: str) -> list[tuple[np.ndarray, str]]:
    """The test images and their finest labels as torchvision reads the same folder."""
    sets = torchvision.datasets
    read = {
        "cifar100": lambda: sets.CIFAR100(folder, train=False),
        "stl10": lambda: sets.STL10(folder, split="test"),
        "food101": lambda: sets.Food101(folder, split="test"),
        "oxford_pets": lambda: sets.OxfordIIITPet(folder, split="test"),
        "fgvc_aircraft_variants": lambda: sets.FGVCAircraft(folder, split="test"),
        "caltech101": lambda: sets.Caltech101(folder),
        "flowers102": lambda: sets.Flowers102(folder, split="test"),
        "stanford_cars": lambda: sets.StanfordCars(folder, split="test"),
    }[name]()
    names = read.categories if name == "caltech101" else read.classes
    return [(np.array(image), names[int(number)]) for image, number in read]


def plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


@pytest.mark.parametrize("name", ["cifar100", "stl10", "food101", "oxford_pets", "fgvc_aircraft_variants", "flowers102",
                                  "caltech101", "stanford_cars"])  # fmt: skip
def test_torchvision_sees_the_same_images_under_the_same_names(name, fakes, monkeypatch) -> None:
    """The fakes are laid out as published, and no image is turned, mixed up or renamed."""
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)
    monkeypatch.setattr("torchvision.datasets.stl10.check_integrity", lambda *_: True)
    monkeypatch.setattr("torchvision.datasets.flowers102.check_integrity", lambda *_: True)
    theirs = sorted((image.tobytes(), plain(label)) for image, label in shown(fakes[name], name))
    dataset = load_dataset(f"{name}:{fakes[name]}")
    items = dataset.items if name == "caltech101" else dataset.of("test")
    ours = sorted((np.array(dataset.open(i)).tobytes(), plain(i.subgroup or i.superclass)) for i in items)
    assert [image for image, _ in ours] == [image for image, _ in theirs]
    if name != "caltech101":
        assert [label for _, label in ours] == [label for _, label in theirs]


def test_names_come_from_where_they_are_published() -> None:
    assert tuple(torchvision.datasets.Flowers102.classes) == NAMES
    from open_clip import IMAGENET_CLASSNAMES
    from timm.data.imagenet_info import ImageNetInfo

    names, info = class_names(), ImageNetInfo()
    assert [*names] == [info.index_to_label_name(index) for index in range(1000)]
    differ = [ours for ours, theirs in zip(names.values(), IMAGENET_CLASSNAMES, strict=True) if ours != theirs]
    assert len(set(names.values())) == 1000 and len(differ) < 10, differ


def test_breeds_are_read_from_their_authors_files(fakes, tmp_path) -> None:
    """Five steps below the root lie LIVING-17's superclasses: the same as the list that ships."""
    src = fakes["living17"]
    expected = {wnid: (top, class_names()[wnid]) for top, subgroups in LIVING17.items() for wnid in subgroups.values()}
    with pytest.raises(BadData, match=r"found no class_hierarchy.txt beside it; .* of https://github.com/MadryLab"):
        load_dataset(f"nonliving26:{src}")
    published.hierarchy(tmp_path)
    (tmp_path / "imagenet").symlink_to(src)
    assert breeds(tmp_path / "imagenet", Task(17, level=5, each=4, ancestor="n00004258")) == expected
    two = breeds(tmp_path / "imagenet", Task(17, level=5, each=2))
    random = np.random.RandomState(2)
    first = [random.choice(sorted(subgroups.values()), 2, replace=False) for subgroups in LIVING17.values()]
    assert [*two] == [str(wnid) for pair in first for wnid in pair]
    with pytest.raises(BadData, match=r"a class_hierarchy.txt with 0 such superclasses, not 26"):
        load_dataset(f"nonliving26:{tmp_path / 'imagenet'}")
    put(tmp_path, "imagenet_class_hierarchy/class_hierarchy.txt", b"n00001740 n01\nn01 n01631663\nn01631663 n01")
    with pytest.raises(BadData, match="runs in a circle"):
        load_dataset(f"entity13:{tmp_path / 'imagenet'}")


def test_where_published_sets_lie(fakes, data_home, monkeypatch) -> None:
    """In the folder of data sets under their names, or wherever `name:FOLDER` says; both survive a run's record."""
    entry = DATASETS.load()["oxford_pets"]
    assert data_folder() == data_home and not entry.on_disk and path_of("oxford_pets") == data_home / "oxford-iiit-pet"
    how = "Download it: python -m clipforget data download oxford_pets, or say where it lies: oxford_pets:FOLDER"
    with pytest.raises(BadData, match=rf"Oxford-IIIT Pets is not on this disk\. {how}\. Terms: CC BY-SA"):
        load_dataset("oxford_pets")
    with pytest.raises(BadData, match=r"Stanford Cars is not on this disk\. Its authors' address is dead: .* Put it"):
        load_dataset("stanford_cars")
    with pytest.raises(BadData, match="ObjectNet may only be evaluated on"):
        load_dataset("objectnet")
    with pytest.raises(BadData, match="/nowhere does not exist, or leave it away: oxford_pets"):
        load_dataset("oxford_pets:/nowhere")
    data_home.mkdir()
    shutil.copytree(fakes["oxford_pets"] / "oxford-iiit-pet", data_home / "oxford-iiit-pet")
    assert entry.on_disk and load_dataset("oxford_pets").subgroups("cat") == PETS["cat"]
    monkeypatch.chdir(data_home)
    config = RunConfig(data="oxford_pets:.", forget=("cat/Abyssinian",))
    assert with_absolute_paths(config).data == f"oxford_pets:{data_home}"
    assert with_absolute_paths(RunConfig(data="oxford_pets", forget=("cat",))).data == "oxford_pets"
    absolute = with_absolute_paths(RunConfig(eval=("a=food101:.:apple pie", "b=objectnet", "c=oxford-iiit-pet")))
    assert absolute.eval == (f"a=food101:{data_home}:apple pie", "b=objectnet", f"c={data_home}/oxford-iiit-pet")
    assert load_dataset("oxford_pets:.").fingerprint == load_dataset("oxford_pets").fingerprint
    (data_home / "oxford-iiit-pet/images/Maine_Coon_4.jpg").unlink()
    with pytest.raises(BadData, match=r"found no images/Maine_Coon_4.jpg, which annotations/test.txt names"):
        load_dataset("oxford_pets")


BROKEN = (  # a set, what is done to its copy, and what the sentence ends with
    ("cifar100", "cifar-100-python/meta", b"\x80\x02}.", "found a file meta without names of classes"),
    ("cifar100", "cifar-100-python/test", None, "found no file test"),
    ("cifar100", "cifar-100-python/train", b"junk", "train is no batch of CIFAR .*; unpack the archive again"),
    ("oxford_pets", "oxford-iiit-pet/annotations/test.txt", b"Abyssinian_4 1", "without four words a line"),
    ("oxford_pets", "oxford-iiit-pet/annotations/test.txt", b"\xff\xfe", "cannot be read as Oxford-IIIT Pets: .*codec"),
    ("fgvc_aircraft", "fgvc-aircraft-2013b/data/images_family_val.txt", b"0000001 A320", "that name different images"),
    ("fgvc_aircraft", "fgvc-aircraft-2013b/data/images_family_val.txt", None, "found no data/images_family_val.txt"),
    ("flowers102", "flowers-102/setid.mat", b"MATLAB", "found a damaged setid.mat"),
    ("flowers102", "flowers-102/imagelabels.mat", None, "found no imagelabels.mat"),
    ("stanford_cars", "stanford_cars/devkit/cars_meta.mat", b"", "found a damaged cars_meta.mat"),
    ("stanford_cars", "stanford_cars/cars_test/00001.jpg", None, "found no cars_test/00001.jpg, which cars_test_annos"),
)


@pytest.mark.parametrize(("name", "file", "content", "ends"), BROKEN)
def test_a_damaged_copy_is_one_sentence(name, file, content, ends, fakes, tmp_path) -> None:
    shutil.copytree(fakes[name], tmp_path / "copy")
    (tmp_path / "copy" / file).unlink()
    if content is not None:
        put(tmp_path / "copy", file, content)
    with pytest.raises(BadData, match=ends) as refused:
        load_dataset(f"{name}:{tmp_path / 'copy'}")
    assert str(refused.value).count("\n") == 0


def test_an_image_that_was_cut_off_later(fakes, tmp_path) -> None:
    for name, file in (("cifar100", "cifar-100-python/test"), ("stl10", "stl10_binary/test_X.bin")):
        shutil.copytree(fakes[name], tmp_path / name)
        dataset = load_dataset(f"{name}:{tmp_path / name}")
        os.truncate(tmp_path / name / file, 100)
        with pytest.raises(BadData, match=r"The image test/.* is missing: test.* was cut off; take it out"):
            dataset.open(dataset.of("test")[-1])
        (tmp_path / name / file).unlink()
        with pytest.raises(BadData, match=r"cannot be opened \(No such file"):
            dataset.open(dataset.of("test")[-1])


def test_without_scipy_one_sentence_says_what_to_install(fakes, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(BadData, match=r"imagelabels.mat needs scipy: pip install 'clipforget\[datasets\]'"):
        load_dataset(f"flowers102:{fakes['flowers102']}")


class Archive:
    """Stands for a class of torchvision.datasets: it unpacks what it has `fetched`, or fails like it."""

    def __init__(self, source: Path, fails: BaseException | None = None) -> None:
        self.source, self.fails = source, fails

    def __call__(self, root: str, download: bool) -> None:
        folder = Path(root) / self.source.name
        shutil.copytree(self.source, folder)
        put(folder, "images.tar.gz", b"archive")
        if isinstance(self.fails, KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)  # as the page stops it
        if self.fails is not None:
            raise self.fails


def test_a_download_shows_its_terms_and_asks(fakes, data_home, monkeypatch, capsys) -> None:
    source = fakes["oxford_pets"] / "oxford-iiit-pet"
    monkeypatch.setattr("torchvision.datasets.OxfordIIITPet", Archive(source))
    assert main(["data", "download", "oxford_pets"]) == 2
    text = capsys.readouterr()
    assert "811 MB to download. Terms: CC BY-SA 4.0" in text.out and "oxford_pets --yes" in text.err
    assert not data_home.exists()
    monkeypatch.setattr("sys.stdin", type("Terminal", (io.StringIO,), {"isatty": lambda self: True})("n\n"))
    assert main(["data", "download", "oxford_pets"]) == 0 and "Nothing was downloaded" in capsys.readouterr().out
    assert main(["data", "download", "oxford_pets", "--yes"]) == 0
    assert f"lies in {data_home / 'oxford-iiit-pet'}" in capsys.readouterr().out
    assert main(["data", "oxford_pets"]) == 0 and "cat/Abyssinian" in capsys.readouterr().out
    assert [path.name for path in data_home.iterdir() if path.is_dir()] == ["oxford-iiit-pet"]
    assert not (data_home / "oxford-iiit-pet/images.tar.gz").exists()
    assert main(["data", "download", "oxford_pets"]) == 0 and "is there already" in capsys.readouterr().out
    assert main(["data", "download", "stanford_cars"]) == 2 and "address is dead" in capsys.readouterr().err
    assert main(["data", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["data"]
    assert listed["oxford_pets"]["on_disk"] and not listed["food101"]["on_disk"]
    assert all(listed[name]["terms"] and (listed[name]["bytes"] or listed[name]["get"]) for name in SETS)


FAILURES = (
    (URLError("Name or service not known"), "Oxford-IIIT Pets cannot be reached .*; check the network, or put it into"),
    (RuntimeError("File not found or corrupted."), "came damaged or cut off; nothing was kept, start it again"),
    (tarfile.ReadError("unexpected end of data"), "came damaged or cut off"),
    (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room there"),
    (KeyboardInterrupt(), ""),
)


@pytest.mark.parametrize(("fails", "says"), FAILURES, ids=lambda value: type(value).__name__)
def test_a_download_that_breaks_off_leaves_nothing(fails, says, fakes, data_home, monkeypatch, capsys) -> None:
    archive = Archive(fakes["oxford_pets"] / "oxford-iiit-pet", fails)
    monkeypatch.setattr("torchvision.datasets.OxfordIIITPet", archive)
    status = main(["data", "download", "oxford_pets", "--yes"])
    assert (status and not says) or re.search(says, capsys.readouterr().err)
    assert not [path for path in data_home.rglob("*") if path.name != ".download.lock"]


def test_a_download_goes_on_where_it_broke_off(fakes, data_home, monkeypatch, capsys) -> None:
    """A server that cuts the first answer in the middle is asked for the rest alone; the hash is that of the whole."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(fakes["oxford_pets"] / "oxford-iiit-pet", "oxford-iiit-pet")
    whole, asked = archive.getvalue(), list[str | None]()

    class Server(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            asked.append(self.headers["Range"])
            start = int((asked[-1] or "bytes=0-")[6:-1])
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(whole) - start))
            self.end_headers()
            self.wfile.write(whole[start:] if start else whole[: len(whole) // 2])

        def log_message(self, *words: object) -> None:
            pass

    def fetched(root: str, download: bool) -> None:
        url = f"http://127.0.0.1:{server.server_port}/pets.tar"
        torchvision.datasets.utils.download_and_extract_archive(url, root, md5=hashlib.md5(whole).hexdigest())

    monkeypatch.setattr("torchvision.datasets.OxfordIIITPet", fetched)
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        assert main(["data", "download", "oxford_pets", "--yes"]) == 2
        assert "what has arrived is kept" in capsys.readouterr().err and not (data_home / "oxford-iiit-pet").exists()
        assert main(["data", "download", "oxford_pets", "--yes"]) == 0
        server.shutdown()
    assert list(filter(None, asked)) == [f"bytes={len(whole) // 2}-"]  # beside torchvision's look for redirects
    assert load_dataset("oxford_pets").superclasses == ("cat", "dog")
    assert [path.name for path in data_home.iterdir() if path.is_dir()] == ["oxford-iiit-pet"]


def test_a_full_disk_is_asked_before(data_home, monkeypatch, capsys) -> None:
    monkeypatch.setattr("clipforget.files.shutil.disk_usage", lambda _: type("Usage", (), {"free": 2**30}))
    assert main(["data", "download", "food101", "--yes"]) == 2
    assert "1,024 MiB are free, and Food-101 needs 11,913 MiB" in capsys.readouterr().err and not data_home.exists()


def test_pixels_become_a_png_that_anybody_reads(fakes) -> None:
    _, values = published.cifar100(fakes["cifar100"])  # the same fake again, whose values are known
    dataset = load_dataset(f"cifar100:{fakes['cifar100']}")
    item = next(item for item in dataset.of("test") if item.key.endswith("test-00004.png"))
    assert dataset.source.read(item.key).startswith(b"\x89PNG") and item.subgroup == "aquarium fish"
    assert np.array_equal(np.array(dataset.open(item)), values[4].reshape(3, 32, 32).transpose(1, 2, 0))


def test_a_published_set_is_an_evaluation_set_too(fakes, tmp_path, data_home) -> None:
    """By its name, where it lies, with classes of the target; captions are its own. ObjectNet is nothing else."""
    dataset = load_dataset(f"oxford_pets:{fakes['oxford_pets']}")
    published.objectnet(data_home / "objectnet-1.0")
    texts = ["odd=objectnet", f"small=stl10:{fakes['stl10']}", f"food=food101:{fakes['food101']}:apple pie"]
    whole = with_evaluation_sets(dataset, texts, 100)
    odd, small, food = (whole.evaluation[name] for name in ("odd", "small", "food"))
    assert odd.classes == ("banana", "coffee or french press") and len(odd.templates) == 80
    assert small.templates == ("a photo of a {}.", "a photo of the {}.") and food.target == ("apple pie",)
    assert {name: len(whole.of(name)) for name in whole.evaluation} == {"odd": 2, "small": 3, "food": 4}
    assert whole.open(whole.of("odd")[0]).size == (20, 15) and whole.open(whole.of("small")[0]).size == (96, 96)
    again = with_evaluation_sets(dataset, texts, 100).evaluation
    assert again["food"].fingerprint == food.fingerprint
    for text, says in (("odd=cifar10", "'odd': CIFAR-10 is not on this disk"), ("odd=stl10:/no", "/no does not exist")):
        with pytest.raises(BadData, match=says):
            with_evaluation_sets(dataset, [text], 100)


def test_objectnet_stands_under_the_superclasses_of_breeds(fakes, data_home) -> None:
    """An object is where all its classes of ImageNet are; one that is nowhere, or in two, is left out."""
    dataset = load_dataset(f"oxford_pets:{fakes['oxford_pets']}")
    published.objectnet_mappings(data_home / "objectnet-1.0")
    text = "odd=objectnet_nonliving26:Chair"
    with pytest.raises(BadData, match=r"expected images/.*; found no class_hierarchy.txt beside it; .*BREEDS"):
        with_evaluation_sets(dataset, [text], 100)
    groups = {"seat": ("n03376595", "n04099969"), "fruit": ("n07753592",)}
    published.nonliving(data_home / "imagenet", groups)  # where ImageNet has them
    whole = with_evaluation_sets(dataset, [text], 100)
    odd, items = whole.evaluation["odd"], whole.of("odd")
    assert odd.classes == ("fruit", "seat") and len(odd.templates) == 80
    assert {(item.superclass, item.subgroup) for item in items} == {("fruit", "banana"), ("seat", "chair")}
    assert [item.subgroup for item in items if odd.is_target(item, ())] == ["chair"]
    assert whole.open(items[0]).size == (20, 15)
    published.nonliving(data_home / "imagenet", {"seat": ["n03376595"], "bench": ["n04099969"], "fruit": ["n07753592"]})
    with pytest.raises(BadData, match="single class 'fruit'"):
        with_evaluation_sets(dataset, [text], 100)
    put(data_home, "objectnet-1.0/mappings/imagenet_to_label_2012_v2", b"banana")
    with pytest.raises(BadData, match=r"found mappings that do not go together"):
        with_evaluation_sets(dataset, [text], 100)
    with pytest.raises(BadData, match="may only be evaluated on"):
        load_dataset("objectnet_entity13")


def test_a_public_server_offers_what_is_on_its_disk(fakes, data_home, tmp_path) -> None:
    space = PublicWorkspace(tmp_path / "runs")
    assert [entry["name"] for entry in space.setup()["data"]] == ["sketchbook"]
    with pytest.raises(BadSetting, match="the images sketchbook"):
        space.dataset("oxford_pets")
    shutil.copytree(fakes["oxford_pets"] / "oxford-iiit-pet", data_home / "oxford-iiit-pet")
    assert [entry["name"] for entry in space.setup()["data"]] == ["sketchbook", "oxford_pets"]
    assert space.dataset("oxford_pets").superclasses == ("cat", "dog")
    with pytest.raises(BadSetting):
        space.dataset(f"oxford_pets:{fakes['oxford_pets']}")
