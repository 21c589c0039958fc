"""Tower swap: images and texts of the changed model and of the original in every pairing.

Where the new images beside the old texts still find the target, only the text tower forgot: whoever brings texts of
the original, or searches by image, has it back.
"""

from __future__ import annotations

from clipforget.audits import AuditStep, AuditTask, Figure, Figures, Measurement, Measuring, Subject, audit
from clipforget.unlearning.task import BOTH

MOST_FORGOTTEN = 0.5  # of the target that a model which forgot its name may still call by it


def own_texts(figures: Figures) -> tuple[float | None, str]:
    """Return what the model's own texts find of the target: the original's may find no more, within their interval."""
    own = figures["new-new"]
    words = f"its own texts {100 * (own['value'] or 0):.0f} %"
    if (own["value"] or 0) > MOST_FORGOTTEN:
        return None, f"{words}: neither tower has forgotten this name"
    return own["high"] or 0.0, words


@audit(
    "tower_swap",
    title="Tower swap",
    question="Which tower forgot: do the original's texts still find it?",
    source="Ours; the two towers are those of Radford et al., Learning Transferable Visual Models, 2021",
    reference_url="https://arxiv.org/abs/2103.00020",
    finds="the original's texts find {} of it among the new images",
    hidden="only the texts forgot",
    ideal="no more than with the model's own texts; models of another training cannot be swapped",
    bound=own_texts,
    comparable=False,
    mixes=True,
    needs=("classes",),
    looks_at=BOTH,
    follows=True,
)
def tower_swap(subject: Subject, task: AuditTask) -> Measuring:
    """Classify the target's and its siblings' test images with each pair of towers: forget accuracy of coarse names."""
    yield AuditStep(0, 1)
    figures = []
    for role in ("forget", "siblings"):
        images = task.test[role]
        for images_of, texts_of in PAIRS:
            pair = {"new": subject, "old": task.original_subject}
            cosines = pair[images_of].features(images) @ pair[texts_of].texts(task.class_prompts).T
            hits = int((cosines.argmax(dim=1) == images.labels).sum())
            key = f"{images_of}-{texts_of}" if role == "forget" else f"siblings-{images_of}-{texts_of}"
            label = f"{LABELS[role]}, {images_of} images, {texts_of} texts"
            figures.append(Figure.share(key, label, hits, len(images)))
    yield AuditStep(1, 1)
    return Measurement(tuple(figures))


PAIRS = (("new", "old"), ("old", "new"), ("new", "new"))
LABELS = {"forget": "target", "siblings": "siblings"}
