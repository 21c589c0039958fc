"""The features of a data set: work that was stopped goes on where it was."""

from __future__ import annotations

import numpy as np

from clipforget.runs import features
from clipforget.runs.feature_work import FEATURES, FeatureWorks, load_features
from clipforget.runs.resources import Resources


def test_stopped_work_goes_on_where_it_was(world, tmp_path, monkeypatch):
    monkeypatch.setattr(features, "naming_words", lambda dataset, clip: (["disc", "square"], set()))
    config, resources, found = world.config(), Resources(), []
    for name in ("whole", "stopped"):
        work = FeatureWorks(tmp_path / name).of(config.model, "data")
        events = features.embed_dataset(work, config, resources)
        if name == "stopped":
            while next(events)["step"] < 2 * features.CHUNK:
                pass
            events.close()
            assert work.info()["state"] == "stopped" and load_features(work.path(FEATURES)) is None
            events = features.embed_dataset(work, config, resources)
        steps = [event["step"] for event in events if event["stage"] == "images"]
        assert steps[0] == (features.CHUNK if name == "whole" else 3 * features.CHUNK)
        found.append(load_features(work.path(FEATURES)))
        assert not list(work.folder.glob("stopped-*"))
    assert np.array_equal(found[0].images, found[1].images) and np.array_equal(found[0].repeats, found[1].repeats)
