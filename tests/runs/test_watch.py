"""What a run finds while it is at work: told before and now, at little cost, and without changing the run."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from small import FEW, METHOD

from clipforget.methods import METHODS
from clipforget.models.loading import load_clip
from clipforget.models.weights import load
from clipforget.runs import watch as module
from clipforget.runs.execute import execute
from clipforget.runs.loading import build_task
from clipforget.runs.store import Store
from clipforget.runs.watch import SHOWN, Watch, watched_rows
from clipforget.settings import parse
from clipforget.soup.arithmetic import soup
from clipforget.unlearning.task import BOTH, IMAGE, TEXT


def watched_of(events):
    return [event["data"]["watched"] for event in events if "watched" in event.get("data", {})]


@pytest.fixture(scope="module")
def made(world):
    """A task with its images, and what is watched of them."""
    task, evaluation = build_task(world.config())
    return task, evaluation, Watch(task, evaluation, BOTH, 1000.0)


def test_a_run_tells_what_a_few_queries_find_before_and_in_the_end(finished):
    first, *later = watched_of(finished.events())
    assert [query["text"] for query in first["queries"][:2]] == ["a photo of a disc.", "a photo of a big."]
    kept = first["queries"][2]
    assert kept["role"] == "siblings" and kept["name"] in ("small", "thin")
    roles = [role for _, _, role in first["images"]]
    assert set(roles) == {"forget", "siblings", "others"} and first["gallery"] >= len(roles)
    for hits, found in zip(first["before"]["hits"][:2], first["before"]["found"], strict=False):
        assert len(hits) == SHOWN and found == sum(roles[i] == "forget" for i in hits)
    counts = later[-1]["now"]["found"][0], first["before"]["found"][0]
    assert later[-1]["words"] == f"“disc” finds {counts[0]} big in 12, was {counts[1]}"
    assert finished.info()["fingerprints"]["data"] == first["data"]


def test_the_last_look_is_at_the_weights_that_the_run_keeps(finished, world):
    first, *later = watched_of(finished.events())
    clip = load_clip(world.clip)
    state, delta = clip.model.state_dict(), load(finished.path("delta.safetensors"))
    clip.model.load_state_dict({**state, **soup({n: state[n] for n in delta}, delta, 0.0)})
    _, evaluation = build_task(world.config())
    rows = {index: row for row, index in enumerate(evaluation.splits.evaluated)}
    features = clip.embed(evaluation.pixels[[rows[index] for index, _, _ in first["images"]]])
    texts = clip.embed_texts([query["text"] for query in first["queries"]])
    for cosines, hits in zip(texts @ features.T, later[-1]["now"]["hits"], strict=True):
        assert torch.allclose(cosines[hits], cosines.topk(SHOWN).values, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "settings"), [(METHOD, FEW), ("scrub", {"steps": 2}), ("text_projection_lora", {"steps": 2})]
)
def test_weights_are_the_same_with_and_without_watching(made, name, settings):
    task, evaluation, _ = made
    method, weights = METHODS.load()[name], []
    for watched in (True, False):
        own = replace(task, clip=task.original.clone())
        watch = Watch(own, evaluation, BOTH, 1000.0)
        steps = sum(1 for _ in method.run(own, parse(method.settings, settings)) if not watched or watch.look())
        weights.append(own.clip.fingerprint())
    assert steps > 1 and weights[0] == weights[1] != task.original.fingerprint()


def test_a_run_of_a_comparison_is_not_watched_and_comes_to_the_same(finished, world, tmp_path):
    run = Store(tmp_path).create(world.config())
    run.update(comparison="20260101-000000-one-of-many")
    assert not watched_of(execute(run))
    assert run.info()["fingerprints"] == finished.info()["fingerprints"]
    assert run.path("scores.json").read_bytes() == finished.path("scores.json").read_bytes()


def test_looking_leaves_the_mode_of_every_module_and_its_statistics(made):
    task, _, watch = made
    norm = next(m for m in task.clip.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
    norm.train()
    before = norm.running_mean.clone()
    watch.look()
    assert norm.training and torch.equal(norm.running_mean, before)
    norm.eval()


def test_a_refused_query_finds_nothing(made):
    hits = made[2].look(["disc"])["now"]
    assert hits["hits"][0] == [] and hits["found"][0] == 0 and len(hits["hits"][1]) == SHOWN


def test_a_model_that_broke_down_finds_nothing(made):
    task, evaluation, _ = made
    own = replace(task, clip=task.original.clone())
    watch = Watch(own, evaluation, IMAGE, 1000.0)
    next(own.clip.model.visual.parameters()).data.fill_(torch.nan)
    assert watch.look()["now"] == {"hits": [[], [], []], "found": [0, 0, 0]}


@pytest.mark.parametrize(("changes", "embedded"), [(IMAGE, ["images"]), (TEXT, ["texts"]), (BOTH, ["images", "texts"])])
def test_only_what_the_method_changes_is_embedded_anew(made, monkeypatch, changes, embedded):
    task, _, watch = made
    seen = []
    kind, embed, embed_texts = type(task.clip), task.clip.embed, task.clip.embed_texts
    monkeypatch.setattr(kind, "embed", lambda self, *args: (seen.append("images"), embed(*args))[1])
    monkeypatch.setattr(kind, "embed_texts", lambda self, *args: (seen.append("texts"), embed_texts(*args))[1])
    monkeypatch.setattr(watch, "changes", changes)
    watch.look()
    assert seen == embedded


def test_looks_take_a_small_share_of_the_time_however_slow_the_model_is(made, monkeypatch):
    task, evaluation, _ = made
    now = [100.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    kind, embed = type(task.clip), task.clip.embed

    def slow(self, pixels, *more):
        now[0] += 0.5 * len(pixels)
        return embed(pixels, *more)

    monkeypatch.setattr(kind, "embed", slow)
    monkeypatch.setattr(kind, "batch_size", 4)
    watch = Watch(task, evaluation, IMAGE, 1000.0)
    assert len(watch.first["images"]) == module.FEWEST, "no more than needed"
    begun, looking, looks = now[0], 0.0, 0
    while now[0] < begun + 20_000:
        now[0] += 1.0  # a step of training
        if watch.due:
            before = now[0]
            watch.look()
            looking, looks = looking + now[0] - before, looks + 1
    assert looking < 0.05 * (now[0] - begun) and 10 < looks < 400


def test_any_first_part_of_the_watched_images_is_mixed_alike(made):
    splits = made[1].splits
    rows = watched_rows(splits)
    assert len(rows) == len(set(rows)) and {splits.parts[row] for row in rows} == {"test"}
    part = [splits.roles[row] for row in rows[: len(rows) // 2]]
    whole = [splits.roles[row] for row in rows]
    for role in set(whole):
        assert np.isclose(part.count(role) / len(part), whole.count(role) / len(whole), atol=0.06)
