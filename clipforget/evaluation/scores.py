"""The scores of a run at every alpha, as scores.json keeps them. numpy only.

Letters: N judged images, L nodes of the path, C names of a bank, D embedding, A = 101 alphas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.data.target import Target
from clipforget.evaluation import metrics
from clipforget.evaluation.evalset import Bank, Bools, EvalSet, class_groups, gallery, suggestions
from clipforget.evaluation.refusal import Refusal
from clipforget.soup.path import ALPHAS, SoupPath

DIGITS = 4
NOTHING_REFUSED = Refusal()
EVERY = slice(None)


def correct_along(
    path: SoupPath, judged: EvalSet, banks: Mapping[str, NDArray[Any]], refusal: Refusal = NOTHING_REFUSED
) -> dict[str, Bools]:
    """For each bank, A x N: whether the nearest name is the right one at each alpha; a refused one is so at 1 alone.

    banks are text features, L x C x D or 1 x C x D.
    """
    return {level: _correct(path, judged.banks[level], stack, refusal) for level, stack in banks.items()}


def _correct(path: SoupPath, bank: Bank, stack: NDArray[Any], refusal: Refusal) -> Bools:
    pairs = zip(ALPHAS, cosines_along(path, stack), strict=True)
    return np.stack([refusal.right(found, bank.labels, bank.names, alpha) for alpha, found in pairs])


def cosines_along(path: SoupPath, stack: NDArray[Any], images: Bools | slice = EVERY) -> Iterator[NDArray[Any]]:
    """The cosines of some images (a mask of N, or a slice) with M texts at each of the A alphas: images x M each.

    stack is L x M x D, or 1 x M x D where the text tower is unchanged: then the similarities at two nodes are
    interpolated instead of the features.
    """
    if len(stack) > 1:
        yield from (path.features(alpha)[images] @ path.texts(stack, alpha).T for alpha in ALPHAS)
        return
    nodes = [node.features[images] @ stack[0].T for node in path.nodes]
    for alpha in ALPHAS:
        i, t = path.where(alpha)
        norms = path.norms(i, t)[images, None]
        yield nodes[i] * ((1 - t) / norms) + nodes[i + 1] * (t / norms)


def score(
    path: SoupPath,
    judged: EvalSet,
    banks: Mapping[str, NDArray[Any]],
    dataset: Dataset,
    targets: Sequence[Target],
    seed: int,
    tolerance: float,
    refused: Sequence[str] = (),
) -> dict[str, Any]:
    """All of scores.json but its part "retrieval", which is made by clipforget.evaluation.prompts.

    alpha is chosen on validation; rows, H, Score, per-class bars and the gallery are of test.

    tolerance: the forget accuracy on validation, 0 to 1, that counts as forgotten where chance is lower; the cautious
    reading of `_cautious` has to lie within. refused: the names that the method refuses below alpha 1.
    """
    refusal = Refusal(tuple(refused))
    correct = correct_along(path, judged, banks, refusal)
    chance = 1 / len(judged.banks["superclass"].names)
    known = judged.mask("validation", "forget")
    validation = correct["superclass"][:, known]
    upper = _cautious(path, known, judged.banks["superclass"], banks["superclass"], validation, seed, refusal)
    best = metrics.choose_alpha(ALPHAS, upper, chance, tolerance)
    rows = [_row(row, correct[row.bank][:, row.mask], seed) for row in judged.rows()]
    bounds = [path.bound(alpha) for alpha in ALPHAS]
    agreement = [_short(bound.agreement) for bound in bounds]
    accuracy = [_short(bound.accuracy) for bound in bounds]
    h, total, nothing = _combined(rows)
    return {
        "alphas": list(ALPHAS),
        "nodes": list(path.alphas),
        "best": best,
        "chance": _short(chance),
        "template": dataset.template,
        "precision": path.precision,
        "bound": {"agreement": agreement, "accuracy": accuracy},
        "segments": [asdict(bound) for bound in path.segments],
        "validation": {"forget": [_short(share) for share in validation.mean(axis=1)], "upper": [*map(_short, upper)]},
        "rows": rows,
        "h": h,
        "score": total,
        "do_nothing": nothing,
        "per_class": _per_class(judged, dataset, targets, correct["superclass"]),
        "gallery": gallery(judged, dataset),
        "suggestions": suggestions(dataset, targets),
        "refused": list(refused),
        "evaluated": judged.as_dict(),
    }


def _cautious(
    path: SoupPath, known: Bools, bank: Bank, stack: NDArray[Any], hits: Bools, seed: int, refusal: Refusal
) -> list[float]:
    """The forget accuracy on validation at each alpha, read cautiously."""
    found = []
    for alpha, right, cosines in zip(ALPHAS, hits, cosines_along(path, stack, known), strict=True):
        cosines = refusal.allowed(cosines, bank.names, alpha)
        found.append(metrics.cautious_accuracy(right, metrics.margins(cosines, bank.labels[known]), seed))
    return found


def headline(scores: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures of the list of runs: before and after at the chosen alpha."""
    place = scores["alphas"].index(scores["best"])
    rows = {row["key"]: {"before": row["before"]["value"], "after": row["after"][place]} for row in scores["rows"]}
    found = {key: rows.get(key) for key in ("forget", "siblings", "others")}
    return {**found, "h": scores["h"][place], "score": scores["score"][place]}


def _row(row: Any, correct: Bools, seed: int) -> dict[str, Any]:
    """One line of the scores from A x n booleans; equal counts share their interval."""
    hits = [int(values.sum()) for values in correct]
    known = {hit: metrics.interval(correct[hits.index(hit)], seed=seed) for hit in set(hits)}
    count = correct.shape[1]
    low, high = known[hits[-1]]
    return {
        "key": row.key,
        "label": row.label,
        "role": row.role,
        "n": count,
        "bank": row.bank,
        "before": {"value": _short(hits[-1] / count), "low": _short(low), "high": _short(high)},
        "after": [_short(hit / count) for hit in hits],
        "low": [_short(known[hit][0]) for hit in hits],
        "high": [_short(known[hit][1]) for hit in hits],
    }


def _combined(rows: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float], dict[str, float]]:
    """H and Score at every alpha, 0 to 100, and those of doing nothing.

    The target counts by what is forgotten; siblings, others and the unseen suites by what is kept.
    """
    target = next(row for row in rows if row["key"] == "forget")
    kept = [row for row in rows if row["key"] in ("siblings", "others") or row["key"].startswith("suite:")]
    h, total = [], []
    for place in range(len(ALPHAS)):
        gone = 1 - _ratio(target, place)
        ratios = [_ratio(row, place) for row in kept]
        h.append(round(100 * metrics.harmonic(gone, min(ratios, default=1.0)), 2))
        total.append(round(metrics.score(gone, ratios), 2))
    return h, total, {"h": 0.0, "score": round(metrics.do_nothing(len(kept)), 2)}


def _ratio(row: Mapping[str, Any], place: int) -> float:
    return metrics.ratio(row["after"][place], row["before"]["value"])


def _per_class(judged: EvalSet, dataset: Dataset, targets: Sequence[Target], correct: Bools) -> dict[str, Any]:
    groups = class_groups(judged, dataset, targets)
    after = np.stack([correct[:, places].mean(axis=1) for _, _, places in groups], axis=1)  # A x groups
    return {
        "labels": [label for label, _, _ in groups],
        "roles": [role for _, role, _ in groups],
        "n": [len(places) for _, _, places in groups],
        "before": [_short(value) for value in after[-1]],
        "after": [[_short(value) for value in values] for values in after],
    }


def _short(value: float) -> float:
    return round(float(value), DIGITS)
