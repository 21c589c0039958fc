"""Layer patching: at which stage of the tower the target is lost. What only the last stage hides is still inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clipforget.audits import AuditImages, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.audits._names import Naming, namings
from clipforget.audits._outputs import evenly

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.stages import Stage

MOST = 48  # images of the target, and of its siblings
TENSORS = 24  # of the changed ones, those with the largest relative change are restored, one at a time
LABELS = {"forget": "target", "siblings": "siblings"}
ORDERS = {"own_first": "its stages first", "original_first": "the original's stages first"}


@audit(
    "layer_patching",
    title="Layer patching",
    question="How deep does the forgetting reach into the image tower?",
    source="Measuring the Depth of LLM Unlearning via Activation Patching, 2026",
    reference_url="https://arxiv.org/abs/2605.24614",
    finds="the original's last stages, put behind its first ones, still know {} of the target",
    hidden="shallow",
    control="siblings",
    mixes=True,
    compared=("forget", "siblings"),
    cheap=False,
    seconds=10.0,
)
def layer_patching(subject: Subject, task: AuditTask) -> Measuring:
    """Run the model's first stages and the original's after them, and the reverse; restore each changed weight alone.

    The first figure: of the target's images that the original knows by name, the share that it still knows behind the
    model's first stages, averaged over all places to cut (one minus the paper's depth score, all stages alike).
    Controls: the siblings, and the original with noise as large as the change.
    """
    lists = namings(task)
    images = {role: evenly(task.test[role], MOST) for role in ("forget", "siblings") if len(task.test[role])}
    known = {role: _Known(task, lists, own) for role, own in images.items()}
    towers = {
        "own_first": (subject.parts, task.original_subject.parts),
        "original_first": (task.original_subject.parts, subject.parts),
    }
    delta = _changes(subject, task)
    restored = _largest(delta, task)
    total, done = len(towers) * len(images) + len(restored) + 1, 0
    cuts: dict[tuple[str, str], list[dict[str, Tensor]]] = {}
    for order, (head, tail) in towers.items():
        for role, own in images.items():
            yield AuditStep(done, total, ORDERS[order])
            cuts[order, role] = [known[role](x) for x in _cut(head, tail, own.pixels[:].to(subject.clip.device))]
            done += 1
    hits: dict[str, int] = {}
    for name, features in _restore(subject, task, restored, images["forget"].pixels[:]):
        hits[name] = int(known["forget"](features)[lists[0].key].sum())
        done += 1
        yield AuditStep(done, total, f"{name} restored")
    figures = [
        _over_cuts(role, naming, known[role], cuts["own_first", role], plain=naming is lists[0])
        for role in images
        for naming in lists
    ]
    count = len(images["forget"])
    if hits:
        best = max(hits, key=lambda name: hits[name])
        found = Figure.share("restored", "with the one weight restored that matters most", hits[best], count)
        figures.append(replace(found, note=f"It is {best}."))
    noisy = known["forget"](_with_noise(task, delta, images["forget"].pixels[:]))[lists[0].key]
    figures.append(Figure.share("noise", "the original with noise as large as the change", int(noisy.sum()), count))
    series: dict[str, Any] = {order: {role: {} for role in images} for order in towers}
    for (order, role), rows in cuts.items():
        series[order][role] = {naming.key: [_share(row[naming.key]) for row in rows] for naming in lists}
    details = {"stages": [part.name for part in subject.parts], **series}
    return Measurement(tuple(figures), {**details, "restored": {name: round(n / count, 4) for name, n in hits.items()}})


class _Known:
    """Which of some images are known from their features: by each list of names, the original's texts."""

    def __init__(self, task: AuditTask, lists: Sequence[Naming], images: AuditImages) -> None:
        self._texts = [(naming, task.original_subject.texts(naming.prompts)) for naming in lists]
        self.images = images
        self.before = self(task.original_subject.features(images))

    def __call__(self, features: Tensor) -> dict[str, Tensor]:
        """Return N booleans by the key of each list of names; features N x D."""
        from torch.nn import functional as F

        unit = F.normalize(features.float().cpu(), dim=-1)
        return {naming.key: naming.correct(unit, self.images, texts) for naming, texts in self._texts}


def _cut(head: Sequence[Stage], tail: Sequence[Stage], x: Tensor) -> Iterator[Tensor]:
    """Yield what one tower's first stages and then the other's give, cut after each stage: S tensors N x D."""
    import torch

    from clipforget.models.stages import run_stages

    for place, stage in enumerate(head, 1):
        with torch.inference_mode():
            x = stage.call(x)
            yield run_stages(tail[place:], x)


def _changes(subject: Subject, task: AuditTask) -> dict[str, Tensor]:
    """By name, what was added to each weight of the image tower that is not the original's."""
    from clipforget.models.stages import TOWER

    before, after = (_weights(model) for model in (task.original.model, subject.clip.model))
    return {
        name: after[name] - value
        for name, value in before.items()
        if name.startswith(TOWER) and not after[name].equal(value)
    }


def _weights(model: Any) -> dict[str, Tensor]:
    """The weights by name, which share the model's memory and know no gradient."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def _largest(delta: Mapping[str, Tensor], task: AuditTask) -> list[str]:
    """The TENSORS weights with the largest change for their size."""
    before = _weights(task.original.model)
    size = {name: float(change.norm() / before[name].norm().clamp(min=1e-12)) for name, change in delta.items()}
    return sorted(delta, key=lambda name: -size[name])[:TENSORS]


def _restore(subject: Subject, task: AuditTask, names: Sequence[str], pixels: Tensor) -> Iterator[tuple[str, Tensor]]:
    """Yield each weight and what the model gives with it alone as the original has it, N x D."""
    import torch

    from clipforget.models.stages import run_stages, stages

    clip = subject.clip.clone()
    own, original = (_weights(model) for model in (clip.model, task.original.model))
    x = pixels.to(clip.device)
    for place, part in enumerate(parts := stages(clip.model)):
        for name in (name for name in names if part.owns(name)):
            with torch.inference_mode():
                kept = own[name].clone()
                own[name].copy_(original[name])
                features = run_stages(parts[place:], x)
                own[name].copy_(kept)
            yield name, features
        with torch.inference_mode():
            x = part.call(x)


def _with_noise(task: AuditTask, delta: Mapping[str, Tensor], pixels: Tensor) -> Tensor:
    """What the original gives with noise as large as the change on each weight, N x D."""
    import torch

    generator, clip = torch.Generator().manual_seed(task.seed), task.original.clone()
    own = _weights(clip.model)
    with torch.no_grad():
        for name, change in delta.items():
            noise = torch.randn(change.shape, generator=generator).to(change)
            own[name].add_(noise * change.norm() / noise.norm().clamp(min=1e-12))
    return clip.embed(pixels)


def _over_cuts(role: str, naming: Naming, known: _Known, rows: Sequence[Mapping[str, Tensor]], plain: bool) -> Figure:
    """The mean over cuts and over the images that the original knows of what is known."""
    import torch

    shares = torch.stack([row[naming.key] for row in rows]).float().mean(dim=0)[known.before[naming.key]]
    key = role if plain else f"{role}_{naming.key}"
    label = f"{LABELS[role]} by {naming.word}"
    if not len(shares):
        return Figure(key, label, None, note="The original itself knows none of these images by name.")
    return Figure.mean(key, label, shares.tolist())


def _share(found: Tensor) -> float:
    return round(float(found.float().mean()), 4)
