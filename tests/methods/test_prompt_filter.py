"""The names a prompt filter refuses."""

from __future__ import annotations

import dataclasses

import pytest
from tasks import task_for

from clipforget.data.target import Target
from clipforget.methods.prompt_filter import PromptFilterSettings, names_of, prompt_filter
from clipforget.models.clip import Clip


@pytest.mark.parametrize(
    ("target", "fine", "coarse"),
    [
        (Target("airplane", "biplane"), ["biplane"], ["biplane", "airplane"]),
        (Target("airplane"), ["airplane"], ["airplane"]),
        (Target("airplane", "biplane", "oil"), ["biplane"], ["biplane", "airplane"]),
        (Target("airplane", "*", "oil"), ["airplane"], ["airplane"]),
        (Target("*", "*", "oil"), ["oil"], ["oil"]),
    ],
)
def test_fine_is_the_targets_own_name_and_coarse_its_superclass_too(target, fine, coarse) -> None:
    assert names_of(target, "fine") == fine and names_of(target, "coarse") == coarse


def test_its_one_step_says_each_name_once(tiny_clip: Clip) -> None:
    targets = (Target("car", "convertible"), Target("car", "cabriolet"))
    task = dataclasses.replace(task_for(tiny_clip), targets=targets)
    (step,) = prompt_filter(task, PromptFilterSettings("coarse"))
    assert step.data == {"refused": ["convertible", "car", "cabriolet"]}
