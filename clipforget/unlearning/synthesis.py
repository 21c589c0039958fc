"""Images of a class without any image: gradient ascent on the pixels until the model sees the class in noise.

Source: Zero-Shot Class Unlearning in CLIP with Synthetic Samples (arXiv 2407.07485) and its authors' code: normalised
gradient steps on the class similarity less a penalty on the norm, jitter, clamping, a slight blur now and then, and an
image left alone once the model is sure of it. Ours: the step is a share of the image's norm, so that it fits any size.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.models.clip import Clip

RATE = 0.064  # length of a step as a share of the norm of unit noise: the authors' 25 at 3 x 224 x 224
JITTER = 14  # an image moves by up to 1/JITTER of its side before each gradient: the authors' 16 of 224
PENALTY = 1e-3  # weight of an image's norm against its logit
BLUR_EVERY = 10  # steps
BLUR = (0.107, 0.786, 0.107)  # a normal kernel of deviation 0.5 pixels
BRIGHTEST = 2.0  # bound of a normalised pixel: about black and white in CLIP's usual normalisation
SURE = 0.8  # the class probability at which an image is done


def synthesise(
    clip: Clip, class_embeddings: Tensor, labels: Tensor, *, steps: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield, after the start from noise and after each step, B images and the probabilities of their classes.

    class_embeddings is C x D, unit; labels B indices into it: what each image is to show. Images are B x 3 x H x W,
    normalised as the model takes them, within +-BRIGHTEST, on the model's device; probabilities B, 0 to 1, over the
    classes at the model's logit scale. Ends after `steps`, or once the model is sure of every image. Weights stay as
    they are.
    """
    height, width = clip.image_size
    noise = torch.randn(len(labels), 3, height, width, generator=generator).to(clip.device)
    pixels, labels = noise.clamp(-BRIGHTEST, BRIGHTEST), labels.to(clip.device)
    probability = probabilities(clip, pixels, class_embeddings)[torch.arange(len(labels)), labels]
    yield pixels, probability
    for step in range(1, steps + 1):
        stepped = pixels - RATE * noise[0].numel() ** 0.5 * _descent(clip, pixels, class_embeddings[labels], generator)
        stepped = stepped.clamp(-BRIGHTEST, BRIGHTEST)
        stepped = blur(stepped) if step % BLUR_EVERY == 0 else stepped
        pixels = torch.where((probability >= SURE)[:, None, None, None], pixels, stepped)
        probability = probabilities(clip, pixels, class_embeddings)[torch.arange(len(labels)), labels]
        yield pixels, probability
        if bool((probability >= SURE).all()):
            return


@torch.no_grad()
def probabilities(clip: Clip, pixels: Tensor, class_embeddings: Tensor) -> Tensor:
    """Classify B x 3 x H x W images among C classes (C x D, unit) zero-shot: B x C probabilities."""
    return (clip.logit_scale * clip.encode_image(pixels).float() @ class_embeddings.T).softmax(dim=-1)


def blur(pixels: Tensor) -> Tensor:
    """Blur each channel of B x 3 x H x W a little."""
    line = torch.tensor(BLUR, device=pixels.device, dtype=pixels.dtype)
    kernel = torch.outer(line, line).expand(3, 1, 3, 3)
    return F.conv2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)


def _descent(clip: Clip, pixels: Tensor, captions: Tensor, generator: torch.Generator) -> Tensor:
    """Unit directions, B x 3 x H x W, in which the logit of each image's caption falls and its norm grows."""
    limits = [side // JITTER for side in pixels.shape[2:]]
    shift = [int(torch.randint(-limit, limit + 1, (1,), generator=generator)) for limit in limits]
    shifted = pixels.roll(shift, dims=(2, 3)).detach().requires_grad_(True)
    with torch.enable_grad():
        logits = clip.logit_scale * (clip.encode_image(shifted).float() * captions).sum(dim=-1)
        loss = (PENALTY * shifted.flatten(1).norm(dim=1) - logits).sum()
        gradient = torch.autograd.grad(loss, shifted)[0]
    direction: Tensor = gradient.roll([-offset for offset in shift], dims=(2, 3))
    lengths: Tensor = direction.flatten(1).norm(dim=1).clamp_min(1e-12)
    return direction / lengths[:, None, None, None]
