"""What a method costs, measured."""

import time

import numpy as np
import pytest
import torch

from clipforget.evaluation import cost as module
from clipforget.evaluation.cost import Cost

MIB = 2**20


def work(size=0, steps=3):
    for step in range(steps):
        time.sleep(0.02)
        if size and step == 1:
            np.ones(size, dtype=np.uint8).sum()
        yield step


def test_only_the_time_in_the_method_counts():
    cost, seen = Cost(torch.device("cpu")), []
    for step in cost.watch(work()):
        time.sleep(0.05)  # what the consumer does
        seen.append(step)
    assert seen == [0, 1, 2] and 0.05 < cost.seconds < 0.14


def test_memory_is_the_peak_while_it_ran():
    first = Cost(torch.device("cpu"))
    list(first.watch(work(size=300 * MIB)))
    second = Cost(torch.device("cpu"))
    list(second.watch(work()))
    assert first.memory > 300 * MIB
    if module.RESET.exists():  # elsewhere the peak is that of the whole process
        assert second.memory < first.memory - 200 * MIB


def test_without_linux_the_peak_of_the_process_serves(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "RESET", tmp_path / "none" / "reset")
    monkeypatch.setattr(module, "STATUS", tmp_path / "none")
    cost = Cost(torch.device("cpu"))
    list(cost.watch(work(steps=1)))
    assert cost.memory > 50 * MIB


def test_changed_values_are_counted_one_by_one():
    cost = Cost(torch.device("cpu"))
    original = {"a": torch.zeros(2, 3), "b": torch.ones(4)}
    delta = {"a": torch.tensor([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]])}
    assert cost.as_dict(original, delta)["parameters"] == 2
    assert cost.as_dict(original, {})["parameters"] == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_on_cuda_tensors_are_counted():
    cost = Cost(torch.device("cuda"))

    def allocate():
        torch.ones(100 * MIB, dtype=torch.uint8, device="cuda").sum().item()
        yield 0

    list(cost.watch(allocate()))
    assert 100 * MIB <= cost.memory < 2**40
