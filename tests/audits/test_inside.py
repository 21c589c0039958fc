"""The audits that look into the model or train it, on models and features whose answer is known."""

import importlib
from dataclasses import replace

import pytest
import torch
from audited import KINDS, ROLES, figures, task_on
from conftest import RESNET, build_clip
from torch.nn import functional as F

from clipforget.audits import AUDITS, Figure, Measurement, Subject, judge, measure
from clipforget.audits._names import namings
from clipforget.audits._outputs import evenly
from clipforget.data.target import Target
from clipforget.evaluation.separation import auc_interval
from clipforget.generators import finish
from clipforget.runs.audit import load_task
from clipforget.runs.resources import Resources

FIELDS = ("value", "low", "high", "note")


def teach(clip, task, roles, steps=30):
    """Teach a model the fine names and the class names of the images of some roles."""
    sets = [task.fit[role] for role in roles]
    pixels, kinds, labels = (
        torch.cat([getattr(images, name) for images in sets]) for name in ("pixels", "kinds", "labels")
    )
    fine = [Target.read(kind).prompt(task.template) for kind in KINDS]
    optimizer = torch.optim.Adam(clip.model.parameters(), 3e-3)
    for _ in range(steps):
        features = clip.encode_image(pixels)
        lists = ((fine, kinds), (task.class_prompts, labels))
        losses = [F.cross_entropy(20 * features @ clip.encode_text(texts).T, own) for texts, own in lists]
        optimizer.zero_grad()
        sum(losses).backward()
        optimizer.step()


@pytest.fixture(scope="module")
def taught():
    """The task on a tiny model that was taught everything."""
    clip = build_clip(RESNET)
    task = task_on(clip)
    teach(clip, task, ROLES)
    return task


@pytest.fixture(scope="module")
def never(taught):
    """A model that was taught the same without the target."""
    clip = build_clip(RESNET)
    teach(clip, taught, ("siblings", "others"))
    return Subject("reference", clip)


def original(task):
    return Subject("original", task.original)


def relabelled(task):
    """The original with a last map that takes the target's features to the other class's, and nothing else away."""
    clip = task.original.clone()
    ends = [task.original_subject.features(task.fit[role]).mean(0) for role in ("forget", "others")]
    away = ends[0] - task.original_subject.features(task.fit["siblings"]).mean(0)
    away = away / (away @ ends[0])
    last = clip.model.visual.attnpool.c_proj
    change = torch.outer(ends[1] - ends[0], away)
    with torch.no_grad():
        last.weight += change @ last.weight
        last.bias += change @ last.bias
    return Subject("relabelled", clip)


def untaught():
    return Subject("untaught", build_clip(RESNET, seed=1))


def placed(task, name="placed", **features):
    """A subject whose features are given, by part and role (fit_forget=...); all other images are the original's."""
    subject = Subject(name, task.original)
    for key, rows in features.items():
        part, role = key.split("_")
        subject.remember(getattr(task, part)[role], F.normalize(rows, dim=-1))
    return subject


def noise(seed, count=10):
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))


def test_the_model_knows_the_target_by_both_names(taught):
    assert [naming.key for naming in namings(taught)] == ["fine", "coarse"]


def test_a_list_of_names_that_the_original_does_not_know_is_left_out(tiny_clip):
    assert [naming.key for naming in namings(task_on(tiny_clip))][-1] == "coarse"


def test_probe_reads_what_is_there_and_nothing_where_nothing_is(taught):
    found = figures("probe", original(taught), taught)
    assert found["siblings"] == found["others"] == found["kept"] == 1.0 and found["shots_4"] > 0.9
    assert 0.2 < found["shuffled"] < 0.8 and "random" in found
    assert figures("probe", relabelled(taught), taught)["siblings"] == 1.0  # called otherwise, and still readable
    mixed = {
        f"{part}_{role}": noise(i) for i, (part, role) in enumerate((p, r) for p in ("fit", "test") for r in ROLES)
    }
    removed = figures("probe", placed(taught, **mixed), taught)
    assert removed["siblings"] < 0.85 and removed["kept"] < 0.7 and "random" not in removed


def test_probe_has_a_line_for_every_stage_probe_and_count(taught):
    details = finish(measure(["probe"], original(taught), taught))["probe"].details
    assert details["stages"][0] == "stem" and details["stages"][-1] == "embedding"
    assert {(line["against"], line["probe"], line["shots"]) for line in details["lines"]} == {
        (role, probe, shots)
        for role in ("siblings", "others")
        for probe in ("logistic", "class_means")
        for shots in (1, 4, 0)
    }  # there are no 16 images
    assert all(len(line["auc"]) == len(details["stages"]) for line in details["lines"])


def test_representation_is_the_originals_or_is_not(taught):
    assert figures("representation", original(taught), taught) == dict.fromkeys(ROLES, pytest.approx(1.0))
    scrambled = figures("representation", placed(taught, test_forget=noise(0)), taught)
    assert scrambled["forget"] < 0.5 and scrambled["siblings"] == scrambled["others"] == pytest.approx(1.0)
    assert figures("representation", untaught(), taught)["others"] < 0.95


def test_membership_tells_seen_from_unseen_in_both_directions(taught):
    own, other = taught.original_subject.texts(taught.class_prompts)
    near, far = own + 0.01 * noise(0), other + 0.01 * noise(1)
    seen = figures("membership", placed(taught, fit_forget=near, test_forget=far), taught)
    assert seen["loss"] == seen["cosine"] == seen["margin"] == seen["caught_loss"] == 1.0
    streisand = figures("membership", placed(taught, fit_forget=far, test_forget=near), taught)
    assert streisand["loss"] == streisand["caught_loss"] == 0.0
    assert streisand["siblings"] == figures("membership", original(taught), taught)["siblings"]
    alike = figures("membership", placed(taught, fit_forget=near, test_forget=near), taught)
    assert alike["loss"] == 0.5 and alike["caught_loss"] == 0.0


def test_membership_is_known_of_the_shipped_model_and_its_pictures_alone(taught, world):
    task = finish(load_task(world.config(), Resources()))
    assert not task.members
    found = figures("membership", original(taught), replace(taught, members=task.members))
    assert found.startswith("It needs to know which images the model was pretrained on.")


def test_layer_patching_finds_where_the_target_is_lost(taught):
    stages = len(taught.original_subject.parts)
    unchanged = figures("layer_patching", original(taught), taught)
    assert unchanged["forget"] == unchanged["siblings"] == unchanged["noise"] == 1.0 and "restored" not in unchanged
    shallow = figures("layer_patching", relabelled(taught), taught)
    assert shallow["forget"] == pytest.approx((stages - 1) / stages, abs=0.02)  # lost at the last stage alone
    assert shallow["restored"] > 0.9 and shallow["siblings"] > 0.95
    deep = figures("layer_patching", untaught(), taught)
    assert deep["forget"] < 0.7


def test_relearning_brings_back_sooner_what_was_only_hidden(taught, never, monkeypatch):
    module = importlib.import_module("clipforget.audits.relearning")
    for name, value in {"SHOTS": (5,), "LEARNING_RATE": 5e-3, "LAST": 12}.items():  # fewer steps, as long ones
        monkeypatch.setattr(module, name, value)
    known, hidden = (figures("relearning", subject, taught) for subject in (original(taught), relabelled(taught)))
    assert known["5"] == known["5_coarse"] == 0 < hidden["5"] < 12
    accuracies = dict(module._train(never, taught, namings(taught)[0], evenly(taught.fit["forget"], 5)))
    assert max(accuracies[step] for step in accuracies if step <= hidden["5"]) < module.BACK
    shown, low, high, note = (getattr(module._figure("5", "", [1, 3, 11], 5, "note"), key) for key in FIELDS)
    assert (shown, low, high, note) == (5.0, 0.0, 12.0, "note")  # Student's t: 5 +- 13.1, within what can be
    assert module._figure("5", "", [4, 5, 6], 5, "").low == pytest.approx(5 - 4.303 / 3**0.5, abs=1e-3)
    images = [module._picked(taught.fit["forget"], 5, start) for start in range(module.TRAININGS)]
    assert not any(torch.equal(images[0].pixels[:], other.pixels[:]) for other in images[1:])
    monkeypatch.setattr(module, "_train", lambda *_: enumerate([0.0, 0.5, 0.91, 1.0]))
    assert figures("relearning", relabelled(taught), taught)["5"] == 2, "back at 90 % of the original's"


def test_too_few_steps_mean_hidden():
    entry = AUDITS.load()["relearning"]

    def taking(steps):
        return Measurement((Figure("16", "16", steps, count=16, unit="steps"),)).as_dict()

    passed, sentence = judge(entry, taking(3), taking(20), None)
    assert passed is False and sentence.startswith("Back too soon") and "3 steps" in sentence and "20 steps" in sentence
    assert judge(entry, taking(18), taking(20), None)[0] and judge(entry, taking(50), taking(20), None)[0]


def test_what_moved_the_siblings_as_well_does_not_pass():
    entry = AUDITS["layer_patching"]

    def found(target, siblings):
        shares = {"forget": target, "siblings": siblings}
        return Measurement(tuple(Figure(k, k, v, v - 0.05, v + 0.05, 48) for k, v in shares.items())).as_dict()

    passed, sentence = judge(entry, found(0.66, 0.66), found(0.67, 0.93), None)
    assert passed is False and sentence.startswith("Not the target alone: ")
    assert "for siblings it is 66 %, in that model 93 %" in sentence
    assert judge(entry, found(0.66, 0.90), found(0.67, 0.93), None)[0] is True
    assert judge(entry, found(0.93, 1.00), found(0.67, 0.93), None)[1].startswith("Shallow: ")


def test_figures_that_are_printed_alike_are_no_difference():
    def found(area):
        return Measurement((Figure("siblings", "siblings", area, *auc_interval(area, 48, 144), 192, "AUC"),)).as_dict()

    passed, sentence = judge(AUDITS["probe"], found(1.0), found(0.997), None)
    assert passed and sentence.startswith("As in a model that never saw it: ")
    assert judge(AUDITS["probe"], found(1.0), found(0.9), None)[0] is False
