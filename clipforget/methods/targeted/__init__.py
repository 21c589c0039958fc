"""Targeted forgetting: find the layers that hold a subgroup, forget it there, remind the rest.

Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117): relative Fisher selection, LoRA on the
chosen layers, lowering the cosine with the coarse caption, reminding with aligned siblings and an average (equations 2
to 5); nothing is added. No official code exists and the public text lost its formulas, so k, rank, rates, the floor,
the average's decay, how far images are aligned, and where forgetting ends early are inferred: chosen on development
targets of sketchbook and of photographs, the same for both. The preset `paper` differs in two of them: with it the
accuracies of Table 4 collapse on CIFAR-10 with the steps of reminding as they do there.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.targeted.settings import PAPER, PAPER_NOTE, REFERENCE_URL, SOURCE, TargetedSettings
from clipforget.unlearning.task import Step, Task


@method(
    "targeted",
    TargetedSettings,
    title="Targeted forgetting",
    tier=2,
    source=SOURCE,
    reference_url=REFERENCE_URL,
    stages=("select", "forget", "remind"),
    presets={"paper": PAPER},
    preset_notes={"paper": PAPER_NOTE},
    note="Towers without BatchNorm, such as ViTs, are aligned with statistics recorded on the retain images (ours).",
)
def targeted(task: Task, settings: TargetedSettings) -> Iterator[Step]:
    """Find the layers that hold the subgroup, forget it there, and remind the model of its siblings.

    Changes only weights of the image tower (LoRA, merged at the end, also where the generator is closed early); text
    tower, logit_scale and BatchNorm statistics stay as they are. Closed while it reminds, it leaves the weights as
    trained so far, without the average. The last Step of `select` carries data["layers"]; each one of `remind`
    data["original_share"], beta^step, and data["alignment"], the alignment loss at each step of Adam.
    Raises BadData where there is no image to forget or to retain.
    """
    from clipforget.methods.targeted.forgetting import TargetedForgetting

    run = TargetedForgetting(task, settings)
    layers = yield from run.select()
    run.attach(layers)
    try:
        yield from run.forget()
        if settings.remind_steps:
            yield from run.remind()
    finally:
        run.finish()
