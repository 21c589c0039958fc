"""Development and reported targets: a rule over names, and which of a data set it picks."""

import hashlib
import shlex

import pytest

from clipforget.benchmark import targets
from clipforget.cli.commands.compare import planned
from clipforget.cli.main import main, read
from clipforget.data.catalogue import load_dataset
from clipforget.errors import BadQuery
from clipforget.runs.config import RunConfig
from clipforget.runs.resources import Resources


def test_all_that_was_developed_on_before_the_rule_is_for_development():
    """The drawings in our tables, and the photographs that were; a third of the rest is reported."""
    drawn = "airplane/biplane, car/convertible, bird/owl, fish/shark, airplane/*/pencil sketch"
    photographed = "dog/Chihuahua, car/convertible, domestic cat/Persian cat, ungulate/gazelle, fruit/lemon"
    assert not any(targets.is_reported(name) for name in f"{drawn}, {photographed}".split(", "))
    assert targets.is_reported("bird/penguin") == (hashlib.sha256(b"967:bird/penguin").digest()[0] % 3 == 0)
    assert 290 < sum(targets.is_reported(f"thing/{i}") for i in range(1000)) < 380


def test_candidates_are_the_subgroups_with_siblings_each_of_one_kind():
    dataset = load_dataset("sketchbook")
    kinds = [targets.candidates(dataset, kind) for kind in targets.KINDS]
    assert len(set().union(*kinds)) == sum(map(len, kinds)) == 32
    assert all(targets.is_reported(target) == (kind is kinds[1]) for kind in kinds for target in kind)


def test_superclasses_take_turns_in_the_order_of_the_hashes():
    names = ["a/1", "a/2", "a/3", "b/1", "c/1", "b/2"]
    found = {"a/1": False}
    assert list(targets._in_turns(names, lambda name: found.get(name, True))) == ["a/2", "b/1", "c/1", "a/3", "b/2"]


def test_only_what_the_original_finds_without_looking_at_test_images(world, monkeypatch):
    resources = Resources()
    dataset, opened = resources.dataset(world.data), []
    looked = type(dataset).open
    monkeypatch.setattr(type(dataset), "open", lambda self, item: opened.append(item) or looked(self, item))
    config = RunConfig(model=world.clip, data=world.data, device="cpu")
    (one,) = targets.pick("development:1", config, resources)
    assert not targets.is_reported(one) and opened and {item.split for item in opened} <= {"train", "validation"}
    everything = targets.pick("development", config, resources)
    assert everything[0] == one and len({name.split("/")[0] for name in everything[:2]}) == 2
    monkeypatch.setattr(targets, "FOUND", 1.01)
    with pytest.raises(BadQuery, match="no development target that the model finds"):
        targets.pick("development:1", config, resources)


def test_a_plan_says_by_which_rule_its_targets_were_picked_and_names_none(world):
    words = ["compare", "--method", "gradient_ascent", "--targets", "development:2", "--model", world.clip]
    plan = planned(read([*words, "--data", world.data, "--seeds", "1"]))
    assert len(plan.targets) == 2 and plan.title == "1 method · 2 development targets · 1 seed"
    assert "--targets development:2" in plan.command() and "--forget" not in plan.command()
    assert planned(read(shlex.split(plan.command())[3:])) == plan


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("compare --method slug --targets reportd", "is no choice of targets"),
        ("compare --method slug --targets reported:0", "is no choice of targets"),
        ("compare --method slug --targets reported:1 --forget airplane", "not both"),
        ("tune --methods slug --targets reported:3", "never tuned on"),
    ],
)
def test_bad_choices_are_one_line(words, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words.split()) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and expected in err
