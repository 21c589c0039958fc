"""Every audit by itself, on images and features whose answer is known."""

import pytest
import torch

from clipforget.audits import AUDITS, AuditImages, AuditTask, Subject, measure
from clipforget.data.target import Target
from clipforget.generators import finish

NAMES = ("car", "dog")
KINDS = ("car/convertible", "car/minibus", "dog/poodle")
SUBGROUPS = ("convertible", "minibus", "poodle")
ROLES = {"forget": 0, "siblings": 1, "others": 2}  # role: kind


def task_on(clip, count=10):
    """Noise of three brightnesses stands for a target, its sibling and another class; `count` images each, twice."""
    generator = torch.Generator().manual_seed(3)

    def images(part, role, kind):
        own = torch.full((count,), kind)
        pixels = torch.randn(count, 3, 32, 32, generator=generator) + (2.0, -2.0, 0.0)[kind]
        return AuditImages(pixels, own // 2, f"{part}/{role}", own, own, torch.arange(count))

    sets = {part: {role: images(part, role, kind) for role, kind in ROLES.items()} for part in ("fit", "test")}
    template = "a photo of a {}."
    embeddings = clip.class_embeddings(NAMES, template)
    targets = (Target("car", "convertible"),)
    return AuditTask(clip, **sets, names=NAMES, subgroup_names=SUBGROUPS, kind_names=KINDS, template=template,
                     class_embeddings=embeddings, targets=targets, goal=0.5, seed=0)  # fmt: skip


def placed(task, **features):
    """A subject whose features of each role's test images are given."""
    subject = Subject("placed", task.original)
    for role, rows in features.items():
        subject.remember(task.test[role], torch.nn.functional.normalize(rows, dim=-1))
    return subject


def figures(name, subject, task):
    found = finish(measure([name], subject, task))[name]
    return found if isinstance(found, str) else {figure.key: figure.value for figure in found.figures}


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
    alone = AuditTask(**{**vars(alone), "class_embeddings": task.class_embeddings[:1]})
    found = finish(measure([name], Subject("original", tiny_clip), alone))[name]
    if isinstance(found, str):
        assert found.endswith(".") and len(found.split()) <= 40
    assert not AUDITS[name].needs or isinstance(found, str)
