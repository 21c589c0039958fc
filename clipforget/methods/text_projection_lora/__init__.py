"""Text-projection LoRA: a low-rank update of the one matrix that brings texts into the joint space.

Source: Kravets and Namboodiri, Zero-Shot CLIP Class Forgetting via Text-Image Space Adaptation (TMLR 2025) and its
authors' code: without any image the target's text is moved to the embedding of the *empty* prompt, the names closest to
it stay, and the update stays small: f ||e - W'h_f|| + p ||W h_p - W'h_p|| + w ||BA||, norms not squared, f = 1.1, p =
0.3, w = 1, rank 5, Adam at 1e-2. Unless the first norm falls by 70 % it begins anew with f raised by 0.05. Ours: texts
have the data set's template (theirs are bare names), and the close names are the nearest ones to retain (theirs come
from a language model). A subgroup's coarse caption is not the target's text, so its images are still found under it.
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
    tier=0,
    source="Zero-Shot CLIP Class Forgetting via Text-Image Space Adaptation, TMLR 2025",
    reference_url="https://github.com/akres001/Zero-shot-CLIP-Forgetting-via-Text-image-Space-Adaptation",
    changes=TEXT,
    presets={"paper": {"steps": 2000, "rounds": 100}},
)
def text_projection_lora(task: Task, settings: TextProjectionLoraSettings) -> Iterator[Step]:
    """Move the target's text to the empty prompt by a low-rank update of the text projection; keep close names.

    Each Step carries data["forget_weight"]. The update is merged at the end, also where the generator is closed early.
    Raises BadModel where the text tower does not end in a plain projection matrix.
    """
    from clipforget.methods.text_projection_lora.forgetting import TextProjectionLora

    yield from TextProjectionLora(task, settings).train()
