"""What a pretrained model can do: zero-shot accuracies and text queries on pictures it was never trained on."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.model import CLIP
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from clipforget.data import sketchbook
from clipforget.models.clip import Clip
from clipforget.models.loading import load_clip
from clipforget.models.pretrain.card import tokenizer, write_card
from clipforget.models.pretrain.images import CELLS, draw_rounds, left_out
from clipforget.models.pretrain.settings import PretrainSettings, PretrainStep

TEMPLATES = {"superclass": "a photo of a {}.", "subgroup": "a photo of a {}.", "style": "a {}."}
NAMES = {  # the class names, in the order of the columns of CELLS
    "superclass": list(sketchbook.SUBGROUPS),
    "subgroup": [name for names in sketchbook.SUBGROUPS.values() for name in names],
    "style": list(sketchbook.STYLES),
}
TOP_K = 10  # results of a query that count
PICTURE_SIZE = 96  # pixels a side of the shipped pictures


def evaluate(folder: Path, settings: PretrainSettings, minutes: tuple[float, float]) -> Iterator[PretrainStep]:
    """Load the written model as any other, evaluate it on the shipped test and shifted sets, write its card."""
    clip = load_clip(str(folder))
    figures: dict[str, float] = {}
    sets = ("test", *sketchbook.SHIFTED_SETS)
    for number, name in enumerate(sets, 1):
        count = min(sketchbook.COUNTS[name], settings.test_images)
        pictures = np.concatenate(list(draw_rounds(name, count, PICTURE_SIZE, settings.cache, settings.threads)))
        features = clip.embed(clip.preprocess(Image.fromarray(picture) for picture in pictures))
        zero_shot = accuracies(clip, features, list(CELLS) * count)
        figures |= {f"{kind}, {name}": value for kind, value in zero_shot.items()}
        if name == "test":
            figures |= precisions(clip, features, list(CELLS) * count)
        yield PretrainStep("evaluate", number, len(sets), accuracies=dict(figures))
    write_card(folder, _facts(clip, settings, minutes), figures)


def accuracies(clip: Clip, features: Tensor, cells: list[tuple[str, str, str]]) -> dict[str, float]:
    """Return zero-shot accuracies, 0 to 1, of N x D features whose pictures show `cells`, by kind of name."""
    class_embeddings = {kind: clip.class_embeddings(names, TEMPLATES[kind]) for kind, names in NAMES.items()}
    return _accuracies(features, class_embeddings, cells)


def precisions(clip: Clip, features: Tensor, cells: list[tuple[str, str, str]]) -> dict[str, float]:
    """Return the mean precision at 10 of text queries ("a pencil sketch of an owl") over N x D features, by kind."""
    kinds: dict[str, list[tuple[str, tuple[str | None, ...]]]] = {
        "precision at 10, subgroup": [(sub, (None, sub, None)) for sub in NAMES["subgroup"]],
        "precision at 10, style": [(f"a {style}", (None, None, style)) for style in NAMES["style"]],
        "precision at 10, style of a superclass": [
            (f"{style} of a {sup}", (sup, None, style)) for sup in NAMES["superclass"] for style in NAMES["style"]
        ],
        "precision at 10, style of a subgroup": [
            (f"a {style} of a {sub}", (None, sub, style)) for sub in NAMES["subgroup"] for style in NAMES["style"]
        ],
    }
    shares = {}
    for kind, queries in kinds.items():
        with torch.no_grad():
            order = (clip.encode_text([text for text, _ in queries]) @ features.T).topk(TOP_K).indices
        hits = [
            all(claim in (None, name) for claim, name in zip(claims, cells[i], strict=True))
            for (_, claims), row in zip(queries, order.tolist(), strict=True)
            for i in row
        ]
        shares[kind] = sum(hits) / len(hits)
    return shares


@torch.no_grad()
def quick_accuracies(model: CLIP, pixels: Tensor) -> dict[str, float]:
    """Return zero-shot accuracies of a model in training; pixels hold whole rounds of CELLS, B x 3 x S x S."""
    features = torch.cat([model.encode_image(part).float() for part in pixels.split(256)])
    tokens = tokenizer()
    class_embeddings = {
        kind: F.normalize(model.encode_text(tokens([TEMPLATES[kind].replace("{}", name) for name in names])), dim=-1)
        for kind, names in NAMES.items()
    }
    return _accuracies(F.normalize(features, dim=-1), class_embeddings, list(CELLS) * (len(pixels) // len(CELLS)))


def _accuracies(
    features: Tensor, class_embeddings: dict[str, Tensor], cells: list[tuple[str, str, str]]
) -> dict[str, float]:
    shares = {}
    for column, (kind, names) in enumerate(NAMES.items()):
        labels = torch.tensor([names.index(cell[column]) for cell in cells])
        shares[kind] = float(((features @ class_embeddings[kind].T).argmax(1) == labels).float().mean())
    return shares


def _facts(clip: Clip, settings: PretrainSettings, minutes: tuple[float, float]) -> dict[str, str]:
    changed = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f" {shlex.quote(str(value))}")
        for name, value in vars(settings).items()
        if value != getattr(PretrainSettings(), name) and name != "cache"
    ]
    trained_on = sum(cell[:2] != left_out(settings) for cell in CELLS)
    test = sketchbook.SEED_RANGES["test"][0]
    sizes = {kind: sum(p.numel() for p in part.parameters()) for kind, part in _towers(clip.model).items()}
    return {
        "command": f"`python -m clipforget pretrain {' '.join(changed)}`".replace(" `", "`"),
        "data": f"{settings.images * trained_on:,} images, seeds 0 to {settings.images - 1} of each of "
        f"{trained_on} kinds (the train images of the shipped set among them); "
        f"evaluated on seeds from {test:,}, as shipped",
        "training": f"{settings.steps} steps of {settings.batch_size}, AdamW, average of weights {settings.ema_decay}",
        "seed": str(settings.seed),
        "minutes": f"{minutes[0]:.1f} to draw (or to read images kept from before), {minutes[1]:.1f} to train, "
        f"{settings.threads} processor thread(s)",
        "parameters": ", ".join(f"{kind} {count / 1e6:.2f} M" for kind, count in sizes.items()),
        "templates": ", ".join(f"{kind} '{template}'" for kind, template in TEMPLATES.items()),
        "fingerprint": clip.fingerprint(),
        "made with": f"torch {torch.__version__.partition('+')[0]}, open_clip {open_clip.__version__}",
    }


def _towers(model: CLIP) -> dict[str, nn.Module]:
    return {"image tower": model.visual, "text tower": model.transformer, "words": model.token_embedding}
