"""Targeted forgetting: find the layers that hold a subgroup, forget it there, remind the rest.

Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117): relative Fisher selection, LoRA on the
chosen layers, lowering the cosine with the coarse caption, reminding with aligned siblings and an average. No official
code exists and the public text lost its formulas, so k, rank and rates are inferred. What is ours says so in its help;
`PAPER` switches all of it off.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.targeted.settings import PAPER, REFERENCE_URL, SOURCE, TargetedSettings
from clipforget.unlearning.task import Step, Task


@method(
    "targeted",
    TargetedSettings,
    title="Targeted forgetting",
    tier=3,
    source=SOURCE,
    reference_url=REFERENCE_URL,
    stages=("select", "forget", "remind"),
    presets={"paper": PAPER},
)
def targeted(task: Task, settings: TargetedSettings) -> Iterator[Step]:
    """Find the layers that hold the subgroup, forget it there, and remind the model of its siblings.

    Changes only weights of the image tower (LoRA, merged at the end, also where the generator is closed early); text
    tower, logit_scale and BatchNorm statistics stay as they are. The last Step of `select` carries data["layers"]; each
    one of `remind` data["original_share"], the original's share at alpha 0 (see batches.original_share; without the
    average where the last one says average_kept false), and data["alignment"], the alignment loss at each step of Adam.
    Raises BadData where a set of training images is empty.
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
