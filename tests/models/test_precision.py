"""How many threads an operation uses, and how many batches run beside each other."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
import torch

from clipforget.models import precision
from clipforget.models.clip import Clip


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_small_model_gets_one_thread_and_the_other_cores_as_workers(tiny_clip: Clip) -> None:
    torch.set_num_threads(2)
    assert precision.set_thread_count(tiny_clip) == 1 == torch.get_num_threads()
    one = precision.workers(tiny_clip)
    torch.set_num_threads(2)
    assert precision.workers(tiny_clip) == max(1, one // 2)


def test_a_large_model_gets_the_threads_of_the_process(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "SMALL", 0.0)
    monkeypatch.setattr(precision, "THREADS", 2)
    assert precision.set_thread_count(tiny_clip) == 2


def test_the_precision_of_training_is_measured_once(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_training_precisions", {})
    monkeypatch.setattr(precision, "seconds_per_step", lambda clip, pixels, name: 1.0 if name == "float32" else 0.5)
    assert precision.training_precision(tiny_clip) == "bfloat16"
    monkeypatch.setattr(precision, "seconds_per_step", lambda clip, pixels, name: 1.0)
    assert precision.training_precision(tiny_clip) == "bfloat16"  # remembered
    monkeypatch.setattr(precision, "_training_precisions", {})
    assert precision.training_precision(tiny_clip) == "float32"
    monkeypatch.setattr(precision, "_training_precisions", {})
    monkeypatch.setattr(precision, "seconds_per_step", lambda clip, pixels, name: 0.04 if name == "float32" else 0.01)
    assert precision.training_precision(tiny_clip) == "float32"  # not worth what it costs in repeatability
    monkeypatch.undo()
    assert precision.seconds_per_step(tiny_clip, torch.zeros(2, 3, 32, 32, requires_grad=True), "float32") > 0


def test_a_gpu_trains_in_bfloat16_only_where_it_computes_it(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert precision.training_precision(replace(tiny_clip, device=torch.device("cuda"))) == "float32"


def test_only_a_cuda_device_is_asked_to_repeat_itself(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    try:
        precision.repeat_exactly(torch.device("cpu"))
        assert not torch.are_deterministic_algorithms_enabled() and os.environ == {}
        precision.repeat_exactly(torch.device("cuda:0"))
        assert torch.is_deterministic_algorithms_warn_only_enabled() and len(os.environ) == 1
    finally:
        torch.use_deterministic_algorithms(False)
        torch.utils.deterministic.fill_uninitialized_memory = True
