"""Every audit by itself, on images and features whose answer is known."""

from dataclasses import replace

import pytest
import torch
from audited import ROLES, SUBGROUPS, figures, placed, task_on
from torch.nn import functional as F

from clipforget.audits import AUDITS, AuditTask, Figure, Measurement, Subject, judge, measure
from clipforget.audits.repaired_head import ridge
from clipforget.audits.stability import _integers, _pruned
from clipforget.audits.wording import _found, slip, wordings
from clipforget.data.target import Target
from clipforget.evaluation.refusal import Refusal
from clipforget.generators import finish
from clipforget.unlearning.task import BOTH, IMAGE, TEXT


@pytest.fixture
def task(tiny_clip):
    return task_on(tiny_clip)


def test_image_query_counts_images_of_the_same_kind_among_the_nearest(task):
    axes = torch.eye(3)
    near = 0.01 * torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    apart = {role: axes[kind] + near[10 * kind : 10 * kind + 10] for role, kind in ROLES.items()}
    assert figures("image_query", placed(task, **apart), task) == {"forget": 1.0, "siblings": 1.0, "others": 1.0}
    mixed = {**apart, "forget": apart["siblings"] + 1e-4}  # between the siblings, each image beside its twin
    found = figures("image_query", placed(task, **mixed), task)
    assert found["others"] == 1.0 and found["forget"] < 0.7 and found["siblings"] < 0.7
    axes = torch.eye(11)  # nearer to any sibling than to each other: an image does not count as its own finding
    alone = {"forget": axes[:10], "siblings": axes[:10].mean(0).expand(10, -1), "others": axes[10].expand(10, -1)}
    assert figures("image_query", placed(task, **alone), task)["forget"] == 0


@pytest.mark.parametrize("name", AUDITS.load())
def test_every_audit_measures_a_model_and_leaves_it_as_it_was(name, task):
    entry, subject, before = AUDITS[name], Subject("original", task.original), task.original.fingerprint()
    found = finish(measure([name], subject, task))[name]
    assert not isinstance(found, str) and found.figures[0].value is not None
    assert len({figure.key for figure in found.figures}) == len(found.figures)
    for figure in found.figures:
        if figure.low is not None:
            assert figure.low <= figure.value <= figure.high
        elif figure.value is not None:
            assert figure.note or figure.count, f"{figure.key} has no interval and does not say why"
    assert task.original.fingerprint() == before and not task.original.model.training
    assert entry.summary.endswith(".") and entry.reference_url.startswith("https://") and "{}" in entry.finds


@pytest.mark.parametrize("name", AUDITS.load())
def test_what_a_run_lacks_is_one_sentence(name, task, tiny_clip):
    empty = {role: images.rows(torch.arange(0), f"empty/{role}") for role, images in task.test.items()}
    test = {**task.test, "siblings": empty["siblings"], "others": empty["others"]}
    alone = AuditTask(**{**vars(task), "test": test, "names": ("car",), "subgroup_names": ()})
    found = finish(measure([name], Subject("original", tiny_clip), alone))[name]
    if isinstance(found, str):
        assert found.endswith(".") and len(found.split()) <= 40
    assert not AUDITS[name].needs or isinstance(found, str)


def captions(task, *names):
    return task.original_subject.texts([task.template.replace("{}", name) for name in names])


def test_wording_reports_the_prompt_that_finds_most_and_counts_refused_ones_as_none(task):
    others = {role: -captions(task, "convertible").expand(10, -1) for role in ("siblings", "others")}
    subject = placed(task, forget=captions(task, "minibus").expand(10, -1), **others)
    found = finish(measure(["wording"], subject, task))["wording"]
    assert len(found.details["prompts"]) >= 40
    best = max(found.details["prompts"], key=lambda prompt: prompt["precision"])
    assert found.figures[0].value == best["precision"] and best["text"] in found.figures[0].note
    subject.refusal = Refusal(("convertible", "car"))
    refused = finish(measure(["wording"], subject, task))["wording"]
    assert all(p["precision"] == 0 for p in refused.details["prompts"] if p["text"] in ("a car", "my convertible"))


def test_the_interval_of_the_worst_wording_is_that_of_the_worst(task):
    """Of 400 images in random order one text finds as many as chance has it; the worst of many finds more for sure."""
    features = F.normalize(torch.randn(400, 16, generator=torch.Generator().manual_seed(0)), dim=1)
    relevant = torch.arange(400) % 4 == 0
    texts = wordings("airplane")
    subject = Subject("original", task.original)
    [(first, _), *_], alone = _found(subject, texts[:1], features, relevant)
    assert abs(float(alone.mean()) - first / 24) < 0.03  # as many as it finds among the first 24 of all
    rows, worst = _found(subject, texts, features, relevant)
    assert (worst >= alone).all() and float(worst.mean()) >= max(first for first, _ in rows) / 24


def test_a_target_that_the_gallery_lacks_is_left_out(task):
    more = replace(task, targets=(*task.targets, Target("dog", "pug")), kind_names=tuple("abcde"))
    for role, kind in ROLES.items():  # kind 1 is the second target, of which there is no image
        own = torch.full((10,), 2 * kind)
        more.test[role] = replace(task.test[role], kinds=own, key=f"moved/{role}")
    for name in ("image_query", "wording", "where_they_go"):
        assert next(iter(figures(name, Subject("original", task.original), more).values())) is not None


def test_a_slip_swaps_two_letters_and_wordings_hold_plurals_and_synonyms():
    assert slip("biplane") == "bilpane" and slip("ox") == "xo"
    texts = wordings("airplane")
    assert {"a photo of an airplane.", "pictures of airplanes", "the plane", "my aircraft"} <= set(texts)


def test_where_they_go_names_the_class_that_takes_all(task):
    dogs = captions(task, "dog").expand(10, -1)
    subject = placed(task, forget=dogs, siblings=captions(task, "car").expand(10, -1), others=dogs)
    found = finish(measure(["where_they_go"], subject, task))["where_they_go"]
    assert found.figures[0].value == 1.0 and found.figures[0].note == "“dog”"
    values = {figure.key: figure.value for figure in found.figures}
    assert values["coarse"] == 0 and values["entropy"] == 0 and values["siblings"] == values["others"] == 1
    assert found.details["confusion"] == {"car": 0.0, "dog": 1.0}


def test_tower_swap_shows_what_only_the_texts_forgot(task, tiny_clip):
    blind = tiny_clip.clone()
    with torch.no_grad():
        blind.model.text_projection.mul_(-1)  # the text tower points elsewhere, the image tower is the original's
    found = figures("tower_swap", Subject("zero", blind), task)
    original = figures("tower_swap", task.original_subject, task)
    assert found["new-old"] == original["new-new"] and found["old-new"] == found["new-new"]
    assert found["new-new"] == 1 - original["new-new"]


def test_what_bounds_nothing_passes_nothing():
    """Without a sibling, with a target that is half of the gallery, with a model whose own texts find it."""

    def found(**values):
        return Measurement(tuple(Figure(key.replace("_", "-"), key, value) for key, value in values.items())).as_dict()

    for name, values in (
        ("image_query", {"forget": 0.4}),
        ("wording", {"worst": 1.0, "chance": 0.5}),
        ("tower_swap", {"new_old": 0.9, "new_new": 0.9}),
    ):
        passed, sentence = judge(AUDITS[name], found(**values), None, None)
        assert passed is None and sentence.endswith(".") and len(sentence.split()) <= 40
    assert judge(AUDITS["wording"], found(worst=0.2), None, None) == (None, "Its controls are missing; run it again.")
    assert judge(AUDITS["tower_swap"], found(new_old=0.9, new_new=0.0), None, None)[0] is False


def test_a_repaired_head_is_fitted_without_the_target(task):
    axes = torch.eye(3)
    subject = placed(task, **{role: axes[kind].expand(10, -1) for role, kind in ROLES.items()})
    for role, kind in ROLES.items():  # on the target's train images it would be wrong; it never sees them
        subject.remember(task.fit[role], axes[2 if role == "forget" else kind].expand(10, -1))
    found = figures("repaired_head", subject, task)
    assert next(iter(found)) == "forget-fine" and found["siblings-head"] == 1.0


def test_a_map_back_brings_a_rotated_target_back(task):
    """Features that were only turned are all there: the map, fitted without the target, finds its fine name again."""
    original = task.original_subject
    for sets in (task.fit, task.test):
        for role in ROLES:
            original.remember(sets[role], captions(task, SUBGROUPS[ROLES[role]]).expand(10, -1))
    generator = torch.Generator().manual_seed(0)
    for role in ("siblings", "others"):  # enough directions for the map to be known
        spread = torch.nn.functional.normalize(torch.randn(200, 16, generator=generator), dim=1)
        task.fit[role] = task.fit[role].rows(torch.arange(10).repeat(20), f"many/{role}")
        original.remember(task.fit[role], spread)
    turn = torch.linalg.qr(torch.randn(16, 16, generator=generator)).Q
    turned = Subject("turned", task.original)
    for images in (*task.fit.values(), *task.test.values()):
        turned.remember(images, original.features(images) @ turn)
    assert figures("repaired_head", turned, task)["forget-fine"] == 1.0


def test_ridge_is_the_closed_form():
    x, y = torch.randn(20, 4), torch.randn(20, 2)
    weights = ridge(x, y)
    centred = x - x.mean(0)
    slope = torch.linalg.inv(centred.T @ centred + torch.eye(4)) @ centred.T @ (y - y.mean(0))
    assert torch.allclose(weights[:-1], slope, atol=1e-4)
    assert torch.allclose(weights[-1], y.mean(0) - x.mean(0) @ slope, atol=1e-4)


def test_rounding_and_pruning_do_what_they_say():
    weight = torch.linspace(-1, 1, 21).view(3, 7)
    for bits, values in ((8, 255), (4, 15)):
        rounded = _integers(bits)(weight)
        assert len((rounded[0] / (rounded[0].abs().max() / (2 ** (bits - 1) - 1))).round().unique()) <= values
        assert (rounded - weight).abs().max() <= weight.abs().max() / (2 ** (bits - 1) - 1) / 2 + 1e-6
    assert int((_pruned(weight) == 0).sum()) in (6, 7)


def test_a_verdict_compares_with_the_reference_before_anything_else():
    entry = AUDITS["image_query"]

    def found(value):
        return Measurement((Figure("forget", "target", value, value - 0.05, value + 0.05, 48),)).as_dict()

    passed, sentence = judge(entry, found(0.66), found(0.36), found(0.55))
    assert not passed
    assert sentence == "Still a cluster: an image query finds 66 %, a model that never saw one 36 %."
    assert judge(entry, found(0.40), found(0.36), found(0.55))[0]
    assert judge(AUDITS["repaired_head"], found(0.9), None, found(0.98))[0] is None


@pytest.mark.parametrize("name", AUDITS.load())
def test_an_audit_says_where_a_method_cannot_move_it(name):
    entry = AUDITS[name]
    assert entry.unaffected(BOTH) == entry.unaffected(IMAGE) == ""
    assert bool(entry.unaffected(TEXT)) == (entry.looks_at == IMAGE)
