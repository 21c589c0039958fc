"""Images out of noise: the model sees in them what it was asked to see, and nothing else moves."""

from __future__ import annotations

import pytest
import torch
from small import COLOURS, World

from clipforget.models.clip import Clip
from clipforget.models.loading import load_clip
from clipforget.unlearning.synthesis import BRIGHTEST, SURE, blur, probabilities, synthesise

LABELS = [0, 1, 2, 0]


@pytest.fixture(scope="module")
def clip(world: World) -> Clip:
    """A tiny model that was taught three colours."""
    return load_clip(world.clip)


def dream(clip: Clip, steps: int = 40, seed: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
    class_embeddings = clip.class_embeddings(list(COLOURS), "a photo of a {}.")
    generator = torch.Generator().manual_seed(seed)
    return list(synthesise(clip, class_embeddings, torch.tensor(LABELS), steps=steps, generator=generator))


def test_synthetic_images_raise_the_probability_of_their_own_class(clip: Clip) -> None:
    before = clip.fingerprint()
    course = dream(clip)
    (_, first), (pixels, last) = course[0], course[-1]
    assert first.mean() < 0.5 and (last > SURE).all(), (first, last)
    class_embeddings = clip.class_embeddings(list(COLOURS), "a photo of a {}.")
    cosines = torch.stack(
        [clip.encode_image(image[None])[0] @ class_embeddings.T for image in pixels]
    )  # one by one, by hand
    slow = (clip.logit_scale * cosines).softmax(dim=1)[range(4), LABELS]
    torch.testing.assert_close(last, slow.detach(), atol=1e-4, rtol=0)
    torch.testing.assert_close(probabilities(clip, pixels, class_embeddings).sum(dim=1), torch.ones(4))
    assert pixels.shape == (4, 3, 32, 32) and pixels.abs().max() <= BRIGHTEST
    assert clip.fingerprint() == before and not any(p.grad is not None for p in clip.model.parameters())


def test_an_image_the_model_is_sure_of_is_left_alone(clip: Clip) -> None:
    course = dream(clip)
    done = [(chosen >= SURE).nonzero()[:, 0].tolist() for _, chosen in course]
    assert 1 < len(course) < 41 and len(done[-1]) == 4, "it went on after it was sure of all"
    for (pixels, _), (following, _), sure in zip(course, course[1:], done, strict=False):
        assert torch.equal(pixels[sure], following[sure])
        moving = [i for i in range(4) if i not in sure]
        assert moving and not any(torch.equal(pixels[i], following[i]) for i in moving)


def test_the_same_seed_dreams_the_same(clip: Clip) -> None:
    first, again, other = (dream(clip, 3, seed)[-1][0] for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_blurring_spreads_a_point_and_keeps_what_is_even() -> None:
    point = torch.zeros(1, 3, 5, 5)
    point[0, 1, 2, 2] = 1.0
    spread = blur(point)
    assert spread[0, 1, 2, 2] == pytest.approx(0.786**2, abs=1e-3)
    assert spread[0, 1, 2, 3] == pytest.approx(0.786 * 0.107, abs=1e-3)
    assert spread[0, 0].abs().max() == 0 and spread[0, 1].sum() == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(blur(torch.full((2, 3, 4, 6), 0.7)), torch.full((2, 3, 4, 6), 0.7))
