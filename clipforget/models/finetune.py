"""Fine-tune a CLIP on the training images of a data set and keep it as a folder, as Table 3 of the paper starts.

The text of arXiv 2506.03117 gives neither rate nor length of it; those of the presets `paper` are taken (inferred).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional as F

from clipforget.data.dataset import Dataset
from clipforget.files import slug
from clipforget.models.clip import Clip
from clipforget.models.export.bundle import write_folder
from clipforget.models.export.openclip import open_clip_files
from clipforget.models.loading import load_clip
from clipforget.models.sources import CONFIG
from clipforget.models.stages import TOWER
from clipforget.models.weights import gradients_enabled

FOLDER = "finetuned"  # below that of the runs
EPOCHS = 2
LEARNING_RATE = 1e-5
BATCH_SIZE = 64


def finetuned(
    model: str,
    dataset: Dataset,
    runs: Path,
    device: str = "auto",
    learning_rate: float = LEARNING_RATE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Return the folder of a model fine-tuned on the training images of a data set, training it where there is none.

    Image tower alone, cross-entropy over the superclass names, BatchNorm statistics as they were. `progress` is called
    with the steps done and their number. Raises BadModel where the model cannot be loaded or the folder not written.
    """
    clip = load_clip(model, device)
    folder = runs / FOLDER / f"{slug(model)}-{clip.fingerprint()[:8]}-{dataset.fingerprint[:8]}-{learning_rate:g}"
    if (folder / CONFIG).is_file():
        return folder
    _train(clip, dataset, learning_rate, progress)
    write_folder(open_clip_files(clip, clip.model.state_dict()), folder, force=True)
    return folder


def _train(clip: Clip, dataset: Dataset, learning_rate: float, progress: Callable[[int, int], None]) -> None:
    names = dataset.superclasses
    texts, scale = clip.class_embeddings(names, dataset.template), clip.logit_scale
    items, generator = dataset.of("train"), torch.Generator().manual_seed(0)
    batches = [
        batch for _ in range(EPOCHS) for batch in torch.randperm(len(items), generator=generator).split(BATCH_SIZE)
    ]
    parameters = [parameter for name, parameter in clip.model.named_parameters() if name.startswith(TOWER)]
    optimizer = torch.optim.Adam(parameters, lr=learning_rate)
    with gradients_enabled(parameters, clip.model):
        for step, batch in enumerate(batches, 1):
            shown = [items[i] for i in batch.tolist()]
            pixels = clip.preprocess(dataset.open(item) for item in shown).to(clip.device)
            labels = torch.tensor([names.index(item.superclass) for item in shown], device=clip.device)
            loss = F.cross_entropy(scale * clip.encode_image(pixels).float() @ texts.T, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            progress(step, len(batches))
