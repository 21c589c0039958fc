"""Alignment of reminders: nudge retain images until they excite the tower as its own training data did.

Source: arXiv 2506.03117, Remind; the loss over BatchNorm layers is that of DeepInversion (arXiv 1912.08795) and SRe2L
(arXiv 2306.13092). The form for towers without BatchNorm is ours: statistics of LayerNorm inputs, recorded once from
the original on reference images, class token and patch tokens apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from clipforget.models.clip import Clip
from clipforget.models.precision import FLOAT32, autocast

Moments = tuple[Tensor, Tensor]  # mean and variance per channel
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Statistics:
    """What the original tower's layers saw: for each layer (by name in `visual`) one or two pairs of mean and variance.

    kind is 'batchnorm' (running statistics: no reference data needed) or 'recorded' (from reference images).
    """

    kind: str
    moments: dict[str, tuple[Moments, ...]]


def statistics(original: Clip, reference: Tensor, *, recorded: bool = False) -> Statistics:
    """Return the statistics to align with: BatchNorm's own or, without it, recorded on `reference` (N x 3 x H x W).

    recorded=True records them also where the tower has BatchNorm, to compare the two.
    """
    norms = _norm_layers(original)
    if not recorded and isinstance(next(iter(norms.values()), None), BATCH_NORMS):
        buffers = {name: dict(norm.named_buffers()) for name, norm in norms.items()}
        return Statistics(
            "batchnorm", {n: ((b["running_mean"].clone(), b["running_var"].clone()),) for n, b in buffers.items()}
        )
    with torch.no_grad(), record_moments(norms) as recorded_moments:
        original.encode_image(reference.to(original.device))
    return Statistics("recorded", recorded_moments)


def alignment_loss(recorded: dict[str, tuple[Moments, ...]], target: Statistics) -> Tensor:
    """Compute sum_l ||mean_l - target mean_l|| + ||var_l - target var_l||, norms over channels: a scalar >= 0."""
    terms = [
        torch.linalg.vector_norm(value.float() - expected)
        for name, pairs in target.moments.items()
        for pair, targets in zip(recorded[name], pairs, strict=True)
        for value, expected in zip(pair, targets, strict=True)
    ]
    return torch.stack(terms).sum()


def align(
    original: Clip,
    pixels: Tensor,
    target: Statistics,
    *,
    steps: int,
    bound: float,
    least_cosine: float = -1.0,
    precision: str = FLOAT32,
) -> tuple[Tensor, list[float]]:
    """Perturb B x 3 x H x W retain images so that the alignment loss of the original falls: the change, the losses.

    delta starts at 0, takes `steps` steps of Adam and is clamped to -bound..bound after each (units of the normalised
    pixels). With steps or bound 0 it is 0. Every image's feature keeps at least the cosine least_cosine, -1 (no limit)
    to 1, with what it was: a penalty holds it near, and what still strays is halved until it does not. The losses are
    those before each step, and with a limit the one of the final change.
    """
    delta = torch.zeros_like(pixels, requires_grad=True)
    optimizer = torch.optim.Adam([delta], lr=bound / max(3, steps))
    norms, losses = _norm_layers(original), list[float]()
    if not (steps and bound and norms):
        return delta.detach(), losses
    before = original.embed(pixels).to(original.device) if least_cosine > -1 else None
    for _ in range(steps):
        with torch.enable_grad():
            loss, features = _alignment(original, norms, pixels + delta, target, precision)
            losses.append(float(loss.detach()))
            if before is not None:
                strayed = torch.relu(least_cosine - (features * before).sum(dim=1)).mean()
                loss = loss + losses[0] * strayed
            (delta.grad,) = torch.autograd.grad(loss, [delta])
        optimizer.step()
        with torch.no_grad():
            delta.clamp_(-bound, bound)
    if before is None:
        return delta.detach(), losses
    with torch.no_grad():
        loss, features = _alignment(original, norms, pixels + delta, target, FLOAT32)
        while bool((far := (features * before).sum(dim=1) < least_cosine).any()):
            delta = torch.where(far[:, None, None, None], delta / 2, delta)
            loss, features = _alignment(original, norms, pixels + delta, target, FLOAT32)
    return delta.detach(), [*losses, float(loss)]


def _alignment(
    original: Clip, norms: dict[str, nn.Module], pixels: Tensor, target: Statistics, precision: str
) -> tuple[Tensor, Tensor]:
    """The alignment loss of images and their features, B x D."""
    with record_moments(norms) as current, autocast(original.device, precision):
        features = original.encode_image(pixels).float()
    return alignment_loss(current, target), features


@contextmanager
def record_moments(norms: dict[str, nn.Module]) -> Iterator[dict[str, tuple[Moments, ...]]]:
    """Record the moments of each norm layer's input, at every forward pass inside the block, in the dict it yields."""
    recorded: dict[str, tuple[Moments, ...]] = {}
    handles = [
        norm.register_forward_pre_hook(
            lambda module, inputs, name=name: recorded.update({name: moments(module, inputs[0])})
        )
        for name, norm in norms.items()
    ]
    try:
        yield recorded
    finally:
        for handle in handles:
            handle.remove()


def moments(norm: Any, x: Tensor) -> tuple[Moments, ...]:
    """Return mean and (biased) variance per channel of a norm layer's input.

    BatchNorm: B x C [x ...] over all but C. Otherwise B x L x C over images and tokens, the class token (first) apart;
    B x C and maps (B x H x W x C or B x C x H x W) give one pair.
    """
    x = x.float()
    if isinstance(norm, BATCH_NORMS):
        variance, mean = torch.var_mean(x, [0, *range(2, x.ndim)], correction=0)
        return ((mean, variance),)
    if x.ndim == 4:
        x = (x if x.shape[-1] == norm.normalized_shape[-1] else x.movedim(1, -1)).flatten(0, 2)
    if x.ndim == 3 and x.shape[1] == 1:  # the one query of an attention pooling
        x = x[:, 0]
    parts = (x,) if x.ndim == 2 else (x[:, 0], x[:, 1:].flatten(0, 1))
    return tuple((part.mean(0), part.var(0, correction=0)) for part in parts)


def _norm_layers(clip: Clip) -> dict[str, nn.Module]:
    """The BatchNorm layers of the image tower or, where it has none, its LayerNorms; by name."""
    modules = dict(clip.model.get_submodule("visual").named_modules())
    batch: dict[str, nn.Module] = {
        n: m for n, m in modules.items() if isinstance(m, BATCH_NORMS) and m.running_mean is not None
    }
    return batch or {n: m for n, m in modules.items() if isinstance(m, nn.LayerNorm)}
