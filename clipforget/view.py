"""A finished run as the page gets it: plain JSON with short floats. numpy only; no torch.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from clipforget.retrieval import Index
from clipforget.store import Run

ALPHAS = tuple(round(step / 100, 2) for step in range(101))
K = 24


def view(run: Run, scores: Mapping[str, Any]) -> dict[str, Any]:
    """All that the page shows of a run apart from its queries, from its folder and its scores.json."""
    from clipforget.methods import METHODS
    from clipforget.settings import as_dict, parse

    info = run.info()
    config = info["config"]
    method = METHODS.load()[config["method"]]
    shared = {name: info[name] for name in ("id", "title", "state", "created", "seconds", "device", "command", "config")}
    settings = as_dict(parse(method.settings, config["settings"]))
    steps = [event for event in run.events() if event.get("kind") == "step" and event["stage"] in method.stages]
    layers = next((event["data"]["layers"] for event in steps if event.get("data", {}).get("layers")), [])
    hidden = ("evaluated",)
    return {
        **shared,
        "starred": info.get("starred", False),
        "settings": settings,
        **{name: value for name, value in scores.items() if name not in hidden},
        "layers": layers,
        "steps": steps,
        "original_share": original_share(settings, steps),
    }


def original_share(settings: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]) -> list[float] | None:
    """The original's share in the soup at each alpha, alpha + (1 - alpha) beta^T, with the reminder's EMA counted in.

    None for a method without such an average. A values, each 0 to 1.
    """
    beta = settings.get("ema")
    reminders = sum(1 for event in steps if event["stage"] == "remind")
    if not isinstance(beta, float) or not reminders:
        return None
    return [round(alpha + (1 - alpha) * beta**reminders, 4) for alpha in ALPHAS]


class Gallery:
    """The gallery of a run along its soup path, ready for queries.

    nodes: L alphas, ascending, from 0 to 1; features: L x N x D unit vectors; fingerprints: L, of the souped weights.
    Between two nodes features are interpolated and brought back to unit length, as SoupPath.features does.
    """

    def __init__(self, nodes: Sequence[float], features: np.ndarray, fingerprints: Sequence[str]) -> None:
        self.nodes = tuple(round(float(node), 2) for node in nodes)
        self.features = features
        self.fingerprints = tuple(fingerprints)
        self.indexes = [Index(part, mark) for part, mark in zip(features, self.fingerprints, strict=True)]
        pairs = zip(features[:-1], features[1:], strict=True)
        self.between = [np.einsum("nd,nd->n", low, high) for low, high in pairs]  # cosine of neighbours, N each

    def pack(self, query: np.ndarray, leave_out: int | None = None) -> dict[str, Any]:
        """The K nearest images at each of the A alphas, and under the original (alpha 1).

        query is L x D, unit, one row a node. An image query leaves itself out of its results.
        Nodes are searched exactly, through their FAISS index; in between the similarity is that of the interpolated
        features, computed from the similarities at both ends.
        """
        hits = [self._at(alpha, query, leave_out) for alpha in ALPHAS]
        ids = [[int(i) for i in found] for found, _ in hits]
        cosines = [[round(float(value), 3) for value in values] for _, values in hits]
        k = len(ids[-1])
        return {"k": k, "before": {"ids": ids[-1], "cosines": cosines[-1]}, "after": {"ids": ids, "cosines": cosines}}

    def _at(self, alpha: float, query: np.ndarray, leave_out: int | None) -> tuple[np.ndarray, np.ndarray]:
        if alpha in self.nodes:
            node = self.nodes.index(alpha)
            extra = 0 if leave_out is None else 1
            count = min(K + extra, self.features.shape[1])
            ids, cosines = self.indexes[node].search(query[node : node + 1], self.fingerprints[node], count)
            keep = ids[0] != (-1 if leave_out is None else leave_out)
            return ids[0][keep][:K], cosines[0][keep][:K]
        similar = self._similarities(alpha, query)
        if leave_out is not None:
            similar[leave_out] = -np.inf
        count = min(K, len(similar) - (leave_out is not None))
        best = np.argpartition(-similar, count - 1)[:count]
        best = best[np.lexsort((best, -similar[best]))]
        return best, similar[best]

    def _similarities(self, alpha: float, query: np.ndarray) -> np.ndarray:
        """Cosines (N) of interpolated features and interpolated query, both unit, at an alpha between two nodes."""
        high = int(np.searchsorted(self.nodes, alpha))
        low = high - 1
        t = (alpha - self.nodes[low]) / (self.nodes[high] - self.nodes[low])
        ends = query[low : high + 1]
        mixed = (1 - t) * ends[0] + t * ends[1]
        mixed = mixed / np.linalg.norm(mixed)
        similar = (1 - t) * (self.features[low] @ mixed) + t * (self.features[high] @ mixed)
        return similar / np.sqrt((1 - t) ** 2 + t**2 + 2 * t * (1 - t) * self.between[low])
