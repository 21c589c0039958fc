"""What a few watched queries find while a run is at work, before and now, in a small part of its gallery.

Looking changes nothing of the run: it draws no random number and touches neither weights nor buffers.
Letters: W watched images, Q queries, D embedding.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from clipforget.data.dataset import Dataset, Item
from clipforget.data.splits import ROLES, Splits
from clipforget.data.target import Target, label
from clipforget.evaluation.refusal import Refusal
from clipforget.evaluation.retrieval import nearest
from clipforget.models.pixels import view
from clipforget.models.precision import FLOAT32, autocast
from clipforget.runs.documents import Watched, WatchedHits, WatchedQuery
from clipforget.unlearning.task import BOTH, IMAGE, TEXT, Task

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip
    from clipforget.runs.loading import Evaluation

SHOWN = 12  # hits of a query
MOST = {"forget": 24, "siblings": 36, "others": 60}  # watched images of each role
FEWEST = 24  # of them, however slow the model is
INTERVAL = 2.0  # seconds between two looks, at least
SHARE = 0.04  # of the run's time that looks may take ...
FIRST = 0.01, 0.25  # ... and the first one, of the time that is planned; or so many seconds
SPACING = 50  # looks may come this many times more often than the run is old: a night's run writes no thousands


@dataclass(frozen=True)
class Query:
    """A watched caption, what it names in short, and the images of `name` that are counted: relevant, W booleans."""

    text: str
    short: str
    name: str
    role: str
    relevant: np.ndarray


class Watch:
    """The watched queries of a run, and when to look again.

    changes is one of clipforget.unlearning.task's IMAGE, TEXT, BOTH, NOTHING; planned the seconds the run is to take.
    """

    def __init__(self, task: Task, evaluation: Evaluation, changes: str, planned: float) -> None:
        self.task, self.changes, self.start = task, changes, time.monotonic()
        rows = watched_rows(evaluation.splits)
        limit, chunks = max(FIRST[0] * planned, FIRST[1]), []
        for chunk in view(evaluation.pixels, rows).split(task.original.batch_size):
            chunks.append(task.original.embed(chunk))
            if time.monotonic() - self.start > limit and sum(map(len, chunks)) >= FEWEST:
                break
        self._images, dataset = torch.cat(chunks).numpy(), evaluation.dataset
        self._rows = rows[: len(self._images)]
        self._pixels = view(evaluation.pixels, self._rows)
        items = [dataset.items[evaluation.splits.evaluated[row]] for row in self._rows]
        roles = [evaluation.splits.roles[row] for row in self._rows]
        self.queries = watched_queries(dataset, evaluation.splits.forget, items, roles)
        self._texts = self._embed_texts(task.original)
        self._before = self._hits(Refusal())
        self._seconds = time.monotonic() - self.start
        self._looked = time.monotonic()
        self.first: Watched = {
            "data": dataset.fingerprint,
            "gallery": evaluation.splits.parts.count("test"),
            "images": [
                (evaluation.splits.evaluated[row], label(item.superclass, item.subgroup, item.style), role)
                for row, item, role in zip(self._rows, items, roles, strict=True)
            ],
            "queries": [WatchedQuery(text=one.text, name=one.name, role=one.role) for one in self.queries],
            "before": self._before,
            "words": "",
        }

    @property
    def due(self) -> bool:
        """Tell whether it is time to look again: looks take SHARE of the run's time, and get rarer the longer it is."""
        now = time.monotonic()
        return now - self._looked >= max(INTERVAL, self._seconds / SHARE, (now - self.start) / SPACING)

    def look(self, refused: Sequence[str] = ()) -> Watched:
        """Return what the queries find with the weights as they are now, a refused one nothing."""
        begun = time.monotonic()
        with evaluating(self.task.clip):
            if self.changes in (IMAGE, BOTH):
                self._images = self.task.clip.embed(self._pixels).numpy()
            if self.changes in (TEXT, BOTH):
                self._texts = self._embed_texts(self.task.clip)
        now = self._hits(Refusal(tuple(refused)))
        self._looked = time.monotonic()
        self._seconds = self._looked - begun
        return {"now": now, "words": self._words(now)}

    def _embed_texts(self, clip: Clip) -> np.ndarray:
        embedded: Tensor = clip.embed_texts([query.text for query in self.queries])
        return embedded.cpu().numpy()

    def _hits(self, refusal: Refusal) -> WatchedHits:
        """The hits of each query; none where it is refused, or where the weights are no numbers any more."""
        hits: list[list[int]] = []
        for query, cosines in zip(self.queries, self._texts @ self._images.T, strict=True):
            answered = refusal.word(query.text) is None and np.isfinite(cosines).all()
            hits.append(nearest(cosines, min(SHOWN, len(cosines)))[0].tolist() if answered else [])
        return {"hits": hits, "found": [int(q.relevant[ids].sum()) for q, ids in zip(self.queries, hits, strict=True)]}

    def _words(self, now: WatchedHits) -> str:
        """The first query in words."""
        query = self.queries[0]
        found, before = now["found"][0], self._before["found"][0]
        return f"“{query.short}” finds {found} {query.name} in {SHOWN}, was {before}"


def watched_rows(splits: Splits) -> list[int]:
    """Choose the watched images among the test ones: positions in `evaluated`, the roles mixed evenly.

    Any first part of them is mixed alike.
    """
    placed: list[tuple[float, int]] = []
    for role in ROLES:
        positions = splits.positions("test", role)
        chosen = positions[:: max(-(-len(positions) // MOST[role]), 1)]
        placed += [((i + 0.5) / len(chosen), position) for i, position in enumerate(chosen)]
    return [position for _, position in sorted(placed)]


def watched_queries(
    dataset: Dataset, targets: Sequence[Target], items: Sequence[Item], roles: Sequence[str]
) -> list[Query]:
    """Return the coarse and the fine caption of the first target, and the caption of one that is to stay.

    The latter is a sibling, named as finely as the target; where there is none a superclass of its own.
    """
    target, by_text = targets[0], dict[str, Query]()

    def add(named: Target, counted: Target, role: str) -> None:
        relevant = np.array([counted.matches(item) for item in items])
        query = Query(named.prompt(dataset.template), named.short, counted.short, role, relevant)
        by_text.setdefault(query.text, query)

    if target.superclass != "*":
        add(Target(target.superclass), target, "forget")
    add(target, target, "forget")
    if role := next((role for role in ("siblings", "others") if role in roles), ""):
        item = items[roles.index(role)]
        finest = (item.subgroup, item.style if target.style != "*" else "") if role == "siblings" else ()
        kept = Target(item.superclass, *(level or "*" for level in finest))
        add(kept, kept, role)
    return list(by_text.values())


@contextmanager
def evaluating(clip: Clip) -> Iterator[None]:
    """Let the model compute as it is used inside the block: in float32, every module in eval mode, as it was after."""
    training: list[Any] = [module for module in clip.model.modules() if module.training]
    with autocast(clip.device, FLOAT32):
        try:
            for module in training:
                module.training = False
            yield
        finally:
            for module in training:
                module.training = True
