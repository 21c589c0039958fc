"""RAZOR: SLUG's question asked of several layers, and a loss of three terms that trains these alone.

Source: Ranjan et al., RAZOR: Ratio-Aware Layer Editing for Targeted Unlearning in Vision Transformers and Diffusion
Models (arXiv 2603.14819; code named there: raviranjan-ai/RAZOR-cvpr2026), read in its abstract and in summaries that
quote its formulas. Theirs: layers and attention heads ranked by ||g_f|| / ||theta|| (1 - cos(g_f, g_r))^a, with the
gradients of the forget loss, which is climbed, and of the retain loss; for those above a threshold L_retain + w_f
L_forget + w_m L_mismatch (contrastive loss, cosine embedding loss of forget pairs, drift of similarities); and while
too little is forgotten a new ranking, by which one more is edited, for at most 6 rounds. Inferred: the sign, (1 +
cos)^a for a forget loss that is gone down; the cosine's hinge at 0, PyTorch's default; the drift as 1 - cosine with the
original's features. Ours: the number of layers, not a threshold; a few AdamW steps a round, where they take one step of
a size they search; cross-entropy over the class names as retain loss, since captions may be equal; the image tower
alone, by default its last layers; no single heads. Their weights and a: unknown, tuned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from clipforget.methods import method
from clipforget.settings import option
from clipforget.unlearning.options import TrainingSettings
from clipforget.unlearning.task import IMAGE, Step, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.unlearning.fisher import LayerFisher
    from clipforget.unlearning.task import ImageSet
    from clipforget.unlearning.trainer import Batch


@dataclass(frozen=True)
class RazorSettings(TrainingSettings):
    """Settings of RAZOR; the retain loss has weight 1."""

    steps: int = option(20, "Steps of training in a round", low=1, high=1000, search=(10, 20, 40))
    learning_rate: float = option(
        3e-4, "Learning rate (AdamW)", low=1e-8, high=1.0, search=(1e-5, 3e-5, 1e-4, 3e-4, 1e-3)
    )
    rounds: int = option(
        6, "Rounds at most; it ends with the one in which steer counts as forgotten (paper: 6)", low=1, high=64,
        search=(1, 3, 6),
    )  # fmt: skip
    layers: int = option(
        4, "Layers edited in the first round, those of the highest score; each later round adds one", low=1, high=64,
        search=(2, 4, 8),
    )  # fmt: skip
    balance: float = option(
        1.0, "a: how much a layer's score heeds that forgetting and retaining agree there; 0: not at all", low=0.0,
        high=1.0, search=(0.0, 0.5, 1.0),
    )  # fmt: skip
    forget_weight: float = option(
        10.0, "Weight of the forget pairs' cosine, down to 0", low=0.0, high=1000.0, search=(3.0, 10.0, 30.0)
    )
    feature_weight: float = option(
        100.0, "Weight of keeping all other images' features in place", low=0.0, high=1e4, search=(10.0, 30.0, 100.0)
    )
    depth: float = option(
        0.3, "Share of the tower's layers, counted from its output, that may be edited (ours; paper: 1)", low=0.0,
        high=1.0, search=(0.15, 0.3, 1.0),
    )  # fmt: skip
    samples: int = option(200, "Images of each kind the gradients are read from", low=1, high=5000, advanced=True)

    @property
    def variant(self) -> str:
        """Say where only late layers are looked at, which is ours."""
        return "our choice of late layers" if self.depth < 1 else ""


@method(
    "razor",
    RazorSettings,
    title="Ratio-aware layer editing (RAZOR)",
    tier=3,
    source="RAZOR: Ratio-Aware Layer Editing for Targeted Unlearning, arXiv 2603.14819",
    reference_url="https://arxiv.org/abs/2603.14819",
    stages=("select", "forget"),
)
def razor(task: Task, settings: RazorSettings) -> Iterator[Step]:
    """Train the layers that matter to the target and agree with the rest, one more each round until it is forgotten.

    The Step of `select` carries data["layers"]: name, forget (importance), retain (cosine of the two gradients),
    relative (the score) and chosen; the first one of each later round data["added"], the layer's name. Raises BadData
    where a set of training images is empty.
    """
    from clipforget.generators import relay
    from clipforget.unlearning import fisher
    from clipforget.unlearning.diagonals import forget_and_rest
    from clipforget.unlearning.trainer import Trainer

    trainer = Trainer(task, settings, IMAGE, tier=3, parameters={})
    steps = trainer.settings.steps
    names = fisher.candidates(task.clip.model, settings.depth)
    images = forget_and_rest(task, settings.samples)
    accuracy: dict[str, float] = {}
    for number in range(settings.rounds):
        scores = rank(task, names, *images, settings.balance)
        fresh = [layer.name for layer in scores if layer.name not in trainer.parameters]
        added = fresh[: 1 if number else settings.layers]
        trainer.parameters |= {name: task.clip.model.get_parameter(name) for name in added}
        if not number:
            records = [{**asdict(layer), "chosen": layer.name in added} for layer in scores]
            yield Step("select", 1, 1, data={"layers": records})

        def renumber(step: Step, before: int = number * steps, added: list[str] = added) -> Step:
            accuracy.update(step.steer)
            data = {"added": added[0]} if before and added and step.step == 1 else {}
            return replace(step, step=before + step.step, total=settings.rounds * steps, data=data)

        yield from relay(trainer.train(three_terms), renumber)
        if accuracy.get("forget", 0.0) <= task.limit:
            break


def rank(task: Task, names: list[str], forget: ImageSet, rest: ImageSet, balance: float) -> list[LayerFisher]:
    """Score the named weights of the model as it is now, highest score first."""
    from clipforget.methods.slug.forgetting import mean_gradients
    from clipforget.unlearning.fisher import LayerFisher
    from clipforget.unlearning.losses import caption_cosine, zero_shot_cross_entropy

    embeddings, scale = task.class_embeddings, task.clip.logit_scale
    lowered = mean_gradients(task.clip, names, forget, lambda x, y: caption_cosine(x, y, embeddings, floor=0.0))
    held = mean_gradients(task.clip, names, rest, lambda x, y: zero_shot_cross_entropy(x, y, embeddings, scale))
    layers = []
    for name in names:
        importance, agreement = saliency(task.clip.model.get_parameter(name).detach(), lowered[name], held[name])
        layers.append(LayerFisher(name, importance, agreement, importance * (1 + agreement) ** balance))
    return sorted(layers, key=lambda layer: -layer.relative)


def saliency(weight: Tensor, forget: Tensor, retain: Tensor) -> tuple[float, float]:
    """Return ||g_f|| / ||theta|| and the cosine of g_f and g_r, -1 to 1: both losses fall together where it is high."""
    import torch

    importance = forget.norm() / weight.norm().clamp_min(1e-12)
    return float(importance), float(torch.cosine_similarity(forget.flatten(), retain.flatten(), dim=0))


def three_terms(batch: Batch, settings: RazorSettings) -> dict[str, Tensor]:
    """Weigh the cosine of forget pairs, the cross-entropy of all other images, and the drift of their features."""
    from clipforget.unlearning.losses import caption_cosine, feature_distance, zero_shot_cross_entropy

    kept, names = ("retain", "others"), batch.class_embeddings()
    features = batch.features(*kept)
    return {
        "forget": settings.forget_weight
        * caption_cosine(batch.features("forget"), batch.labels("forget"), names, floor=0.0),
        "retain": zero_shot_cross_entropy(features, batch.labels(*kept), names, batch.scale),
        "features": settings.feature_weight * feature_distance(features, batch.features(*kept, original=True)),
    }
