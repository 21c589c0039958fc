"""What a process reads is read once, again where it has changed, and within bounds."""

import os
import shutil

import pytest
import torch
from small import draw_data

from clipforget.errors import BadData, UnknownName
from clipforget.runs.resources import Resources


def touch(folder, seconds):
    os.utime(folder, (seconds, seconds))


def test_a_data_set_is_read_once(world):
    resources = Resources()
    assert resources.dataset(world.data) is resources.dataset(world.data)
    for name, error in (("no such set", UnknownName), ("/nowhere", BadData), ("a\0b", BadData), ("~nobody/x", BadData)):
        for follow in (False, True):
            with pytest.raises(error):
                Resources(follow=follow).dataset(name)


def test_a_page_follows_changes_and_a_comparison_does_not(tmp_path):
    data = draw_data(tmp_path / "data", train=4)
    touch(data, 1_000_000_000)
    page, comparison = Resources(datasets=4, follow=True), Resources()
    before = page.dataset(str(data)).fingerprint
    assert comparison.dataset(str(data)).fingerprint == before
    shutil.rmtree(data)
    draw_data(data, train=5)
    touch(data, 1_000_000_001)
    assert page.dataset(str(data)).fingerprint != before
    assert comparison.dataset(str(data)).fingerprint == before


def test_the_least_recently_used_goes_beyond_the_bound(world, tmp_path):
    data = str(draw_data(tmp_path / "data", train=4))
    one, two = Resources(), Resources(datasets=2)
    first = [resources.dataset(world.data) for resources in (one, two)]
    for resources in (one, two):
        resources.dataset(data)
    assert one.dataset(world.data) is not first[0] and two.dataset(world.data) is first[1]


def test_a_model_whose_weights_were_changed_is_read_again(world):
    resources = Resources()
    clip = resources.clip(world.clip, "cpu")
    fingerprint = clip.fingerprint()
    assert resources.clip(world.clip, "cpu") is clip and torch.get_num_threads() == 1
    with torch.no_grad():
        clip.model.logit_scale.add_(1)
    assert resources.clip(world.clip, "cpu", verify=False) is clip
    again = resources.clip(world.clip, "cpu")
    assert again is not clip and again.fingerprint() == fingerprint
