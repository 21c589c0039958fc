"""Anchored forgetting (ours): forget a subgroup in layers near the output, with siblings and others anchored meanwhile.

It grew out of Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117; as printed: methods/targeted),
of which it keeps the stages. Unlike there, labelled images of other superclasses are trained on, layers are looked for
near the output only, and validation steers. What is ours says so in its help.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.anchored.settings import PAPER, AnchoredSettings
from clipforget.unlearning.task import Step, Task


@method(
    "anchored",
    AnchoredSettings,
    title="Anchored forgetting",
    tier=3,
    source="ours",
    stages=("select", "forget", "remind"),
    presets={"paper": PAPER},
)
def anchored(task: Task, settings: AnchoredSettings) -> Iterator[Step]:
    """Forget the subgroup in layers near the output while siblings and others are held in place, then remind.

    Changes only weights of the image tower (LoRA, merged at the end, also where the generator is closed early); text
    tower, logit_scale and BatchNorm statistics stay as they are. The last Step of `select` carries data["layers"]; each
    one of `remind` data["original_share"], the original's share at alpha 0 (see batches.original_share; without the
    average where the last one says average_kept false), and data["alignment"], the alignment loss at each step of Adam.
    Raises BadData where a set of training images is empty.
    """
    from clipforget.methods.anchored.forgetting import AnchoredForgetting

    run = AnchoredForgetting(task, settings)
    layers = yield from run.select()
    run.attach(layers)
    try:
        yield from run.forget()
        if settings.remind_steps:
            yield from run.remind()
    finally:
        run.finish()
