"""Tuning: the same trials for the same seed, the better one wins, finished ones stay, test images are never read."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from small import World

from clipforget.benchmark.plan import read_target
from clipforget.benchmark.trials import Trial, TrialStore, draw
from clipforget.benchmark.tuning import TuneConfig, tune
from clipforget.benchmark.validation import GRID, Validation, load_validation
from clipforget.cli.main import main, read
from clipforget.data.catalogue import load_dataset
from clipforget.errors import BadData, BadQuery, BadSetting, UnknownName
from clipforget.evaluation import metrics
from clipforget.evaluation.found import excess
from clipforget.generators import finish
from clipforget.methods import METHODS, Method
from clipforget.models.weights import changed
from clipforget.runs import resources
from clipforget.runs.presets import find_preset
from clipforget.runs.resources import Resources
from clipforget.settings import as_dict, option, options, parse
from clipforget.unlearning.task import NEVER_SEEN, Step, Task


@dataclass(frozen=True)
class RiggedSettings:
    """Strength 0 does nothing, 1 forgets, 2 fails."""

    strength: int = option(0, "What it does", low=0, high=2, search=(0, 1, 2))
    plain: int = option(3, "Nothing to search", low=0, high=9)


def rigged(task: Task, settings: RiggedSettings, count: int = 12, rate: float = 2e-3) -> Iterator[Step]:
    """Climbs the loss of the forget images and descends the others', or does nothing."""
    if settings.strength == 2:
        raise BadData("This strength fits no data.")
    weights = [p for n, p in task.clip.model.named_parameters() if n.startswith("visual.") and settings.strength]
    optimizer = torch.optim.Adam([*weights, torch.nn.Parameter(torch.zeros(1))], rate)
    for step in range(1, count + 1):
        if settings.strength:
            optimizer.zero_grad()
            for sign, images in ((-3, task.forget), (1, task.retain), (1, task.others)):
                logits = 20 * task.clip.encode_image(images.pixels[:40]) @ task.class_embeddings.T
                (sign * torch.nn.functional.cross_entropy(logits, images.labels[:40])).backward()
            optimizer.step()
        yield Step("forget", step, count)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Registers the rigged method; the strengths it was run with."""
    seen: list[int] = []

    def counted(task: Task, settings: RiggedSettings) -> Iterator[Step]:
        seen.append(settings.strength)
        yield from rigged(task, settings)

    METHODS.load()
    method = Method("rigged", "Rigged", 3, "Rigged.", "here", "", RiggedSettings, counted)
    monkeypatch.setitem(METHODS, method.name, method)
    return seen


def config_for(world: World, **changes) -> TuneConfig:
    own = {"methods": ("rigged",), "targets": (("disc",),), "model": world.clip, "data": world.data}
    return TuneConfig(**{**own, "trials": 3, "device": "cpu", **changes})


def test_draws_repeat_by_seed_and_begin_with_the_defaults() -> None:
    for name, method in METHODS.load().items():
        first = draw(method.settings, 8, 5)
        assert first[0] == {} and first == draw(method.settings, 8, 5), name
        assert first[:4] == draw(method.settings, 4, 5)
        assert all(first.count(one) == 1 for one in first)
        searched = {o.name: o.search for o in options(method.settings) if o.search}
        assert all(value in searched[key] for one in first for key, value in one.items())
    assert draw(METHODS["anchored"].settings, 8, 5) != draw(METHODS["anchored"].settings, 8, 6)
    assert sorted(one.get("strength", 0) for one in draw(RiggedSettings, 99, 0)) == [0, 1, 2]


def test_the_better_one_becomes_a_preset_with_its_provenance(world, calls, tmp_path) -> None:
    config = config_for(world)
    steps = list(tune(config, tmp_path))
    trials = {step.trial.settings.get("strength", 0): step.trial for step in steps if step.trial}
    assert sorted(calls) == [0, 1, 2] and trials[1].h > trials[0].h == trials[2].h == 0
    assert trials[2].error == "This strength fits no data." and trials[0].error is None
    assert trials[1].after["forget"] < trials[1].before["forget"] and 0 < trials[1].after["others"] <= 1
    assert [step.done for step in steps if step.trial] == [1, 2, 3] and steps[-1].eta == 0
    preset = find_preset("rigged", "tuned", world.clip, tmp_path)
    assert preset == steps[-1].preset and preset.settings == {"strength": 1} and "on disc." in preset.note
    about = preset.provenance
    assert about["fingerprints"]["data"] == load_dataset(world.data).fingerprint and about["versions"]["torch"]
    assert about["targets"] == ["disc"] and about["seed"] == 0 and about["seconds"] > 0
    found = {one["settings"].get("strength", 0): one for one in about["trials"]}
    assert found[1]["h"] == trials[1].h and found[1]["targets"]["disc"]["after"] == trials[1].after
    chosen = read(shlex.split(about["command"])[3:])
    assert (chosen.command, chosen.trials, chosen.model) == ("tune", 3, world.clip)
    assert tuple(read_target(text) for text in chosen.forget) == config.targets


def test_finished_trials_are_not_run_again(world, calls, tmp_path) -> None:
    config = config_for(world)
    work = tune(config, tmp_path)
    next(step for step in work if step.trial)
    work.close()
    assert len(calls) == 1
    steps = list(tune(config, tmp_path))
    assert sorted(calls) == [0, 1, 2], "the other two"
    (path,) = (tmp_path / "tuning").iterdir()
    path.write_text(path.read_text() + '{"method": "rig')  # torn by a crash
    again = list(tune(config, tmp_path))
    assert len(calls) == 3 and not any(step.trial for step in again)
    assert again[-1].preset.settings == steps[-1].preset.settings
    list(tune(config_for(world, seed=1), tmp_path))
    assert len(calls) == 6, "another seed is another trial"


def test_finished_trials_of_former_names_count(tmp_path) -> None:
    method, store = METHODS.load()["gradient_ascent"], TrialStore(tmp_path, {})
    drawn = {"learning_rate": 0.01}
    whole = as_dict(parse(method.settings, drawn))
    old = {**whole, "rate": whole.pop("learning_rate"), "batch": whole.pop("batch_size")}
    for name in ("learning_rate", "batch_size"):
        del old[name]
    store.add(method, ("a",), Trial(method.name, 0, "a", {"rate": 0.01}, old, 50.0, 0.0, {}, {}, 1.0))
    (trial,) = store.finished(method, ("a",), [{}, drawn])
    assert trial.number == 1 and trial.settings == drawn and trial.concrete == as_dict(parse(method.settings, drawn))


def test_no_test_image_is_read(world, calls, tmp_path, monkeypatch) -> None:
    whole = load_dataset(world.data)
    hidden = {item.key for item in whole.items if item.split not in ("train", "validation")}
    read_keys = []

    class Guarded:
        def read(self, key: str) -> bytes:
            if key in hidden:
                raise AssertionError(f"{key} is a test image")
            read_keys.append(key)
            return whole.source.read(key)

    guarded = dataclasses.replace(whole, source=Guarded())
    with pytest.raises(AssertionError, match="is a test image"):
        guarded.open(next(item for item in whole.items if item.split == "test"))
    monkeypatch.setattr(resources, "load_dataset", lambda name, levels: guarded)
    steps = list(tune(config_for(world, targets=(("disc",), ("disc", "square/thin"))), tmp_path))
    assert steps[-1].preset and read_keys and hidden
    assert set(steps[-1].preset.provenance["trials"][0]["targets"]) == {"disc", "disc + square/thin"}


@pytest.mark.slow
@pytest.mark.parametrize(("forget", "text"), [(("disc/big", "disc/thin", "square/big"), False), (("disc",), True)])
def test_the_judge_follows_the_rule_of_a_run(world, forget, text) -> None:
    """Against weights mixed by hand; with `text` the text tower has changed too, and with it the class embeddings."""
    validation = loaded(world, forget)
    task = validation.task(0)
    list(rigged(task, RiggedSettings(strength=1)))
    if text:
        noise = torch.randn(task.clip.model.text_projection.shape, generator=torch.Generator().manual_seed(1))
        task.clip.model.text_projection.data += 0.2 * noise
    found = validation.evaluate(task.clip, 0.05)

    start, end = validation.task(0).clip.model.state_dict(), task.clip.model.state_dict()
    items = [load_dataset(world.data).items[i] for i in validation.evalset.items]
    assert {item.split for item in items} == {"validation"}
    labels = np.array([task.names.index(item.superclass) for item in items])
    near = np.array([item.superclass in {name.split("/")[0] for name in forget} for item in items])
    target = np.array([item.superclass in forget or f"{item.superclass}/{item.subgroup}" in forget for item in items])
    masks = {"forget": target, "siblings": near & ~target, "others": ~near}
    along = {name: [] for name, mask in masks.items() if mask.any()}
    for alpha in GRID:
        clip = validation.task(0).clip
        mixed = {n: alpha * v + (1 - alpha) * end[n] for n, v in start.items() if v.is_floating_point()}
        clip.model.load_state_dict({**start, **mixed})
        cosines = clip.embed(validation.pixels).numpy() @ clip.class_embeddings(task.names, task.template).numpy().T
        right = cosines.argmax(axis=1) == labels
        for name, values in along.items():
            values.append(right[masks[name]].mean())
        if forget != ("disc",):  # a subgroup has a name of its own
            fine = clip.class_embeddings([item.subgroup for item in items], task.template).numpy()
            cosines[range(len(items)), labels] = (clip.embed(validation.pixels).numpy() * fine).sum(axis=1)
            along["forget"][-1] = max(along["forget"][-1], (cosines.argmax(axis=1) == labels)[target].mean())
    choice = metrics.choose_alpha(GRID, along, 1 / 3, int(target.sum()))
    assert found.alpha == choice.alpha and 0 < found.alpha < 1 and ("siblings" in along) == (len(forget) > 1)
    after = {name: values[choice.index] for name, values in along.items()}
    assert found.after == pytest.approx(after, abs=1e-4)
    gone = 1 - min(1, after["forget"] / found.before["forget"])
    kept = min(min(1, after[name] / found.before[name]) for name in after if name != "forget")
    assert found.h == pytest.approx(200 * gone * kept / (gone + kept), abs=0.02)
    assert validation.evaluate(validation.task(0).clip, 0.05).h == 0, "doing nothing forgets nothing"
    assert not changed(start, validation.task(0).clip.model.state_dict())


def test_the_judge_follows_the_goal(world) -> None:
    """As if never seen: the larger of the accuracy among all subgroups and what pictures find beyond a sibling's."""
    validation = loaded(world, ("disc/big",), goal=NEVER_SEEN)
    evalset, clip = validation.evalset, validation.task(0).clip
    target, siblings = (evalset.mask("calibrate", role) for role in ("forget", "siblings"))
    named, features = evalset.class_names["subgroup"], clip.embed(validation.pixels).numpy()
    called = (features @ clip.class_embeddings(named.names, named.template).numpy().T).argmax(axis=1) == named.labels
    assert called[target].mean() != loaded(world, ("disc/big",)).evaluate(clip, 0.05).before["forget"]
    assert validation.evaluate(clip, 0.05).before["forget"] == pytest.approx(called[target].mean(), abs=1e-4)
    alone = np.where(siblings, 1000 + np.arange(len(target)), named.labels)  # no sibling finds one of its own kind
    validation.evalset.class_names["subgroup"] = dataclasses.replace(named, labels=alone)
    (beyond,) = excess([features], alone, target, siblings)
    assert validation.evaluate(clip, 0.05).before["forget"] == pytest.approx(beyond, abs=1e-4)
    assert beyond > called[target].mean()
    config = config_for(world, goal=NEVER_SEEN)
    assert read(shlex.split(config.command())[3:]).goal == config.run_config(("disc",)).goal == NEVER_SEEN
    assert "--goal" not in config_for(world).command()


def loaded(world: World, forget: tuple[str, ...], **changes: str) -> Validation:
    return finish(load_validation(world.config(forget=forget, **changes), load_dataset(world.data), Resources()))


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"methods": ("riged",)}, UnknownName, "Did you mean 'rigged'"),
        ({"targets": ()}, BadSetting, "one method and one target"),
        ({"targets": (("disk/big",),)}, UnknownName, "Did you mean 'disc'"),
        ({"trials": 0}, BadSetting, "trials must be a whole number"),
        ({"name": "../x"}, BadSetting, "no name for a preset"),
        ({"targets": (("disc", "square", "stripe"),)}, BadQuery, "cover the whole data set"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(world, calls, tmp_path, changes, error, expected) -> None:
    with pytest.raises(error, match=expected):
        list(tune(config_for(world, **changes), tmp_path))
    assert not calls and not list(tmp_path.iterdir())


def test_what_cannot_be_tuned_is_said(world, calls, tmp_path, monkeypatch) -> None:
    @dataclass(frozen=True)
    class Nothing:
        pass

    monkeypatch.setitem(METHODS, "fixed", Method("fixed", "Fixed", 3, "Fixed.", "here", "", Nothing, rigged))
    steps = list(tune(config_for(world, methods=("fixed",)), tmp_path))
    assert [step.note for step in steps] == ["fixed has no settings that are worth a search, so it keeps its defaults."]


def test_the_command_tunes_and_ships(world, calls, tmp_path, capsys) -> None:
    words = ["--model", world.clip, "--data", world.data, "--forget", "disc", "--device", "cpu"]
    words += ["--trials", "3", "--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "out"), "--json"]
    assert main(["tune", "--methods", " rigged, ", *words]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert len(found["trials"]) == 3 and found["presets"][0]["settings"] == {"strength": 1}
    assert "This strength fits no data." in err
    (path,) = (tmp_path / "out").rglob("*.json")
    assert str(world.folder) not in path.read_text() and '"model": "clip"' in path.read_text()
    assert path.parts[-2:] == ("tuned", "rigged.json") and not (tmp_path / "runs" / "presets").exists()
