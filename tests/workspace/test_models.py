"""The models of a workspace: what is offered, and measurements in a process of their own."""

import pytest

from clipforget.errors import BadModel, BadQuery, RunProblem
from clipforget.workspace.workspace import Workspace


@pytest.fixture
def space(tmp_path) -> Workspace:
    return Workspace(tmp_path, sample=False)


def test_a_model_is_measured_by_a_process_that_can_be_stopped(space, world):
    models = space.models
    assert models.describe(world.clip, "cpu")["measuring"]["state"] == "none"
    assert models.start(world.clip, "cpu")["state"] == "running"
    with pytest.raises(RunProblem, match="is being measured"):
        models.start("clipforget-tiny", "cpu")
    models.stop()
    state = models.describe(world.clip, "cpu")["measuring"]
    assert state["state"] == "none" and state["measured"] is None
    with pytest.raises(BadModel, match="not on this disk"):
        models.start("RN50/openai", "cpu")
    with pytest.raises(BadQuery, match="device"):
        models.start(world.clip, "../cpu")


def test_the_models_of_failed_and_unknown_runs_are_not_offered(space, world):
    for model, state in ((world.clip, "done"), ("RN50/openai", "failed"), ("no-such", "done")):
        space.store.create(world.config(model=model)).update(state=state)
    assert space.setup()["recent"]["models"] == [world.clip]
    names = [model["name"] for model in space.models.list()["models"]]
    assert names[:2] == ["clipforget-tiny", world.clip] and "no-such" not in names
