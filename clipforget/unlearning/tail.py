"""The end of an image tower, from the first changed weight on: what lies before it is run once for the same images."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from clipforget.models.clip import Clip
from clipforget.models.precision import autocast
from clipforget.models.stages import first_changed, stages
from clipforget.unlearning.task import ImageSet

MOST = 2**27  # bytes that the activations may take


class Tail:
    """Embeds sets of images as the model itself, with its weights of the moment, from activations before a change.

    `sets` are the images with activations in the place of pixels, on the model's device. names are the parameters that
    change from here on; nothing may be attached to them yet. precision is that of the embedding.
    """

    def __init__(self, clip: Clip, names: Collection[str], sets: Mapping[str, ImageSet], precision: str) -> None:
        self.device, self.batch_size = clip.device, clip.batch_size
        parts = stages(clip.model)
        calls = [part.call for part in parts]
        if parts[-1].name == "attnpool":  # the stage takes a shorter way, and rounds otherwise
            calls[-1] = clip.model.visual.attnpool
        self.sets, self._calls = dict(sets), calls
        count, some = sum(map(len, sets.values())), next((images for images in sets.values() if len(images)), None)
        if some is None:
            return
        with torch.no_grad(), autocast(clip.device, precision):
            cut, x = 0, some.pixels[:1].to(clip.device)
            for i in range(first_changed(parts, names)):
                x = calls[i](x)
                cut = i + 1 if x.nbytes * count <= MOST else cut
            for key, images in sets.items() if cut else ():
                rows = [self._run(pixels.to(clip.device), 0, cut) for pixels, _ in images.split(clip.batch_size)]
                self.sets[key] = replace(images, pixels=torch.cat(rows))
        self._calls = calls[cut:]

    def encode_image(self, x: Tensor) -> Tensor:
        """Embed B activations of `sets`: B x D, unit."""
        return F.normalize(self._run(x.clone(), 0, len(self._calls)), dim=-1)  # a stage may work in place

    def _run(self, x: Tensor, start: int, stop: int) -> Tensor:
        for call in self._calls[start:stop]:
            x = call(x)
        return x
