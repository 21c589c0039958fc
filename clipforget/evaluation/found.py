"""How much of the target is still found: by its coarse name, by its fine name, and by a picture of it. numpy only.

Letters: G gallery images, D embedding, L nodes of the path, A = 101 alphas, K = 24 results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.evaluation.documents import FoundRow, Retrieval, StillFound
from clipforget.evaluation.retrieval import Index, neighbours, precision_at_k
from clipforget.soup.path import ALPHAS, TOP_K, SoupPath, index_of


def by_picture(path: SoupPath, target: NDArray[np.bool_]) -> list[float]:
    """Return the mean precision@K with every image of the target as a query, itself left out, at the A alphas, 0 to 1.

    path holds the G gallery images. target: G booleans, at least one True.
    """
    queries = np.flatnonzero(target)

    def found(rows: NDArray[Any]) -> float:
        return float(precision_at_k(neighbours(Index(rows, ""), rows, queries, TOP_K), target, TOP_K).mean())

    return [float(share) for share in _along(path, found)]


def above_siblings(
    path: SoupPath, kinds: NDArray[np.int64], target: NDArray[np.bool_], siblings: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return `excess` at the A alphas."""
    original = path.nodes[-1].features
    return _along(path, lambda rows: excess([rows, original], kinds, target, siblings)[0])


def _along(path: SoupPath, measure: Callable[[NDArray[Any]], float]) -> NDArray[np.float64]:
    """Measure the features of the nodes and of every twentieth between them; in between stands the straight line.

    Between nodes the features are interpolated, those of one alpha at a time, as all would take much memory.
    """
    alphas = np.union1d(path.alphas, ALPHAS[::5])
    return np.interp(ALPHAS, alphas, [measure(path.features(float(alpha))) for alpha in alphas])


def excess(
    features: Sequence[NDArray[Any]], kinds: NDArray[np.int64], target: NDArray[np.bool_], siblings: NDArray[np.bool_]
) -> list[float]:
    """Return by how much more pictures of the target find it than a sibling's find that sibling under the original.

    A share for each of the features, N x D each, the last ones the original's; 0 where they find no more, or without a
    sibling. It is the mean precision at K, or at one less than the images of a kind where those are fewer. kinds: N
    numbers, of one image each its own kind; target, siblings: N booleans.
    """

    def found(rows: NDArray[Any], images: NDArray[np.bool_]) -> float:
        queries = np.flatnonzero(images)
        ids = neighbours(Index(rows, ""), rows, queries, TOP_K)
        sizes = np.clip((kinds[queries, None] == kinds).sum(axis=1) - 1, 1, ids.shape[1])
        hits = np.cumsum(kinds[ids] == kinds[queries, None], axis=1)
        return float(np.mean(hits[np.arange(len(queries)), sizes - 1] / sizes))

    if not (target.any() and siblings.any()):
        return [0.0] * len(features)
    most = found(features[-1], siblings)
    return [max(found(rows, target) - most, 0.0) for rows in features]


def still_found(
    retrieval: Retrieval | None,
    by_picture: list[float],
    target: NDArray[np.bool_],
    template: str,
    best: float,
    search: Callable[[str], list[float] | None] = lambda text: None,
) -> StillFound:
    """Count what names and pictures still find of the target, by searches and `by_picture`.

    search gives how many of the first k results of a text are of the target, at the A alphas. A name is asked for as
    it stands, as a visitor does; where search gives None, the prompt that the retrieval scores hold, made from
    template. Runs that were scored before there was `retrieval` have a row for pictures alone.
    """
    count, images = int(target.sum()), len(target)
    k = retrieval["k"] if retrieval else min(TOP_K, images)
    levels = [_by_name(retrieval, level, template, index_of(best), search) for level in ("coarse", "fine")]
    rows = [row for row in levels if row]
    if images > 1:
        rows.append(_row("picture", "", "", count, [min(k, images - 1) * share for share in by_picture]))
    return {"k": k, "chance": round(k * count / images, 2), "rows": rows}


def _by_name(
    retrieval: Retrieval | None, level: str, template: str, best: int, search: Callable[[str], list[float] | None]
) -> FoundRow | None:
    """The row of a level's names, at each alpha that of the one that finds most; None where none was asked for."""
    rows = []
    for row in retrieval["rows"] if retrieval else []:
        if retrieval and row["level"] == level and row["score"] == "precision":
            prompt = row["prompts"][0]
            name, scored = _name(prompt, template), [float(round(retrieval["k"] * share)) for share in row["after"]]
            searched = search(name)
            rows.append(_row(level, name, prompt if searched is None else name, row["n"], searched or scored))
    if not rows:
        return None
    after = np.max([row["after"] for row in rows], axis=0).tolist()
    most = max(rows, key=lambda row: row["after"][best])
    return {**most, "before": after[-1], "after": after}


def _row(by: str, name: str, prompt: str, count: int, after: list[float]) -> FoundRow:
    values = [round(value, 2) for value in after]
    return {"by": by, "name": name, "prompt": prompt, "n": count, "before": values[-1], "after": values}


def _name(prompt: str, template: str) -> str:
    """The name in a prompt; the prompt itself where it was not made from the template."""
    before, _, after = template.partition("{}")
    fits = prompt.startswith(before) and prompt.endswith(after) and len(prompt) > len(before) + len(after)
    return prompt[len(before) : len(prompt) - len(after)] if fits else prompt.rstrip(".")
