"""The command `soup`, over two finished runs."""

import json
import shlex

import numpy as np
import pytest
import torch

from clipforget.cli.main import main
from clipforget.models.loading import load_clip
from clipforget.models.weights import load
from clipforget.runs.store import Store
from clipforget.soup.arithmetic import merge
from clipforget.workspace.workspace import Workspace


def test_a_soup_is_saved_as_a_run_whose_scores_are_those_of_its_weights(parts, world, capsys):
    store = parts[0].store
    words = ["soup", *(run.id for run in parts), "--alpha", "0.2", "--alpha", "0.6", "--name", "both", "--json"]
    assert main([*words, "--runs", str(store.root)]) == 0
    out, err = capsys.readouterr()
    figures = json.loads(out)
    assert figures["alpha"] == 0 and "merge ..." in err and "select" not in err
    run = store.get(figures["id"])
    info = run.info()
    try:
        assert (
            info["title"] == "both" and "soup-big" in run.id and "forget" not in {e["stage"] for e in run.events()[:-1]}
        )
        assert shlex.split(info["command"])[3:] == [*words[:7]]

        # the weights
        clip = load_clip(world.clip)
        start = clip.model.state_dict()
        deltas = [load(part.path("delta.safetensors")) for part in parts]
        expected, delta = merge(start, [(0.8, deltas[0]), (0.4, deltas[1])]), load(run.path("delta.safetensors"))
        assert {n for n, v in expected.items() if not torch.equal(v, start[n])} == set(delta)
        assert all(torch.equal(value, expected[name]) for name, value in delta.items())

        # their scores, by hand
        clip.model.load_state_dict({**start, **expected})
        finished = Workspace(store.root).finished_run(run.id)
        dataset, evalset = finished.dataset(), finished.evalset
        images = [dataset.open(dataset.items[i]) for i in evalset.items]
        with torch.no_grad():
            features = clip.encode_image(clip.preprocess(images)).numpy()
        names = clip.class_embeddings(dataset.superclasses, dataset.template).numpy()
        right = np.argmax(features @ names.T, axis=1) == evalset.class_names["superclass"].labels
        for key in ("siblings", "others"):
            row = next(row for row in finished.scores["rows"] if row["key"] == key)
            assert row["after"][0] == pytest.approx(right[evalset.mask("test", key)].mean(), abs=1e-4), key
        kinds = [{"disc/big", "square/small"}.isdisjoint({f"{i.superclass}/{i.subgroup}"}) for i in dataset.items]
        assert [role == "forget" for role in evalset.roles] == [not kinds[i] for i in evalset.items]

        view = finished.view()
        assert view["target"] == "big, small" and list(view["settings"].values()) == [0.2, 0.6]
        assert view["rows"][0]["before"]["value"] == view["rows"][0]["after"][100]
    finally:
        store.delete(run.id)


def test_what_cannot_be_souped_is_refused_in_one_line(parts, line_of):
    runs = ["--runs", str(parts[0].store.root)]
    first, second = (run.id for run in parts)
    for words, sentence in (
        ([first], "2 to 6 finished runs; 1"),
        ([first, first], "named twice"),
        ([first, "gone"], "There is no run 'gone'"),
        ([first, second, "--alpha", "0.5"], "2 runs need 2 alphas"),
        ([first, second, "--alpha", "0.5", "--alpha", "2"], "alpha from 0 to 1"),
        ([first, second, "--alpha", "1", "--alpha", "1"], "the original itself"),
        ([first, second, "--name", "x" * 200], "title may have at most"),
        ([first, "--example"], "brings its own runs"),
    ):
        assert main(["soup", *words, *runs]) == 2
        assert sentence in line_of(), words
    assert len(Store(parts[0].store.root).ids()) == 2
