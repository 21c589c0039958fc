"""How text prompts rank the gallery along alpha: recall and precision of the target, and what other prompts keep.

numpy only. Letters: G gallery images, L nodes of the path, Q prompts, D embedding, A = 101 alphas, K neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.data.target import Target
from clipforget.evaluation.documents import RankedRow, Retrieval
from clipforget.evaluation.evalset import Bools, EvalSet
from clipforget.evaluation.refusal import Refusal
from clipforget.evaluation.retrieval import nearest, precision_at_k, recall_at_k
from clipforget.evaluation.scores import DIGITS
from clipforget.soup.path import TOP_K, SoupPath

MOST = 8  # prompts of a level


@dataclass(frozen=True)
class Prompt:
    """A text whose ranking of the gallery is scored; relevant: G, the images to forget that it names.

    level: "coarse" names the superclass of a target, "fine" the target itself, "unrelated" a superclass without one.
    """

    text: str
    level: str
    relevant: Bools


def prompts(evalset: EvalSet, dataset: Dataset, targets: Sequence[Target]) -> list[Prompt]:
    """Return the prompts of a run, each text once, at most MOST of a level; none for images that the gallery lacks."""
    start, stop = evalset.block("test")
    items = [dataset.items[i] for i in evalset.items[start:stop]]
    forget = evalset.mask("test", "forget")[start:stop]
    covered = [name for name in dataset.superclasses if any(target.covers(name) for target in targets)]
    unrelated = [name for name in dataset.superclasses if name not in covered]

    def coarse(name: str) -> Prompt:
        relevant = forget & np.array([item.superclass == name for item in items])
        return Prompt(dataset.template.replace("{}", name), "coarse", relevant)

    def fine(target: Target) -> Prompt:
        return Prompt(target.prompt(dataset.template), "fine", np.array([target.matches(item) for item in items]))

    by_text: dict[str, Prompt] = {}
    for prompt in (*map(coarse, _spread(covered)), *map(fine, _spread(targets))):
        same = by_text.get(prompt.text, prompt)  # a whole superclass, or two subgroups of one name
        by_text[prompt.text] = replace(same, relevant=same.relevant | prompt.relevant)
    by_text = {text: prompt for text, prompt in by_text.items() if prompt.relevant.any()}
    for name in _spread(unrelated):
        text = dataset.template.replace("{}", name)
        by_text.setdefault(text, Prompt(text, "unrelated", np.zeros_like(forget)))
    return list(by_text.values())


def retrieval(
    path: SoupPath, evalset: EvalSet, queries: Sequence[Prompt], stack: NDArray[Any], refusal: Refusal
) -> Retrieval:
    """Score how the queries rank, 0 to 1, before and at each of the A alphas: the part "retrieval" of scores.json.

    stack are their text features, L x Q x D or 1 x Q x D. Coarse and fine prompts have a row for precision and
    one for recall, n being their relevant images; the unrelated ones share a row, the mean share of their K results
    that the original finds too. A prompt that names a refused word finds nothing below alpha 1.
    """
    start, stop = evalset.block("test")
    k = min(TOP_K, stop - start)
    along = path.cosines_along(stack, slice(start, stop))
    ranked = [[nearest(column, k)[0] for column in cosines.T] for cosines in along]
    rows, overlaps = [], []
    for prompt, ids in zip(queries, np.swapaxes(ranked, 0, 1), strict=True):  # ids A x K
        answered = np.ones(len(ids))
        answered[:-1] = refusal.word(prompt.text) is None
        if prompt.level == "unrelated":
            original = np.isin(np.arange(stop - start), ids[-1])
            overlaps.append(answered * precision_at_k(ids, original, k))
            continue
        for name, measure in (("precision", precision_at_k), ("recall", recall_at_k)):
            values = answered * measure(ids, prompt.relevant, k)
            rows.append(_row(prompt.level, "forget", [prompt.text], name, int(prompt.relevant.sum()), values))
    if overlaps:
        texts = [prompt.text for prompt in queries if prompt.level == "unrelated"]
        rows.append(_row("unrelated", "others", texts, "overlap", k, np.mean(overlaps, axis=0)))
    return {"k": k, "rows": rows}


def _row(level: str, role: str, texts: list[str], name: str, count: int, values: NDArray[Any]) -> RankedRow:
    after = [round(float(value), DIGITS) for value in values]
    return RankedRow(level=level, role=role, prompts=texts, score=name, n=count, before=after[-1], after=after)


def _spread(names: Sequence[Any]) -> Sequence[Any]:
    """At most MOST of the names, from all over the list."""
    return names[:: max(-(-len(names) // MOST), 1)]
