"""Images held once, as bytes: the same floats as the model's own transform, and no copy for a set or a split."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import Compose, Lambda, Normalize, ToTensor

from clipforget.models.pixels import Pixels, Reader, joined, view
from clipforget.unlearning.batches import sample
from clipforget.unlearning.task import ImageSet


def pictures(count: int = 5) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 256, (9, 7, 3), dtype=np.uint8)) for _ in range(count)]


def test_bytes_give_the_transform_s_floats_bit_for_bit() -> None:
    from open_clip.transform import image_transform

    transform = image_transform(8, is_train=False, mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28))
    reader = Reader.of(transform, pictures()[0])
    pixels = reader.pixels([reader.read(picture) for picture in pictures()])
    wanted = torch.stack([transform(picture) for picture in pictures()])
    assert pixels.held.dtype == torch.uint8 and pixels.shape == (5, 3, 8, 8)
    assert torch.equal(pixels[:], wanted)
    assert torch.equal(pixels[3], wanted[3]) and torch.equal(pixels[[4, 1]], wanted[[4, 1]])
    assert torch.equal(pixels[torch.tensor([True, False, True, False, False])], wanted[[0, 2]])
    assert [len(part) for part in pixels.split(2)] == [2, 2, 1]
    assert [len(part) for part in pixels.view(slice(0)).split(2)] == [0], "as Tensor.split does"


@pytest.mark.parametrize(
    "transform",
    [
        Compose([ToTensor(), Lambda(lambda x: x * 2)]),
        Compose([Lambda(lambda image: image.rotate(90)), ToTensor(), Normalize(0.5, 0.5), Lambda(lambda x: -x)]),
        Compose([Lambda(lambda image: image.convert("F")), ToTensor(), Normalize(0.5, 0.5)]),
        lambda image: torch.ones(3, 2, 2) * image.width,
    ],
)  # fmt: skip
def test_any_other_transform_is_read_as_it_is(transform) -> None:  # type: ignore[no-untyped-def]
    reader = Reader.of(transform, pictures()[0])
    pixels = reader.pixels([reader.read(picture) for picture in pictures()])
    assert pixels.mean is None
    assert torch.equal(pixels[:], torch.stack([transform(picture) for picture in pictures()]))


def test_sets_share_what_is_held() -> None:
    pixels = Pixels(torch.arange(6 * 12, dtype=torch.uint8).view(6, 3, 2, 2), torch.arange(6), *torch.ones(2, 3, 1, 1))
    images = ImageSet(pixels, torch.arange(6))
    drawn = sample(images, 3, torch.Generator().manual_seed(0))
    both = images.take(slice(2)).joined(drawn)
    for part in (view(pixels, [1, 2]), drawn.pixels, both.pixels, images.take(images.labels > 2).pixels):
        assert isinstance(part, Pixels) and part.held.data_ptr() == pixels.held.data_ptr()
    assert torch.equal(both.pixels[:], pixels[both.labels])
    apart = joined([pixels, torch.zeros(1, 3, 2, 2)])
    assert torch.equal(apart[:6], pixels[:]) and len(apart) == 7
