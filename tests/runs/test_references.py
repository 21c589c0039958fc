"""Shipped figures of retrained models: what the command writes, whose yardstick they are, and why there is none."""

import shlex
import shutil
from dataclasses import replace

import pytest

from clipforget.audits import AUDITS
from clipforget.cli.main import main
from clipforget.data.sketchbook import SUBGROUPS
from clipforget.errors import BadModel, BadSetting
from clipforget.files import ASSETS, write_json
from clipforget.generators import finish
from clipforget.models.pretrain.card import read_card
from clipforget.models.sources import EMBEDDED
from clipforget.runs.audited import audits_view
from clipforget.runs.references import FORMS, no_reference, read_reference, references_of, with_model
from clipforget.runs.retrained import measure_reference
from clipforget.runs.store import Store

FILES = sorted((ASSETS / "references").glob("*.json"))


@pytest.fixture(scope="module")
def sample():
    [run] = Store(ASSETS / "sample-run").all()
    return run


@pytest.fixture(scope="module")
def retrained(tmp_path_factory):
    """The shipped model with the card of one that was trained without owls: the command takes its word for it."""
    folder = tmp_path_factory.mktemp("retrained") / "model"
    shutil.copytree(EMBEDDED["clipforget-tiny"], folder)
    card = folder / "README.md"
    command = "pretrain --seed 3 --without 'bird/owl' --without-word`"
    card.write_text(card.read_text(encoding="utf-8").replace("clipforget pretrain`", f"clipforget {command}"))
    return folder


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_shipped_figures_are_of_the_shipped_model_and_complete(file):
    document = read_reference(file)
    (target,) = document["forget"]
    assert target in {f"{name}/{sub}" for name, subs in SUBGROUPS.items() for sub in subs}
    assert document["model"] in (EMBEDDED["clipforget-tiny"] / "README.md").read_text(encoding="utf-8")
    assert document["models"] == with_model(document, document)["models"], "one of each form and seed, in order"
    for model in document["models"]:
        assert f"--without {shlex.quote(target)}" in model["command"]
        assert model["form"] == FORMS["--without-word" in model["command"]]
        assert set(model["audits"]) <= set(AUDITS.load())
        found = {figure["key"]: figure["value"] for figure in model["audits"]["image_query"]["figures"]}
        assert found["forget"] < found["siblings"], "a model that never saw a kind has no cluster of it"


def test_the_command_writes_documents_like_the_shipped_ones_and_adds_to_them(retrained, tmp_path, capsys):
    out = tmp_path / "owl.json"
    first = read_reference(FILES[0])
    write_json(out, first | {"forget": ["bird/owl"]})
    assert main(["reference", str(retrained), str(out), "image_query"]) == 0
    assert "Wrote" in capsys.readouterr().out
    document = read_reference(out)
    *kept, added = document["models"]
    assert kept == first["models"] and set(added) == set(kept[0])
    assert {k: document[k] for k in ("model", "data", "images")} == {k: first[k] for k in ("model", "data", "images")}
    assert (added["form"], added["seed"], list(added["audits"])) == (FORMS[1], 3, ["image_query"])
    with pytest.raises(BadSetting, match="another target"):
        with_model(document, first)


def test_a_yardstick_is_for_its_target_model_images_and_gallery(sample):
    found = references_of(sample)
    assert next(iter(found)) == FORMS[0] and no_reference(sample) == ""
    view = audits_view(sample, None)
    entry = next(entry for entry in view["audits"] if entry["name"] == "image_query")
    assert entry["reference"]["pictures"] == found["pictures"]["image_query"] and view["no_reference"] == ""

    class Other:
        """A run that differs."""

        def __init__(self, prints, **changes):
            self.config, self.prints = replace(sample.config, **changes), prints

        def info(self):
            return {"fingerprints": sample.info()["fingerprints"] | self.prints}

    for other, sentence in (
        (Other({}, forget=("airplane/biplane", "bird/owl")), "No figures are shipped"),
        (Other({}, gallery=100), "on this gallery"),
        (Other({"data": "x"}, data="photos"), "exists for this model"),
        (Other({"original": "x"}, model="RN50/openai"), "exists for this model"),
    ):
        assert references_of(other) == {} and sentence in no_reference(other)


def test_a_yardstick_is_the_mean_over_seeds_but_for_what_mixes_two_models(sample, tmp_path):
    of_two = next(d for d in map(read_reference, FILES) if [m["seed"] for m in d["models"]][:2] == [0, 1])
    write_json(tmp_path / "two.json", of_two | {"forget": ["airplane/biplane"]})
    found = references_of(sample, tmp_path)["pictures"]
    for audit, mixes in (("image_query", False), ("tower_swap", True), ("layer_patching", True)):
        first, second = (model["audits"][audit]["figures"][0]["value"] for model in of_two["models"][:2])
        expected = first if mixes else (first + second) / 2
        assert found[audit]["figures"][0]["value"] == pytest.approx(expected), audit


def test_what_is_no_reference_is_refused(tmp_path):
    with pytest.raises(BadModel, match="trained on everything"):
        finish(measure_reference(str(EMBEDDED["clipforget-tiny"]), ["image_query"]))
    with pytest.raises(BadModel, match="no folder that `pretrain` wrote"):
        read_card(tmp_path)
