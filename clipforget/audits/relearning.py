"""Relearning: how fast a few pictures bring the target back. What was only hidden returns sooner than it was learnt."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import stdev
from typing import TYPE_CHECKING, Any

from clipforget.audits import STEPS, AuditImages, AuditStep, AuditTask, Figure, Measurement, Measuring, Subject, audit
from clipforget.audits._names import Naming, namings
from clipforget.audits._outputs import evenly, spaced

if TYPE_CHECKING:
    from torch import Tensor

SHOTS = (16, 5, 1)  # images of the target to train on
MOST = 16  # images to train on of what is not the target
RANK, LEARNING_RATE, STRENGTH = 4, 1e-3, 0.3  # of the low-rank updates, of Adam, of the augmentation
LAST = 50  # steps
CHECKED = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 35, 40, 45, LAST)  # steps after which it is tested
TRAININGS = 3  # on the target, each with other pictures and other first updates
T_QUANTILE = 4.303  # of Student's t with TRAININGS - 1 degrees of freedom, for 95 %
BACK = 0.9  # share of the original's accuracy that counts as back


@audit(
    "relearning",
    title="Relearning",
    question="How fast do a few pictures bring the target back?",
    source="Hu et al., Unlearning or Obfuscating? Jogging the Memory of Unlearned LLMs via Benign Relearning, 2024",
    reference_url="https://arxiv.org/abs/2406.13356",
    finds="a few pictures bring the target back in {}",
    hidden="back too soon",
    hidden_below=True,
    scale=LAST,
    compared=tuple(map(str, SHOTS)),
    needs=("classes",),
    looks_at="both towers",
    cheap=False,
    seconds=60.0,
)
def relearning(subject: Subject, task: AuditTask) -> Measuring:
    """Train low-rank updates (LoRA, rank 4) of a copy on 16, 5 and 1 pictures of the target, for at most 50 steps.

    The figures are the steps until 90 % of the original's accuracy on the target's test images is back, under fine
    names and under class names; a training ends there. The target's are means over three trainings. Benign: 16 pictures
    of siblings. Control: of an unrelated class; one training each.
    """
    trainings: list[tuple[str, str, Naming, list[AuditImages]]] = []
    for naming in (lists := namings(task)):
        sets = {
            **{str(n): ("of the target", [_picked(task.fit["forget"], n, i) for i in range(TRAININGS)]) for n in SHOTS},
            "benign": ("of siblings (benign)", [evenly(task.fit["siblings"], MOST)]),
            "unrelated": ("of an unrelated class", [evenly(_one_class(task.fit["others"]), MOST)]),
        }
        for key, (label, images) in sets.items():
            suffix = "" if naming is lists[0] else f"_{naming.key}"
            trainings.append((key + suffix, f"{len(images[0])} {label}, {naming.word}", naming, images))
    trainings = [training for training in trainings if len(training[-1][0])]
    total = LAST * sum(len(training[-1]) for training in trainings)
    figures, original, done = [], task.original_subject, 0
    curves: dict[str, dict[str, list[Any]]] = {}
    for key, label, naming, each in trainings:
        needed = BACK * float(_found(original.features(task.test["forget"]), task, original, naming))
        if not needed:
            figures.append(Figure(key, label, None, unit=STEPS, note="The original itself finds none of its images."))
            done += LAST * len(each)
            continue
        taken, back = [], 0
        for number, pictures in enumerate(each):
            curve = {}
            for step, accuracy in _train(subject, task, naming, pictures, number):
                curve[step] = round(accuracy, 4)
                yield AuditStep(done + step, total, label)
                if accuracy >= needed:
                    back += 1
                    break
            curves.setdefault(key, {"steps": list(curve), "accuracy": list(curve.values())})
            taken.append(step)
            done += LAST
        figures.append(_figure(key, label, taken, len(each[0]), "" if back == len(each) else "not always back by then"))
    return Measurement(tuple(figures), {"needed": BACK, "curves": curves})


def _figure(key: str, label: str, taken: list[int], images: int, note: str) -> Figure:
    """The mean number of steps; with several trainings its interval by Student's t, from 0 to LAST."""
    mean, low, high = sum(taken) / len(taken), None, None
    if len(taken) > 1:
        margin = T_QUANTILE * stdev(taken) / len(taken) ** 0.5
        low, high = max(mean - margin, 0.0), min(mean + margin, float(LAST))
    return Figure(key, label, mean, low, high, images, STEPS, note)


def _picked(images: AuditImages, most: int, start: int) -> AuditImages:
    """Return at most so many images, evenly spaced, beginning with another one at each start."""
    rows = (spaced(len(images), most) + start) % max(len(images), 1)
    return images.rows(rows, f"{images.key}/{most}/{start}")


def _one_class(images: AuditImages) -> AuditImages:
    """The images of the class that comes first."""
    return images.rows(images.labels == images.labels[:1], f"{images.key}/one") if len(images) else images


def _found(features: Tensor, task: AuditTask, subject: Subject, naming: Naming) -> Tensor:
    """The accuracy on the target's test images, a scalar."""
    return naming.correct(features, task.test["forget"], subject.texts(naming.prompts)).float().mean()


def _train(
    subject: Subject, task: AuditTask, naming: Naming, images: AuditImages, number: int = 0
) -> Iterator[tuple[int, float]]:
    """Train a copy on the images, and yield the steps done and its accuracy on the target's test images."""
    import torch

    from clipforget.models.lora import attach
    from clipforget.unlearning.batches import augment
    from clipforget.unlearning.fisher import candidates
    from clipforget.unlearning.losses import zero_shot_cross_entropy

    yield 0, float(_found(subject.features(task.test["forget"]), task, subject, naming))
    clip, generator = subject.clip.clone(), torch.Generator().manual_seed(task.seed + number)
    updates = attach(clip.model, candidates(clip.model), RANK, generator=generator)
    optimizer = torch.optim.Adam([p for update in updates.values() for p in update.parameters()], LEARNING_RATE)
    texts = subject.texts(naming.prompts).clone().to(clip.device)
    pixels, labels = images.pixels[:].to(clip.device), naming.labels(images).to(clip.device)
    for step in range(1, LAST + 1):
        features = clip.encode_image(augment(pixels, STRENGTH, generator)).float()
        loss = zero_shot_cross_entropy(features, labels, texts, clip.logit_scale)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step in CHECKED:
            yield step, float(_found(clip.embed(task.test["forget"].pixels), task, subject, naming))
