"""The pretraining loop: a contrastive loss that knows which captions are true, a running average of the weights."""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from open_clip.model import CLIP
from torch import Tensor, nn
from torch.nn import functional as F

from clipforget.models.precision import has_bfloat16
from clipforget.models.pretrain.captions import Caption, every_text, write_captions
from clipforget.models.pretrain.card import CONFIG, check_writable, save_model, tokenizer
from clipforget.models.pretrain.evaluate import evaluate, quick_accuracies
from clipforget.models.pretrain.images import CELLS, draw_round, draw_rounds, left_out
from clipforget.models.pretrain.settings import PretrainSettings, PretrainStep

SIZE = CONFIG["model_cfg"]["vision_cfg"]["image_size"]
MEAN, STD = CONFIG["preprocess_cfg"]["mean"][0], CONFIG["preprocess_cfg"]["std"][0]
WARMUP = 0.05  # share of the steps
TURN = 0.15  # radians, standard deviation of the rotation of a training picture
NOISE = 0.05  # highest standard deviation of the noise that half of the training pictures get, of a range of 1
RECORD_EVERY = 10  # steps between two records
EVALUATE_EVERY = 250  # steps between two evaluations on validation images
VALIDATION_ROUNDS = 4


def pretrain(settings: PretrainSettings, out: Path) -> Iterator[PretrainStep]:
    """Draw, train, evaluate and write the model to the folder `out`: open_clip config, float16 safetensors, model card.

    Deterministic by seed on the same machine and number of threads. Closing the generator stops the training and
    leaves the files in `out` as they were. Raises BadModel where `out` cannot be written, and as `left_out`.

    A subgroup that is left out is missing from every batch, which keeps its other images; with its word, captions that
    name it are dropped and the others stay. So nothing but the subgroup differs from training on all.
    """
    left_out(settings)
    check_writable(out)
    torch.set_num_threads(settings.threads)
    images = torch.empty(settings.images, len(CELLS), SIZE, SIZE, 3, dtype=torch.uint8)
    begun = time.time()
    rounds = draw_rounds("train", settings.images, SIZE, settings.cache, settings.threads)
    for number, drawn in enumerate(rounds, 1):
        images[number - 1] = torch.from_numpy(drawn)
        yield PretrainStep("draw", number, settings.images)
    drawn_at = time.time()
    torch.manual_seed(settings.seed)
    model = new_model()
    yield from learn_words(model, settings)
    average = copy.deepcopy(model)
    yield from train(model, average, images, settings)
    measure_batch_norm(average, images, settings)
    zero_unused_words(average, _unnamed(settings))
    minutes = (drawn_at - begun) / 60, (time.time() - drawn_at) / 60
    with save_model(average, out) as folder:
        yield from evaluate(folder, settings, minutes)


def new_model() -> CLIP:
    """Build a CLIP with random weights, as CONFIG describes it."""
    return CLIP(**CONFIG["model_cfg"]).to(memory_format=torch.channels_last)


def learn_words(model: CLIP, settings: PretrainSettings) -> Iterator[PretrainStep]:
    """Train the text tower alone, cheaply, to tell captions of different claims apart, whatever their words.

    The image tower then starts against captions that differ; without this it spends its first hundreds of steps on a
    text tower that gives every caption nearly the same direction.
    """
    rng = random.Random(settings.seed)
    optimizer = _optimizer(model, settings)
    tokens = tokenizer()
    model.train()
    for step in range(1, settings.word_steps + 1):
        _set_learning_rate(optimizer, settings.learning_rate * _schedule(step, settings.word_steps))
        first, second = (write_captions(CELLS, rng, _unnamed(settings)) for _ in range(2))
        features = [F.normalize(model.encode_text(tokens([c.text for c in part])), dim=-1) for part in (first, second)]
        same, implied = relation(truth(first).float(), truth(second).float())
        logits = (model.logit_scale.detach().exp() * features[0] @ features[1].T).masked_fill(implied, -1e4)
        loss = (_one_way(logits, same) + _one_way(logits.T, same.T)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % RECORD_EVERY == 0 or step in (1, settings.word_steps):
            yield PretrainStep("words", step, settings.word_steps, float(loss.detach()))


def relation(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Say which captions claim the same, and which follow from each other without that; both T x U, bool.

    first, second: cells x T and cells x U, 1.0 where the caption is true of the cell.
    """
    both = first.T @ second
    within, around = both == first.sum(0)[:, None], both == second.sum(0)[None]
    return within & around, within ^ around


def train(model: CLIP, average: CLIP, images: Tensor, settings: PretrainSettings) -> Iterator[PretrainStep]:
    """Train `model` on images (rounds x cells x S x S x 3, uint8) and keep its running average in `average`."""
    rng = random.Random(settings.seed)
    flat = images.flatten(0, 1)
    optimizer = _optimizer(model, settings)
    tokens = tokenizer()
    validation = None
    for step, indices in zip(range(1, settings.steps + 1), _batches(len(flat), settings), strict=False):
        _set_learning_rate(optimizer, settings.learning_rate * _schedule(step, settings.steps))
        captions = write_captions(CELLS, rng, _unnamed(settings))
        model.train()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=has_bfloat16(torch.device("cpu"))):
            features = model.encode_image(augment(flat[indices]))
        texts = model.encode_text(tokens([caption.text for caption in captions]))
        loss = contrastive(features.float(), texts, truth(captions)[indices % len(CELLS)], model.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
            _update_average(average, model, min(settings.ema_decay, 1 - 1 / (step + 1)))
        if step % RECORD_EVERY == 0 or step in (1, settings.steps):
            accuracies = {}
            if step % EVALUATE_EVERY == 0:
                if validation is None:
                    validation = _validation(settings)
                accuracies = quick_accuracies(model.eval(), validation)
            yield PretrainStep("train", step, settings.steps, float(loss.detach()), accuracies)


def contrastive(images: Tensor, texts: Tensor, true: Tensor, scale: Tensor) -> Tensor:
    """Compute CLIP's loss where several captions may be true of a picture: a scalar in nats.

    images B x D, texts T x D, true B x T, bool.

    Each true pair competes with the false ones of its picture and of its caption, never with other true pairs, which
    as false negatives would push apart what belongs together.
    """
    logits = scale * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).T
    return (_one_way(logits, true) + _one_way(logits.T, true.T)) / 2


def _one_way(logits: Tensor, true: Tensor) -> Tensor:
    false = logits.masked_fill(true, -torch.inf).logsumexp(dim=1, keepdim=True)
    losses = F.softplus(false - logits) * true
    return (losses.sum(1) / true.sum(1).clamp(min=1)).mean()


def truth(captions: list[Caption]) -> Tensor:
    """Say which caption is true of the pictures of a cell: len(CELLS) x len(captions), bool."""
    return torch.tensor([[caption.is_true_of(*cell) for caption in captions] for cell in CELLS])


def augment(pictures: Tensor) -> Tensor:
    """Mirror, move, turn, zoom and relight B x S x S x 3 uint8 pictures: B x 3 x S x S, normalised."""
    pixels = pictures.permute(0, 3, 1, 2).float().div(255)
    count = len(pixels)
    mirror = torch.randint(0, 2, (count,)) * 2.0 - 1
    zoom, turn = torch.empty(count).uniform_(0.8, 1.12), torch.randn(count) * TURN
    shift = torch.empty(count, 2).uniform_(-0.1, 0.1)
    rows = [
        torch.stack([mirror * zoom * turn.cos(), -zoom * turn.sin(), shift[:, 0]], 1),
        torch.stack([mirror * zoom * turn.sin(), zoom * turn.cos(), shift[:, 1]], 1),
    ]
    grid = F.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    pixels = F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    contrast = torch.empty(count, 1, 1, 1).uniform_(0.75, 1.25)
    light = torch.empty(count, 3, 1, 1).uniform_(-0.06, 0.06) + torch.empty(count, 1, 1, 1).uniform_(-0.08, 0.08)
    middle = pixels.mean((1, 2, 3), keepdim=True)
    pixels = (pixels - middle) * contrast + middle + light
    noise = torch.empty(count, 1, 1, 1).uniform_(-NOISE, NOISE).clamp(min=0)
    return normalise((pixels + noise * torch.randn_like(pixels)).clamp(0, 1))


def normalise(pixels: Tensor) -> Tensor:
    """Bring pixels of 0 to 1 to the range the image tower takes."""
    normalised: Tensor = (pixels - MEAN) / STD
    return normalised.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def measure_batch_norm(model: CLIP, images: Tensor, settings: PretrainSettings) -> None:
    """Measure the statistics of batch normalisation anew, for the averaged weights, on pictures as they are."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    model.train()
    flat = images.flatten(0, 1)
    order = torch.from_numpy(np.random.default_rng(settings.seed).permutation(len(flat))[:8192])
    for indices in _kept(order, settings).split(settings.batch_size):
        model.encode_image(normalise(flat[indices].permute(0, 3, 1, 2).float().div(255)))
    for norm in norms:
        norm.momentum = 0.1
    model.eval()


@torch.no_grad()
def zero_unused_words(model: CLIP, unnamed: tuple[str, str] | None = None) -> None:
    """Set the embeddings of the words that no caption uses to zero: chance directions would only mislead."""
    used = torch.zeros(len(model.token_embedding.weight), dtype=torch.bool)
    used[tokenizer()(every_text(unnamed)).unique()] = True
    model.token_embedding.weight[~used] = 0.0


def _optimizer(model: CLIP, settings: PretrainSettings) -> torch.optim.Optimizer:
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=settings.learning_rate, betas=(0.9, 0.98), eps=1e-6)


def _set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def _schedule(step: int, steps: int) -> float:
    """Linear warm-up, then a cosine down to nothing."""
    warm = max(int(steps * WARMUP), 1)
    return step / warm if step < warm else 0.5 * (1 + math.cos(math.pi * (step - warm) / max(steps - warm, 1)))


def _batches(count: int, settings: PretrainSettings) -> Iterator[Tensor]:
    """Indices of one batch after another, without end, every picture that is trained on once an epoch."""
    generator = np.random.default_rng(settings.seed)
    while True:
        order = torch.from_numpy(generator.permutation(count))
        whole = max(count // settings.batch_size, 1) * settings.batch_size
        yield from (_kept(batch, settings) for batch in order[:whole].split(settings.batch_size))


def _kept(indices: Tensor, settings: PretrainSettings) -> Tensor:
    """Those of the indices of pictures that are not left out."""
    kept = torch.tensor([cell[:2] != left_out(settings) for cell in CELLS])
    return indices[kept[indices % len(CELLS)]]


def _unnamed(settings: PretrainSettings) -> tuple[str, str] | None:
    return left_out(settings) if settings.without_word else None


def _update_average(average: CLIP, model: CLIP, decay: float) -> None:
    for mean, value in zip(average.parameters(), model.parameters(), strict=True):
        mean.lerp_(value, 1 - decay)


def _validation(settings: PretrainSettings) -> Tensor:
    rounds = [draw_round("validation", number, SIZE, settings.cache) for number in range(VALIDATION_ROUNDS)]
    pixels = torch.from_numpy(np.concatenate(rounds)).permute(0, 3, 1, 2).float().div(255)
    return normalise(pixels)
