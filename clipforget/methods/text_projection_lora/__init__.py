"""Text-projection LoRA: a low-rank update of the one matrix that brings texts into the joint space.

Source: Zero-Shot CLIP Class Forgetting via Text-Image Space Adaptation (Kravets & Namboodiri, TMLR 2025): without any
image, the text of the target is moved onto another place of the text space while the texts of similar classes stay.
That place is the nearest retained text (inferred). A subgroup shares its coarse caption with its siblings, and no
movement of texts alone can tell them apart under it; so, ours, a few training images say on which side of that caption
each of them is to lie. `images` 0 switches that off, as the preset `paper` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from clipforget.methods import method
from clipforget.methods.text_projection_lora.settings import TextProjectionLoraSettings
from clipforget.unlearning.task import TEXT, Step, Task


@method(
    "text_projection_lora",
    TextProjectionLoraSettings,
    title="Text-projection LoRA",
    tier=3,
    source="Zero-Shot CLIP Class Forgetting via Text-Image Space Adaptation, TMLR 2025",
    reference_url="https://github.com/akres001/Zero-shot-CLIP-Forgetting-via-Text-image-Space-Adaptation",
    changes=TEXT,
    presets={"paper": {"images": 0}},
)
def text_projection_lora(task: Task, settings: TextProjectionLoraSettings) -> Iterator[Step]:
    """Move the target's text away by a low-rank update of the text projection; keep retained texts in place.

    The update is merged at the end, also where the generator is closed early. Raises BadModel where the text tower does
    not end in a plain projection matrix.
    """
    from clipforget.methods.text_projection_lora.forgetting import TextProjectionLora

    yield from TextProjectionLora(task, settings).train()
