"""Targeted forgetting: find the layers that hold a subgroup, forget it there, remind the rest.

Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117): relative Fisher selection, LoRA on the
chosen layers, lowering the cosine with the coarse caption, reminding with aligned siblings and an average. No official
code exists and the public text lost its formulas, so k, rank and rates are inferred.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.anchored import anchored
from clipforget.methods.targeted.settings import REFERENCE_URL, SOURCE, TargetedSettings
from clipforget.unlearning.task import Step, Task


@method(
    "targeted",
    TargetedSettings,
    title="Targeted forgetting",
    tier=3,
    source=SOURCE,
    reference_url=REFERENCE_URL,
    stages=("select", "forget", "remind"),
    presets={"paper": {}},
)
def targeted(task: Task, settings: TargetedSettings) -> Iterator[Step]:
    """Find the layers that hold the subgroup, forget it there, and remind the model of its siblings.

    The steps and their records are those of anchored forgetting. Raises BadData where a set of training images is
    empty.
    """
    yield from anchored(task, settings)
