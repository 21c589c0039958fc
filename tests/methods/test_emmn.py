"""EMMN as arXiv 2506.03117 runs it is ascent on the forget images plus descent on the retain images."""

from __future__ import annotations

import pytest
from batches import FEATURES, LABELS, batch_of, cross_entropy

from clipforget.methods import METHODS
from clipforget.methods.emmn import EmmnSettings, emmn
from clipforget.methods.finetune import FinetuneSettings, finetune
from clipforget.methods.gradient_ascent import GradientAscentSettings, gradient_ascent


def test_the_loss_by_hand() -> None:
    found = emmn(batch_of(), EmmnSettings(retain_weight=3.0))
    assert found["forget"].item() == pytest.approx(-cross_entropy(FEATURES["forget"], LABELS["forget"]))
    assert found["retain"].item() == pytest.approx(3 * cross_entropy(FEATURES["retain"], LABELS["retain"]))


def test_it_is_gradient_ascent_and_fine_tuning_together() -> None:
    both = emmn(batch_of(), EmmnSettings(retain_weight=1.0))
    ascent, descent = gradient_ascent(batch_of(), GradientAscentSettings()), finetune(batch_of(), FinetuneSettings())
    assert both == {**ascent, **descent}


def test_the_title_says_which_emmn() -> None:
    assert "as arXiv 2506.03117 runs it" in METHODS.load()["emmn"].title
