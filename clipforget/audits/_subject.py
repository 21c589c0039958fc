"""What an audit is given: a model that remembers what it made of images and texts, and the images. No torch at import.

Letters: N images, D embedding, C classes, S stages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from clipforget.data.target import Target
from clipforget.evaluation.refusal import LOWEST, Refusal
from clipforget.unlearning.task import ImageSet

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip

BATCH = 64  # images a forward pass
KEPT_BYTES = 2**28  # of what the unchanged stages give for one set of images, remembered for the next subject


@dataclass(frozen=True)
class AuditImages(ImageSet):
    """N images of one role. `key` names them ("test/forget") in a subject's memory.

    `kinds` (N, int64) are indices into AuditTask.kind_names: images that the target's own words cannot tell apart, of
    the target or of one sibling. `subgroups` (N, int64) are indices into AuditTask.subgroup_names, -1 for none; `items`
    (N, int64) those of the images in the data set.
    """

    key: str
    kinds: Tensor
    subgroups: Tensor
    items: Tensor

    def rows(self, chosen: Tensor, key: str) -> AuditImages:
        """Return some of the images, chosen by a mask or indices, under a key of their own."""
        from clipforget.models.pixels import view

        columns = {name: getattr(self, name)[chosen] for name in ("labels", "kinds", "subgroups", "items")}
        return replace(self, key=key, pixels=view(self.pixels, chosen), **columns)


@dataclass(frozen=True)
class AuditTask:
    """What is measured on; the same for every subject.

    `fit` and `test` map forget, siblings and others to images of the train split and of the gallery; a role without
    an image is an empty set. `names` are the C superclass names, `subgroup_names` all fine names, empty where there are
    none. `kind_names` name the kinds; the first len(targets) are the targets. `members`: the original was pretrained on
    the images of `fit`, and on none of `test`.
    """

    original: Clip
    fit: Mapping[str, AuditImages]
    test: Mapping[str, AuditImages]
    names: tuple[str, ...]
    subgroup_names: tuple[str, ...]
    kind_names: tuple[str, ...]
    template: str
    targets: tuple[Target, ...]
    seed: int
    members: bool = False
    _known: dict[str, bool] = field(default_factory=dict, repr=False)  # words that the original was asked for

    @cached_property
    def original_subject(self) -> Subject:
        """The original as a subject, which all audits share, so that its images are embedded once."""
        return Subject("original", self.original)

    @property
    def class_prompts(self) -> list[str]:
        """The template with each superclass name, C texts."""
        return [self.template.replace("{}", name) for name in self.names]

    def known(self, texts: Sequence[str]) -> list[str]:
        """Return the texts all of whose words the original was taught; all of them where it was taught none."""
        from clipforget.models.clip import WORD

        words = {text: WORD.findall(text) for text in texts}
        new = {word for found in words.values() for word in found} - self._known.keys()
        self._known.update(self.original.known_words(" ".join(sorted(new))))
        return [text for text in texts if all(self._known.get(word, True) for word in words[text])] or list(texts)

    def lacks(self, needs: Sequence[str]) -> str:
        """Return a sentence on the first of some needs that is not met, empty where all are."""
        return next((sentence for need in needs if (sentence := self._lack(need))), "")

    def _lack(self, need: str) -> str:
        if need == "classes" and len(self.names) < 2:
            return "It needs a second class to choose among, and this data set has one."
        if need == "fine" and not self.subgroup_names:
            return "It needs names finer than the classes, and this data set has none."
        if need in ("siblings", "others") and min(len(self.fit[need]), len(self.test[need])) < 2:
            what = "siblings of the target" if need == "siblings" else "images of other classes"
            return f"It needs {what}, and this run has none to fit and test on."
        if need == "members" and not self.members:
            return (
                "It needs to know which images the model was pretrained on. "
                "That is known only of clipforget-tiny, on sketchbook."
            )
        return ""


class Subject:
    """One model under audit, never changed (clone `clip` before training it), and what it made of images and texts.

    `name` is original, chosen, zero or reference, or another. `clip` may be a function that makes the model when it is
    first needed. `refused` are the names that it refuses to answer to. `base` is a subject with the same weights before
    its stage `keep_at`, whose outputs there it has kept and are taken over; `same_texts` one with the same text tower.
    """

    keep_at: int | None = None

    def __init__(
        self,
        name: str,
        clip: Clip | Callable[[], Clip],
        *,
        refused: Sequence[str] = (),
        base: Subject | None = None,
        same_texts: Subject | None = None,
    ) -> None:
        self.name, self._clip, self.refusal = name, clip, Refusal(tuple(refused))
        self._base, self._same_texts = base, same_texts
        self._stages: dict[str, list[Tensor]] = {}
        self._features: dict[str, Tensor] = {}
        self._prefixes: dict[str, list[Tensor]] = {}
        self._texts: dict[tuple[str, ...], Tensor] = {}

    @cached_property
    def clip(self) -> Clip:
        """The model, in eval mode."""
        return self._clip() if callable(self._clip) else self._clip

    @cached_property
    def parts(self) -> list[Any]:
        """The S stages of the image tower; see clipforget.models.stages."""
        from clipforget.models.stages import stages

        return stages(self.clip.model)

    def remember(self, images: AuditImages, features: Tensor) -> None:
        """Take features (N x D, unit) that were made elsewhere with the same weights."""
        self._features[images.key] = features

    def features(self, images: AuditImages) -> Tensor:
        """Return N x D unit features, float32 on the CPU; made once."""
        if images.key not in self._features:
            self._run(images)
        return self._features[images.key]

    def stages(self, images: AuditImages) -> dict[str, Tensor]:
        """Return what each stage gives by its name: N x channels, the mean over places or tokens; made once."""
        if images.key not in self._stages:
            self._run(images)
        return {part.name: rows for part, rows in zip(self.parts, self._stages[images.key], strict=True)}

    def texts(self, prompts: Sequence[str]) -> Tensor:
        """Return unit features of M texts, M x D, float32 on the CPU; made once."""
        if self._same_texts is not None:
            return self._same_texts.texts(prompts)
        key = tuple(prompts)
        if key not in self._texts:
            self._texts[key] = self.clip.embed_texts(key).cpu()
        return self._texts[key]

    def cosines(self, images: AuditImages, prompts: Sequence[str]) -> Tensor:
        """Return the cosines of N images with M texts, N x M; those of a refused text lie below every other."""
        import torch

        cosines = self.features(images) @ self.texts(prompts).T
        cosines[:, torch.from_numpy(self.refusal.mask(prompts))] = LOWEST
        return cosines

    def _run(self, images: AuditImages) -> None:
        """Embed the images, and remember the pooled output of every stage."""
        import torch
        from torch.nn import functional as F

        parts, device = self.parts, self.clip.device
        prefix = self._base._prefixes.get(images.key) if self._base else None
        start = self._base.keep_at or 0 if self._base and prefix else 0
        kept: list[Tensor] | None = [] if self.keep_at else None
        pooled: list[list[Tensor]] = [[] for _ in parts]
        with torch.inference_mode():
            for number, chunk in enumerate(images.pixels.split(BATCH)):
                x = prefix[number] if prefix else chunk.contiguous(memory_format=torch.channels_last)
                x = x.to(device)
                for i in range(start, len(parts)):
                    x = parts[i].call(x)
                    pooled[i].append(_pooled(x).float().cpu())
                    if kept is not None and i + 1 == self.keep_at:
                        kept.append(x.cpu())
                if kept and sum(map(_bytes, kept)) * len(images) > KEPT_BYTES * BATCH * len(kept):
                    kept = None
        outputs = [torch.cat(rows) for rows in pooled[start:]]
        if start and self._base:
            outputs = self._base._stages[images.key][:start] + outputs
        self._stages[images.key] = outputs
        self._features[images.key] = F.normalize(outputs[-1], dim=-1)
        if kept:
            self._prefixes[images.key] = kept


def _pooled(x: Tensor) -> Tensor:
    """B x channels of what a stage gives: the mean over places (B x channels x H x W) or tokens (B x T x channels)."""
    return x.mean(dim=(2, 3)) if x.ndim == 4 else x.mean(dim=1) if x.ndim == 3 else x


def _bytes(x: Tensor) -> int:
    return x.element_size() * x.nelement()
