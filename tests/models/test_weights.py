"""Fingerprints follow content alone; deltas hold what changed; files that are no weights are one sentence."""

import pytest
import torch

from clipforget.errors import BadModel
from clipforget.models import weights


@pytest.fixture
def state():
    generator = torch.Generator().manual_seed(0)
    return {
        "conv.weight": torch.randn(4, 3, 2, 2, generator=generator),
        "logit_scale": torch.tensor(2.5),
        "bn.running_mean": torch.randn(4, generator=generator),
        "bn.num_batches_tracked": torch.tensor(7),
        "mask": torch.tensor([True, False]),
        "half": torch.randn(3, generator=generator).to(torch.bfloat16),
        "empty": torch.zeros(0, 3),
    }


def test_fingerprint_is_16_hex_digits_and_follows_content_alone(state):
    first = weights.fingerprint(state)
    assert len(first) == 16 and int(first, 16) >= 0
    reordered = dict(reversed(state.items()))
    reordered["conv.weight"] = state["conv.weight"].contiguous(memory_format=torch.channels_last)
    reordered["bn.num_batches_tracked"] = torch.tensor(8)
    assert weights.fingerprint(reordered) == first


@pytest.mark.parametrize("name", ["conv.weight", "logit_scale", "bn.running_mean", "half", "mask"])
def test_fingerprint_sees_every_value(state, name):
    first = weights.fingerprint(state)
    value = state[name].clone()
    value.view(-1)[-1] = ~value.view(-1)[-1] if value.dtype is torch.bool else value.view(-1)[-1] + 0.25
    assert weights.fingerprint(state | {name: value}) != first


def test_fingerprint_sees_names_shapes_and_types(state):
    values = state["bn.running_mean"]
    variants = [
        state,
        state | {"extra": values},
        {("other" if name == "bn.running_mean" else name): value for name, value in state.items()},
        state | {"bn.running_mean": values.view(2, 2)},
        state | {"bn.running_mean": values.double()},
    ]
    assert len({weights.fingerprint(variant) for variant in variants}) == len(variants)


def test_changed_holds_the_new_values_and_ignores_counters(state):
    new = {name: value.clone() for name, value in state.items()}
    new["logit_scale"] += 1
    new["bn.num_batches_tracked"] += 1
    found = weights.changed(state, new)
    assert list(found) == ["logit_scale"] and found["logit_scale"] == 3.5
    new["logit_scale"] += 1
    assert found["logit_scale"] == 3.5
    assert weights.changed(state, state) == {}


def test_changed_refuses_another_architecture(state):
    for other in (
        {"conv.weight": state["conv.weight"]},
        state | {"half": torch.zeros(9)},
        state | {"new": torch.zeros(1)},
    ):
        with pytest.raises(BadModel, match="different architectures"):
            weights.changed(state, other)


def test_gradients_are_enabled_for_the_block_alone():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    model[0].weight.requires_grad_(False)
    before = [parameter.requires_grad for parameter in model.parameters()]
    with pytest.raises(ZeroDivisionError), weights.gradients_enabled([model[0].weight], within=model):
        assert [parameter.requires_grad for parameter in model.parameters()] == [True, False, False, False]
        model(torch.ones(1, 2)).sum().backward()
        assert model[0].weight.grad is not None
        raise ZeroDivisionError
    assert [parameter.requires_grad for parameter in model.parameters()] == before
    assert model[0].weight.grad is None
    with weights.gradients_enabled([model[0].weight]):
        assert all(parameter.requires_grad for parameter in model.parameters())


def test_saved_weights_come_back_bit_for_bit_with_their_metadata(state, tmp_path):
    path = tmp_path / "delta.safetensors"
    state["conv.weight"] = state["conv.weight"].contiguous(memory_format=torch.channels_last).requires_grad_()
    weights.save(state, path, {"seed": "3"})
    back = weights.load(path)
    assert weights.fingerprint(back) == weights.fingerprint(state)
    assert [file.name for file in tmp_path.iterdir()] == ["delta.safetensors"]
    assert b'"seed":"3"' in path.read_bytes()[:2000]


@pytest.mark.parametrize("data", [None, b"", b"not weights at all", b"\xff" * 100])
def test_files_that_are_no_weights(tmp_path, data):
    path = tmp_path / "x.safetensors"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(BadModel, match="Cannot read the weights in"):
        weights.load(path)


def test_copies_share_memory_until_one_is_written_to():
    """What a run's peak hangs on: original, working copies and soups hold what they share once."""
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).eval()
    model[0].bias.requires_grad_(False)
    first, second = weights.copied_model(model), weights.copied_model(model)
    assert [p.requires_grad for p in first.parameters()] == [True, False, True, True]
    assert torch.equal(weights.copied_model(first)(torch.ones(2, 3)), model(torch.ones(2, 3)))
    first(torch.ones(2, 3)).sum().backward()
    assert weights.fingerprint(first.state_dict()) == weights.fingerprint(model.state_dict())
    assert weights.changed(model.state_dict(), first.state_dict()) == {}
    for copy in (model, first, second):
        assert all(torch._C._is_cow_tensor(value) for value in copy.state_dict().values())
    with torch.no_grad():
        model[0].weight.add_(1)
        second[0].weight.mul_(0)
    torch.testing.assert_close(model[0].weight - 1, first[0].weight)
    assert not second[0].weight.any() and torch._C._is_cow_tensor(second[0].bias)


def test_copies_are_plain_ones_where_torch_cannot_share(monkeypatch):
    monkeypatch.delattr(torch, "_lazy_clone")
    value = torch.ones(3, requires_grad=True)
    copy = weights.copied(value)
    copy[0] = 5
    assert value.tolist() == [1, 1, 1] and not copy.requires_grad
