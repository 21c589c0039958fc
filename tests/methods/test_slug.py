"""The Pareto front by hand, the gradient against autograd, and a step that lowers similarity."""

from __future__ import annotations

import pytest
import torch
from tasks import task_for

from clipforget.methods.slug import slug
from clipforget.methods.slug.forgetting import FIRST_STEP, Layer, Search, mean_gradients, pareto
from clipforget.methods.slug.settings import SlugSettings
from clipforget.models.clip import Clip
from clipforget.models.weights import changed
from clipforget.unlearning import losses
from clipforget.unlearning.task import Task


def test_the_front_by_hand() -> None:
    assert pareto([3.0, 2.0, 1.0, 2.0], [0.5, 0.1, 0.2, 0.4]) == [0, 1]
    assert pareto([1.0, 1.0], [0.3, 0.3]) == [0, 1]  # neither beats the other
    assert pareto([1.0, 2.0], [0.3, 0.3]) == [1]


def test_chunked_gradients_equal_one_pass(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    name = "visual.layer3.0.conv2.weight"
    images = type(task.forget)(torch.randn(37, 3, 32, 32), torch.zeros(37, dtype=torch.long))
    found = mean_gradients(task.clip, [name], images, lambda x, y: losses.caption_cosine(x, y, task.class_embeddings))[
        name
    ]
    weight = task.original.model.get_parameter(name)
    features = task.original.model.encode_image(images.pixels)
    mean = torch.cosine_similarity(features, task.class_embeddings[:1]).mean()
    torch.testing.assert_close(found, torch.autograd.grad(mean, weight)[0], rtol=1e-3, atol=1e-6)


def test_one_layer_moves_and_similarity_falls(tiny_clip: Clip) -> None:
    task = task_for(tiny_clip)
    steps = list(slug(task, SlugSettings(depth=1.0, layers=3, evaluations=3, max_step=0.05)))
    layers = steps[-1].data["layers"]
    chosen = [layer["name"] for layer in layers if layer["chosen"]]
    moved = changed(tiny_clip.model.state_dict(), task.clip.model.state_dict())
    assert set(moved) == set(chosen) and len(chosen) == 1 and steps[-1].data["layer"] == chosen[0]
    assert set(layers[0]) == {"name", "forget", "retain", "relative", "chosen"}
    cosine = [
        float((clip.embed(task.forget.pixels) @ task.class_embeddings[0]).mean()) for clip in (tiny_clip, task.clip)
    ]
    assert cosine[1] < cosine[0]
    weight = tiny_clip.model.get_parameter(chosen[0]).detach()
    size = float((moved[chosen[0]].detach() - weight).norm() / weight.norm())
    assert abs(size - steps[-1].data["size"]) < 1e-3 and 0 < size <= 0.0501


def test_the_first_layer_list_marks_the_front(tiny_clip: Clip) -> None:
    first = next(step for step in slug(task_for(tiny_clip), SlugSettings(evaluations=2)) if step.data.get("layers"))
    layers = first.data["layers"]
    front = {i for i, layer in enumerate(layers) if layer["chosen"]}
    assert front == set(pareto([one["forget"] for one in layers], [one["retain"] for one in layers]))
    assert all(0 <= one["retain"] <= 1 and one["forget"] > 0 for one in layers)


def test_the_smallest_step_that_forgets_is_halved_out(tiny_clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are told by their length, forgotten from 0.053 on."""
    task, name = task_for(tiny_clip), "visual.layer3.0.conv2.weight"
    start = tiny_clip.model.get_parameter(name).detach()

    def accuracy(task: Task, images: object = None) -> dict[str, float]:
        size = float((task.clip.model.get_parameter(name).detach() - start).norm() / start.norm())
        return {"forget": float(size < 0.053), "retain": 1.0, "others": 1.0}

    monkeypatch.setattr("clipforget.methods.slug.forgetting.steer_accuracy", accuracy)
    layer = Layer(name, 1.0, 0.0, 1.0, True, torch.ones_like(start))
    steps = list(Search(task, SlugSettings(evaluations=6, max_step=0.1), [layer]).run([layer]))
    sizes = [step.data["size"] for step in steps]
    assert sizes[:3] == pytest.approx([FIRST_STEP, 2 * FIRST_STEP, 4 * FIRST_STEP])
    enough, short = ([size for size in sizes[:-1] if (size >= 0.053) is forgotten] for forgotten in (True, False))
    assert sizes[-1] == min(enough) and min(enough) - max(short) < 0.01


def test_a_weight_that_no_image_passes_is_no_obstacle(tiny_clip: Clip) -> None:
    tiny_clip.model.visual.unused = torch.nn.Linear(4, 4)
    steps = list(slug(task_for(tiny_clip), SlugSettings(depth=1.0, evaluations=2)))
    assert steps[-1].data["layer"] != "visual.unused.weight"
