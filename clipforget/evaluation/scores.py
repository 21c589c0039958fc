"""The scores of a run at every alpha, as scores.json keeps them. numpy only.

Letters: N evaluated images, L nodes of the path, C class names, D embedding, A = 101 alphas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.data.splits import ROLES
from clipforget.data.target import Target
from clipforget.errors import BadSetting, RunProblem
from clipforget.evaluation import metrics
from clipforget.evaluation.curves import collapse_of
from clipforget.evaluation.documents import Change, Collapse, Headline, PerClass, ScoreRow, Scores, StoredChoice
from clipforget.evaluation.evalset import Bools, EvalSet, Row, class_groups, described_sets, gallery, suggestions
from clipforget.evaluation.found import above_siblings
from clipforget.evaluation.refusal import Refusal
from clipforget.settings import read_document
from clipforget.soup.path import ALPHAS, SoupPath, index_of

DIGITS = 4
OLD_ROLES = {"sibling": "siblings", "other": "others"}


def read_scores(path: Path) -> Scores:
    """Read the scores.json of a run, in today's words. Raises RunProblem where it is missing or damaged."""
    try:
        scores = read_document(Scores, path, upgrade)
        if not _consistent(scores):
            raise BadSetting("lists of lengths that do not fit each other")
        return scores
    except BadSetting as error:
        raise RunProblem(
            f"The scores of {path.parent.name} are missing or damaged; run the forgetting again."
        ) from error


def _consistent(scores: Scores) -> bool:
    """Whether lists over alpha have an entry for each, and each evaluated image a role and a label."""
    evaluated, per_class = scores["evaluated"], scores["per_class"]
    along: list[Sequence[object]] = [scores["h"], scores["score"], per_class["after"]]
    if collapse := scores.get("collapse"):
        along += [collapse["takes"], collapse["nearest"], collapse["spread"]]
    along += [values for row in scores["rows"] for values in (row["after"], row["low"], row["high"])]
    of_images = [evaluated["roles"], *(named["labels"] for named in evaluated["class_names"].values())]
    return (
        all(len(values) == len(scores["alphas"]) for values in along)
        and all(len(values) == len(per_class["labels"]) for values in per_class["after"])
        and all(len(values) == len(evaluated["items"]) for values in of_images)
        and all(0 <= role < len(ROLES) for role in evaluated["roles"])
    )


def upgrade(scores: Any) -> Scores:
    """Put scores of earlier versions into today's words: parts, roles, keys of rows, class names."""
    evaluated = scores.get("evaluated", {})
    for part in evaluated.get("parts", ()):
        part[0] = "calibrate" if part[0] == "validation" else part[0]
    for row in scores["rows"]:
        row["key"] = re.sub("^(suite|shifted)", "eval", row["key"])
    if "banks" in evaluated:
        _upgrade_first(scores)
    if "validation" in scores:
        scores["choice"] = _first_choice(scores["best"], scores["chance"], scores.pop("validation"))
    return cast(Scores, scores)


def _upgrade_first(scores: Any) -> None:
    """Put the words of the first scores into today's."""
    for row in scores["rows"]:
        row["level"] = row.pop("bank")
        if row["key"] == "others":
            row["label"] = "others"
    for row in (*scores["rows"], *scores.get("retrieval", {}).get("rows", ())):
        row["role"] = OLD_ROLES.get(row["role"], row["role"])
    for part in ("per_class", "gallery"):
        scores[part]["roles"] = [OLD_ROLES.get(role, role) for role in scores[part]["roles"]]
    scores["evaluated"]["class_names"] = scores["evaluated"].pop("banks")


def score(
    path: SoupPath,
    evalset: EvalSet,
    classifiers: Mapping[str, NDArray[Any]],
    dataset: Dataset,
    targets: Sequence[Target],
    tolerance: float,
    refused: Sequence[str] = (),
) -> Scores:
    """Score a run: all of scores.json but its part "retrieval", which is made by clipforget.evaluation.prompts.

    alpha is chosen on calibrate images; rows, H, Score, per-class bars and the gallery are of test.

    classifiers: text features of each level's names, L x C x D, or 1 x C x D where they are the same at every node.
    What counts as forgotten follows the evalset's goal. As if never seen it is the larger of two: the accuracy of the
    target's images among all fine names, and by how much more an image query finds of it than of a sibling.

    tolerance: the forget accuracy, 0 to 1, that counts as forgotten where chance is lower. refused: the names that the
    method refuses below alpha 1.
    """
    correct = correct_along(path, evalset, classifiers, Refusal(tuple(refused)))
    chance = 1 / len(evalset.class_names[evalset.own_levels[0]].names)
    clusters = {part: clusters_along(path, evalset, part) for part in ("calibrate", "test")}
    rows = [score_row(row, correct, clusters["test"]) for row in evalset.rows()]
    calibrate = {
        row.key: _hits(row, correct, clusters["calibrate"]) / row.mask.sum() for row in evalset.calibrate_rows()
    }
    images = int(evalset.mask("calibrate", "forget").sum())
    choice = metrics.choose_alpha(ALPHAS, calibrate, max(chance, tolerance), images)
    bounds = [path.bound(alpha) for alpha in ALPHAS]
    tradeoffs = [tradeoff_at(rows, index) for index in range(len(ALPHAS))]
    return {
        "alphas": list(ALPHAS),
        "nodes": list(path.alphas),
        "best": choice.alpha,
        "chance": _short(chance),
        "template": dataset.template,
        "precision": path.precision,
        "bound": {
            "agreement": [_short(bound.agreement) for bound in bounds],
            "accuracy": [_short(bound.accuracy) for bound in bounds],
        },
        "segments": [asdict(bound) for bound in path.segments],
        "choice": _stored(choice, calibrate),
        "rows": rows,
        "h": [round(tradeoff.h, 2) for tradeoff in tradeoffs],
        "score": [round(tradeoff.score, 2) for tradeoff in tradeoffs],
        "do_nothing": {"h": tradeoffs[-1].h, "score": round(tradeoffs[-1].score, 2)},
        "per_class": _per_class(evalset, dataset, targets, correct["superclass"]),
        "gallery": gallery(evalset, dataset),
        "suggestions": suggestions(dataset, targets),
        "evaluation_sets": described_sets(evalset, dataset),
        "refused": list(refused),
        "evaluated": evalset.as_dict(),
        "collapse": _collapse(path, evalset, classifiers["superclass"]),
    }


def _collapse(path: SoupPath, evalset: EvalSet, stack: NDArray[Any]) -> Collapse | None:
    """How far the model has collapsed on the retained test images; nothing without such images."""
    retained = evalset.mask("test", "siblings", "others")
    if not retained.any():
        return None
    figures = zip(*map(collapse_of, path.cosines_along(stack, retained)), strict=True)
    takes, nearest, spread = ([_short(value) for value in values] for values in figures)
    return {"takes": takes, "nearest": nearest, "spread": spread}


def _first_choice(alpha: float, chance: float, validation: Mapping[str, Sequence[float]]) -> StoredChoice:
    """The choice of version 0.1 as it was: the largest alpha that passed, read cautiously; 0 where none did."""
    at_most = validation["upper"][index_of(alpha)]
    reason = f"Alpha {alpha:.2f} is the largest at which the validation images of this older run passed"
    if alpha == 0 and at_most > max(chance, 0.05):
        reason = "Alpha 0 was suggested by this older run because no alpha passed on its validation images"
    return {"alpha": alpha, "at_most": at_most, "reason": f"{reason}: at most {at_most:.1%} of the target found."}


def correct_along(
    path: SoupPath, evalset: EvalSet, classifiers: Mapping[str, NDArray[Any]], refusal: Refusal
) -> dict[str, Bools]:
    """A x N by level: whether each image's nearest name is its own."""
    along = zip(*(path.cosines_along(classifiers[level]) for level in classifiers), strict=True)
    found = [
        evalset.correct(dict(zip(classifiers, cosines, strict=True)), alpha, refusal)
        for alpha, cosines in zip(ALPHAS, along, strict=True)
    ]
    return {level: np.stack([correct[level] for correct in found]) for level in classifiers}


def _stored(choice: metrics.Choice, calibrate: Mapping[str, NDArray[Any]]) -> StoredChoice:
    """The choice with the accuracies it was made on, A entries a set."""
    return {
        "alpha": choice.alpha,
        "reason": choice.reason,
        "limit": _short(choice.limit),
        "images": choice.images,
        "accuracy": _short(choice.accuracy),
        "at_most": _short(choice.at_most),
        "within": choice.within,
        "plateau": list(choice.plateau),
        "calibrate": {key: [_short(value) for value in values] for key, values in calibrate.items()},
    }


def headline(scores: Scores) -> Headline:
    """Return the few figures of the list of runs: before and after at the suggested alpha."""
    index = index_of(scores["best"])
    rows = {row["key"]: Change(before=row["before"]["value"], after=row["after"][index]) for row in scores["rows"]}
    forget, siblings, others = (rows.get(role) for role in ROLES)
    h, score = scores["h"][index], scores["score"][index]
    return {"forget": forget, "siblings": siblings, "others": others, "h": h, "score": score}


def clusters_along(path: SoupPath, evalset: EvalSet, part: str) -> NDArray[np.float64]:
    """As if never seen: by how much more an image query finds of the target than of a sibling, A shares; else 0."""
    if evalset.own_levels != ("subgroup",):
        return np.zeros(len(ALPHAS))
    block = slice(*evalset.block(part))
    nodes = tuple(replace(node, features=node.features[block]) for node in path.nodes)
    kinds = evalset.class_names["subgroup"].labels[block]
    target, siblings = (evalset.mask(part, role)[block] for role in ("forget", "siblings"))
    return above_siblings(replace(path, nodes=nodes), kinds, target, siblings)


def _hits(row: Row, correct: Mapping[str, Bools], clusters: NDArray[np.float64]) -> NDArray[Any]:
    """A counts of the row's images whose nearest name is their own; of several levels the largest count.

    clusters: A shares of the images to be forgotten that count as found at least.
    """
    counts: NDArray[Any] = np.max([correct[level][:, row.mask].sum(axis=1) for level in row.levels], axis=0)
    return np.maximum(counts, np.rint(clusters * row.mask.sum()).astype(int)) if row.key == "forget" else counts


def score_row(row: Row, correct: Mapping[str, Bools], clusters: NDArray[np.float64]) -> ScoreRow:
    """One line of the scores from A x N booleans by level, and A shares that image queries find."""
    count, hits = int(row.mask.sum()), _hits(row, correct, clusters)
    intervals = [metrics.wilson(int(hit), count) for hit in hits]
    low, high = intervals[-1]
    return {
        "key": row.key,
        "label": row.label,
        "role": row.role,
        "n": count,
        "level": row.level,
        "before": {"value": _short(hits[-1] / count), "low": _short(low), "high": _short(high)},
        "after": [_short(hit / count) for hit in hits],
        "low": [_short(low) for low, _ in intervals],
        "high": [_short(high) for _, high in intervals],
    }


def tradeoff_at(rows: Sequence[ScoreRow], index: int) -> metrics.Tradeoff:
    """Weigh the target against all rows that count as retained, at an alpha by its index."""
    counted = [row for row in rows if row["key"] == "forget" or metrics.is_retained(row["key"])]
    before = {row["key"]: row["before"]["value"] for row in counted}
    return metrics.Tradeoff.of(before, {row["key"]: row["after"][index] for row in counted})


def _per_class(evalset: EvalSet, dataset: Dataset, targets: Sequence[Target], correct: Bools) -> PerClass:
    groups = class_groups(evalset, dataset, targets)
    after = np.stack([correct[:, positions].mean(axis=1) for _, _, positions in groups], axis=1)  # A x groups
    return {
        "labels": [label for label, _, _ in groups],
        "roles": [role for _, role, _ in groups],
        "n": [len(positions) for _, _, positions in groups],
        "before": [_short(value) for value in after[-1]],
        "after": [[_short(value) for value in values] for values in after],
    }


def _short(value: float) -> float:
    return round(float(value), DIGITS)
