"""What one batch tells of a model, and the estimates of runs that follow from it."""

from dataclasses import replace

import pytest

from clipforget.generators import finish
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig
from clipforget.runs.eta import expected, run_memory
from clipforget.runs.measure import Measurement, measure, read_measurement, save_measurement
from clipforget.runs.store import Store

SPEED = Measurement(
    model="clipforget-tiny", device="cpu", fingerprint="f", changed=0, load=5.0, preprocess=0.001, forward=0.01,
    training=0.05, single=0.1, workers=2, peak=10**9, weights=10**8, pixels=3 * 64 * 64,
)  # fmt: skip


def seconds(store: Store, **changes) -> dict[str, float]:
    config = RunConfig(**{"forget": ("airplane/biplane",), "device": "cpu"} | changes).checked()
    return expected(store, config, config.stages, 1000, 40)


def test_a_measurement_is_of_the_model_and_its_weights(world, tmp_path):
    steps = []
    work = measure(world.clip, "cpu")
    with pytest.raises(StopIteration) as end:
        while True:
            steps.append(next(work))
    found = end.value.value
    assert len(steps) == 5 and steps[0] == "1 of 5: loading the model"
    assert 0 < found.forward < found.training and 0 < found.load < 60 and found.weights < found.peak
    save_measurement(tmp_path, found)
    assert read_measurement(tmp_path, world.clip, "cpu") == found
    assert read_measurement(tmp_path, world.clip, "cuda") is None
    save_measurement(tmp_path, replace(found, changed=1))  # the folder has changed since
    assert read_measurement(tmp_path, world.clip, "cpu") is None


def test_nothing_is_expected_of_a_model_that_was_not_measured(tmp_path):
    store = Store(tmp_path)
    assert seconds(store) is None and run_memory(store, RunConfig(), 1000) is None
    save_measurement(tmp_path, SPEED)
    assert seconds(store, model="RN50/openai") is None


def test_seconds_follow_the_models_speed_and_the_methods_work(tmp_path):
    store = Store(tmp_path)
    save_measurement(tmp_path, SPEED)
    finetune = seconds(store, method="finetune", nodes=7)
    assert finetune["load"] == pytest.approx(5 + 1000 * 0.001 / 2)
    assert finetune["forget"] == pytest.approx(3 * 60 * 16 * 0.05)
    assert finetune["restore"] == pytest.approx((3 + 7) / 2 * 1000 * 0.01 / 2)
    assert seconds(store, method="anchored", nodes=7)["restore"] == pytest.approx(1000 * 0.01 / 2)
    assert sum(seconds(store, method="anchored")[stage] for stage in ("select", "forget")) == pytest.approx(5)
    assert seconds(store, method="targeted")["forget"] == pytest.approx(2 * 40 * 0.05)
    assert seconds(store, method="ssd")["select"] == pytest.approx(2 * 200 * 0.1)
    save_measurement(tmp_path, replace(SPEED, forward=0.02, training=0.1))
    assert seconds(store, method="finetune")["forget"] == pytest.approx(2 * finetune["forget"])
    assert run_memory(store, RunConfig(device="cpu"), 1000) == 10**9 + 10**8 + 1000 * 3 * 64 * 64


@pytest.mark.parametrize("method", sorted(METHODS.load()))
def test_every_method_can_be_estimated(method, tmp_path):
    save_measurement(tmp_path, SPEED)
    assert all(number > 0 for number in seconds(Store(tmp_path), method=method).values())


def test_a_measurement_that_cannot_be_read_is_none(tmp_path):
    save_measurement(tmp_path, SPEED)
    (path,) = (tmp_path / "measured").glob("*.json")
    for text in ("", "{}", path.read_text().replace("0.01", '"x"')):
        path.write_text(text)
        assert read_measurement(tmp_path, "clipforget-tiny", "cpu") is None


def test_measuring_what_is_no_model_says_so(tmp_path):
    from clipforget.errors import BadModel

    with pytest.raises(BadModel):
        finish(measure(str(tmp_path), "cpu"))
