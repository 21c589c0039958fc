"""By which names the audits that look into the model tell images apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.audits._subject import AuditImages, AuditTask, Subject
from clipforget.data.target import Target

if TYPE_CHECKING:
    from torch import Tensor

KNOWN = 0.5  # accuracy of the original on the target, 0 to 1, from which a list of names is one that it knows


@dataclass(frozen=True)
class Naming:
    """M texts to choose among: `word` says which ("fine name", "class name"), `key` is fine or coarse."""

    key: str
    word: str
    prompts: tuple[str, ...]

    def labels(self, images: AuditImages) -> Tensor:
        """Return the index of each image's own text, N."""
        return images.kinds if self.key == "fine" else images.labels

    def correct(self, features: Tensor, images: AuditImages, texts: Tensor) -> Tensor:
        """Return N booleans: no text (M x D, unit) is nearer to the features (N x D) than the image's own."""
        cosines = features @ texts.T
        own = cosines.gather(1, self.labels(images).to(cosines.device)[:, None])[:, 0]
        found: Tensor = (own >= cosines.max(dim=1).values).cpu()
        return found


def namings(task: AuditTask) -> list[Naming]:
    """Return the lists of names by which the original knows the target, the finest first; at least the classes.

    Fine are the names of all kinds: the target and its siblings as the target is named, everything else as finely.
    """
    fine = tuple(Target.read(name).prompt(task.template) for name in task.kind_names)
    coarse = Naming("coarse", "class name", tuple(task.class_prompts))
    lists = [Naming("fine", "fine name", fine), coarse] if set(fine) != set(coarse.prompts) else [coarse]
    return [naming for naming in lists if naming is coarse or _known(naming, task.original_subject, task) >= KNOWN]


def _known(naming: Naming, subject: Subject, task: AuditTask) -> float:
    images = task.test["forget"]
    return float(naming.correct(subject.features(images), images, subject.texts(naming.prompts)).float().mean())
