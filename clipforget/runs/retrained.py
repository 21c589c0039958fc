"""Measure a model that was retrained without a target by all audits, for the figures that are shipped."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from clipforget.audits import AuditStep, Measurement, Subject, measure
from clipforget.errors import BadModel
from clipforget.generators import finish, relay
from clipforget.models.loading import load_clip
from clipforget.models.pretrain.card import read_card
from clipforget.runs.audit import load_task
from clipforget.runs.config import RunConfig, images_of
from clipforget.runs.references import FORMS, ReferenceModel, ReferencesDocument
from clipforget.runs.resources import Resources

DIGITS = 4


def measure_reference(model: str, names: Sequence[str]) -> Generator[tuple[str, AuditStep], None, ReferencesDocument]:
    """Measure a folder that `pretrain --without` wrote, yielding (audit, step).

    The target is the card's; original and images are those of a run's defaults, with the whole gallery. Audits that
    mean nothing here are left out. Raises BadModel where the folder is no such model.
    """
    settings, command = read_card(Path(model))
    if not settings.without:
        raise BadModel(f"The model in {model} was trained on everything; make one with `pretrain --without TARGET`.")
    resources, config = Resources(), RunConfig(forget=(settings.without,))
    task = finish(load_task(config, resources))
    subject = Subject("reference", load_clip(model))
    found = yield from relay(measure(names, subject, task), lambda step: step)
    audits = {name: rounded(m.as_dict()) for name, m in found.items() if isinstance(m, Measurement)}
    retrained = ReferenceModel(
        form=FORMS[settings.without_word],
        seed=settings.seed,
        command=command,
        fingerprint=subject.clip.fingerprint(),
        audits=audits,
    )
    return {
        "model": task.original.fingerprint(),
        "data": resources.dataset(**images_of(config)).fingerprint,
        "images": sum(len(images) for images in task.test.values()),
        "forget": [settings.without],
        "models": [retrained],
    }


def rounded(content: Any) -> Any:
    """Return JSON with its numbers to DIGITS places."""
    return json.loads(json.dumps(content), parse_float=lambda text: round(float(text), DIGITS))
