"""`select`: a subgroup that nobody labelled, chosen by words and by name, saved, and forgotten."""

import io
import json
import zipfile

import pytest

from clipforget.cli.main import main
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("select")


@pytest.fixture
def call(runs, world, capsys):
    """Run the command; its status, what it printed, and what it said on stderr."""

    def run(*words, data=True):
        more = ["--data", world.data, "--model", world.clip, "--device", "cpu"] if data else []
        status = main(["select", *words, *more, "--runs", str(runs)])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return run


def test_images_are_chosen_saved_and_can_be_forgotten(call, runs, world, tmp_path, capsys):
    status, _, error = call("build", "reds", "--text", "disc")
    assert status == 2 and "--most N" in error and "20 have" in error
    status, out, _ = call(
        "build", "reds", "--text", "disc", "--most", "80", "--caption", "ball", "--siblings", "40", "--json"
    )
    made = json.loads(out)["selection"]
    assert status == 0 and len(made["images"]) >= 80 and made["siblings"] and made["how"]["text"] == "disc"
    assert made["how"]["threshold"] <= 1 and all(len(image["sha256"]) == 64 for image in made["images"])
    one, other = made["images"][0]["key"], made["siblings"][0]["key"]
    status, out, _ = call(
        "build",
        "reds",
        "--text",
        "disc",
        "--most",
        "80",
        "--leave",
        one,
        "--take",
        f"{world.data}/{other}",
        "--replace",
        "--json",
    )
    keys = {image["key"] for image in json.loads(out)["selection"]["images"]}
    assert status == 0 and one not in keys and other in keys
    assert "reds" in call("list", data=False)[1] and call(data=False)[0] == 0
    file = tmp_path / "s.json"
    assert call("export", "reds", "-o", str(file), data=False)[0] == 0
    assert call("load", str(file), data=False)[0] == 2, "the name is taken"
    assert call("load", str(file), "more reds", data=False)[0] == 0
    assert call("rename", "more reds", "some reds", data=False)[0] == 0
    assert call("delete", "reds", data=False)[0] == 0 and call("show", "reds", data=False)[0] == 2
    status, out, _ = call("show", "some reds", "--json", data=False)
    caption = json.loads(out)["selection"]["caption"]
    words = [
        "--data",
        world.data,
        "--model",
        world.clip,
        "--device",
        "cpu",
        "--runs",
        str(runs),
        "--method",
        "do_nothing",
    ]
    assert main(["run", *words, "--selected", "some reds", "--forget", f"{caption}/some reds", "--json"]) == 0
    (run,) = runs.glob("*/run.json")
    config = json.loads(run.read_text())["config"]
    assert config["forget"] == [f"{caption}/some reds"] and "/used/some-reds-" in config["selections"][0]
    space = Workspace(runs, sample=False)
    archive = zipfile.ZipFile(io.BytesIO(space.export(run.parent.name, "run.zip")[0]))
    assert [name for name in archive.namelist() if "/selections/some-reds-" in name], "others can repeat it"
    assert "some-reds" in space.report(run.parent.name)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("make",), "no action of select 'make'"),
        (("build",), "takes 1 to 1 names"),
        (("build", "a/b", "--text", "x"), "cannot name a selection"),
        (("build", "x"), "Say what to look for"),
        (("build", "x", "--picture", "/none.png", "--most", "9"), "Cannot read the picture"),
        (("build", "x", "--take", "none.png"), "no image 'none.png'"),
        (("build", "x", "--text", "disc", "--threshold", "1.5"), "No image has a cosine of 1.5"),
        (("build", "x", "--text", "disc", "--most", "0"), "at least 1"),
        (("build", "x", "--text", "disc", "--most", "9999"), "holds every image"),
        (("load", "/none.json"), "Cannot read /none.json"),
        (("delete", "nobody"), "no selection 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, words, message):
    status, out, error = call(*words)
    assert status == 2 and message in error and "Traceback" not in error and not out
