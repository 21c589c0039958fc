"""The task of an audit on a tiny CLIP, and subjects on it: milliseconds, no data set."""

import torch

from clipforget.audits import AuditImages, AuditTask, Subject, measure
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
    targets = (Target("car", "convertible"),)
    return AuditTask(clip, **sets, names=NAMES, subgroup_names=SUBGROUPS, kind_names=KINDS, template=template,
                     targets=targets, seed=0, members=True)  # fmt: skip


def placed(task, **features):
    """A subject whose features of each role's test images are given."""
    subject = Subject("placed", task.original)
    for role, rows in features.items():
        subject.remember(task.test[role], torch.nn.functional.normalize(rows, dim=-1))
    return subject


def figures(name, subject, task):
    found = finish(measure([name], subject, task))[name]
    return found if isinstance(found, str) else {figure.key: figure.value for figure in found.figures}
