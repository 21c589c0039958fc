"""Where a model keeps a subgroup: Fisher information of the image tower's weights, by layer and by parameter.

Source: Targeted Forgetting of Image Subgroups in CLIP Models (arXiv 2506.03117), section on selecting layers. The floor
and the lower-quartile rule are ours (inferred: the paper does not say how it keeps dead layers from winning).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels
from clipforget.models.weights import gradients_enabled

EXCLUDED = ("embed", "token", "norm", "logit_scale")  # words in a parameter's name that rule it out
FLOOR = 1e-2  # share of the mean retain information that is added below the fraction


@dataclass(frozen=True)
class LayerFisher:
    """One layer: mean squared per-sample gradient norms on the forget and retain images, and their ratio.

    A layer that is not eligible was not to choose from (see `candidates`, depth).
    """

    name: str
    forget: float
    retain: float
    relative: float
    chosen: bool = False
    eligible: bool = True


def candidates(model: nn.Module, depth: float = 1.0) -> list[str]:
    """Name the weights of `model.visual` that may be adapted, from the input to the output.

    Weights of convolutions and linear layers, attention's in_proj and out_proj, the projection; never parameters of one
    dimension, norms, embeddings or logit_scale. depth (0 to 1, at least one weight) keeps the share nearest the output.
    """
    names = [
        f"visual.{name}"
        for name, parameter in model.get_submodule("visual").named_parameters()
        if parameter.ndim >= 2 and not _excluded(name)
    ]
    names.sort(key=lambda name: name.count(".") == 1)  # a ViT's own projection is defined first and used last
    return names[-max(1, math.ceil(depth * len(names))) :]


def _excluded(name: str) -> bool:
    return any(word in name.lower() for word in EXCLUDED)


def squared_gradients(clip: Clip, names: list[str], pixels: AnyPixels, captions: Tensor) -> Iterator[Tensor]:
    """Yield for each image ||d s / d theta_l||^2 per named weight: a tensor of len(names), float32.

    pixels is N x 3 x H x W; captions N x D, unit: s is the cosine of an image with its row. Micro-batches of one keep
    the gradients apart (the square of a mean gradient is another quantity) and the memory at one image.
    """
    owners = dict(clip.model.named_parameters())
    weights = [owners[name] for name in names]
    with gradients_enabled(weights):
        for image, caption in zip(pixels.split(1), captions, strict=True):
            with torch.enable_grad():
                cosine = (clip.encode_image(image.to(clip.device))[0] * caption).sum()
                gradients = torch.autograd.grad(cosine, weights, allow_unused=True)
            norms = [0.0 if gradient is None else float(gradient.square().sum()) for gradient in gradients]
            yield torch.tensor(norms)


def relative(
    names: list[str],
    forget: Tensor,
    retain: Tensor,
    layers: int,
    eligible: Collection[str] | None = None,
    rule: str = "relative",
    generator: torch.Generator | None = None,
    floor: float | None = None,
) -> list[LayerFisher]:
    """Compute the relative Fisher information I_l = E_f / (E_r + floor) per layer; the `layers` highest are chosen.

    forget and retain are means over images of squared_gradients, len(names) each. A layer whose E_f lies below the
    lower quartile cannot be chosen, nor one outside `eligible` where that is given. Without a floor it is FLOOR times
    the mean E_r.

    rule, for comparison (ours): relative; `fisher` takes the highest E_f, `random` any eligible layers (drawn with
    the generator), `all` every eligible one.
    """
    floor = FLOOR * float(retain.mean()) if floor is None else floor
    ratio = forget / (retain + floor + 1e-20)
    inside = torch.tensor([eligible is None or name in eligible for name in names])
    alive = inside & (forget >= forget[inside].quantile(0.25)) if rule == "relative" else inside
    ranks = {"relative": ratio, "fisher": forget}
    rank = ranks[rule] if rule in ranks else torch.rand(len(names), generator=generator)
    order = torch.where(alive, rank, -1.0).argsort(descending=True)
    count = int(alive.sum())
    selected = set(order[: count if rule == "all" else min(layers, count)].tolist())
    return [
        LayerFisher(name, float(forget[i]), float(retain[i]), float(ratio[i]), i in selected, bool(inside[i]))
        for i, name in enumerate(names)
    ]


def diagonal(
    clip: Clip,
    parameters: Mapping[str, Tensor],
    pixels: AnyPixels,
    labels: Tensor,
    score: Callable[[Tensor, Tensor], Tensor],
) -> Generator[int, None, dict[str, Tensor]]:
    """Measure the diagonal of the empirical Fisher information: E (d score / d theta)^2, parameter by parameter.

    parameters are the model's own, by name; pixels N x 3 x H x W, labels N. score maps features (1 x D, unit) and
    labels (1) to a scalar, a log-likelihood say. Yields the images done, one at a time (squares of single gradients,
    not of their mean), and returns float32 tensors of the parameters' shapes.
    """
    weights = list(parameters.values())
    totals = [torch.zeros_like(weight, dtype=torch.float32) for weight in weights]
    with gradients_enabled(weights):
        for done, (image, label) in enumerate(zip(pixels.split(1), labels.split(1), strict=True), 1):
            with torch.enable_grad():
                value = score(clip.encode_image(image.to(clip.device)), label.to(clip.device))
                gradients = torch.autograd.grad(value, weights, allow_unused=True)
            for total, gradient in zip(totals, gradients, strict=True):
                if gradient is not None:
                    total += gradient.detach().float().square()
            yield done
    return {name: total / max(len(labels), 1) for name, total in zip(parameters, totals, strict=True)}
