"""Which runs fit into one soup, and what the soup of them is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from clipforget.errors import ClipforgetError, StaleIndex
from clipforget.models.loading import load_clip
from clipforget.runs.config import RunConfig
from clipforget.runs.soups import MOST, changes, check_parts, made_already, part_runs, soup_config, summary_of
from clipforget.runs.store import Store
from clipforget.soup.arithmetic import merge, soup


def run(id: str = "a", state: str = "done", original: str = "o", data: str = "d", **config: Any) -> Any:
    values = RunConfig(**{"forget": (id,), **config}).as_dict()
    prints = {"original": original, "data": data}
    return SimpleNamespace(id=id, info=lambda: {"id": id, "state": state, "config": values, "fingerprints": prints})


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        ([run()], f"2 to {MOST} finished runs; 1 "),
        ([run(str(i)) for i in range(MOST + 1)], f"; {MOST + 1} are named"),
        ([run(), run()], "The run a is named twice"),
        ([run(), run("b", "running")], "The run b is running; only finished"),
        ([run(), run("b", "lost")], "The run b is lost; only finished"),
        ([run(), run("b", original="p")], "different originals"),
        ([run(), run("b", data="e")], "different images"),
        ([run(), run("b", goal="never-seen")], "different goals"),
        ([run(), run("b", method="text_projection_lora")], "the image tower and the text tower"),
        ([run(method="prompt_filter"), run("b", method="prompt_filter")], "a changes no weights"),
    ],
)
def test_runs_that_do_not_fit_are_refused_in_one_sentence(runs, sentence):
    with pytest.raises(ClipforgetError, match=sentence) as caught:
        check_parts(runs)
    assert str(caught.value).count(".") == 1


def test_the_configuration_of_a_soup(parts):
    config = soup_config(parts, [0.25, 1.0])
    assert config.forget == ("disc/big", "square/small") and config.parts == tuple(
        (run.id, alpha) for run, alpha in zip(parts, (0.25, 1.0), strict=True)
    )
    assert config.title == "disc/big, square/small · soup of 2" and config.stages == (
        "load",
        "merge",
        "restore",
        "score",
    )
    assert RunConfig.read(config.as_dict()) == config
    assert [run.id for run in part_runs(config, parts[0].store)] == [run.id for run in parts]
    assert "nothing is trained" in summary_of(config.as_dict()) and "Move" in summary_of(RunConfig().as_dict())
    for alphas in ([0.5], [1, 1], [0.5, 1.5], [0.5, float("nan")]):
        with pytest.raises(ClipforgetError):
            soup_config(parts, alphas)
    for wrong in (("a",), ("=0.5",), ("a=x",)):
        with pytest.raises(ClipforgetError, match=r"RUN=0\.3"):
            RunConfig(forget=("disc",), method="merged", soup=wrong).checked()
    with pytest.raises(ClipforgetError, match="has the method merged"):
        RunConfig(forget=("disc",), soup=("a=0.5",)).checked()


def test_a_soup_is_merged_and_its_ends_are_the_runs_and_the_original(parts, world, tmp_path):
    clip = load_clip(world.clip)
    start = clip.model.state_dict()
    (_, first), (_, second) = whole = changes(parts, [0, 0], clip)
    original = merge(start, changes(parts, [1, 1], clip))
    assert original and all(torch.equal(value, start[name]) for name, value in original.items())
    alone = merge(start, changes(parts, [0.25, 1], clip))
    for name, value in soup(start, first, 0.25).items():
        assert torch.allclose(alone[name], value, atol=1e-6), name
    for name, value in merge(start, whole).items():
        expected = start[name] + sum(delta.get(name, start[name]) - start[name] for delta in (first, second))
        assert torch.allclose(value, expected, atol=1e-6), name
    with pytest.raises(StaleIndex, match="not the one of these runs"):
        with torch.no_grad():
            next(clip.model.parameters()).add_(1.0)
        changes(parts, [0, 0], clip)


def test_a_run_that_was_made_already_is_found(parts):
    store: Store = parts[0].store
    assert made_already(store, parts[1].config).id == parts[1].id
    assert made_already(store, RunConfig(forget=("stripe/thin",))) is None
