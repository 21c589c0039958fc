"""A soup path on disk: one .npz of features in float16 beside what they are. numpy only."""

from __future__ import annotations

import json
import lzma
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clipforget.errors import RunProblem, StaleIndex
from clipforget.files import atomic, open_regular
from clipforget.soup.path import Bound, Floats, Node, SoupPath, soup_fingerprint, unit

FORMAT = 1
# What numpy raises for an .npz with a changed byte; RuntimeError where a member says that it is encrypted.
DAMAGE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, RuntimeError, MemoryError,
    OverflowError, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


def save_path(path: SoupPath, file: Path) -> None:
    """Write a path as .npz, features in float16, all at once or not at all."""
    embeddings = [node.class_embeddings for node in path.nodes]
    same = all(np.array_equal(embedding, embeddings[0]) for embedding in embeddings)
    meta = {
        "format": FORMAT,
        "alphas": path.alphas,
        "fingerprints": [node.fingerprint for node in path.nodes],
        "segments": [asdict(bound) for bound in path.segments],
        "original": path.original,
        "unlearned": path.unlearned,
        "precision": path.precision,
        "seconds": round(path.seconds, 3),
    }
    with atomic(file) as draft:
        np.savez(
            draft,
            meta=np.array(json.dumps(meta)),
            features=np.stack([node.features for node in path.nodes]).astype(np.float16),
            banks=np.stack(embeddings[:1] if same else embeddings).astype(np.float16),
        )


def load_path(path: Path, *, original: str | None = None, unlearned: str | None = None) -> SoupPath:
    """Read a path back; the fingerprints of the two ends are checked where they are given.

    Raises RunProblem where the file is missing, damaged or of another kind, StaleIndex where it was made by other
    weights than the given ones.
    """
    try:
        with open_regular(path) as raw, np.load(raw, allow_pickle=False) as file:
            meta = json.loads(str(file["meta"]))
            features, embeddings = unit(file["features"]), unit(file["banks"])  # class embeddings
        if meta["format"] != FORMAT:
            raise ValueError(f"format {meta['format']}")
        loaded = _build(meta, features, embeddings)
    except DAMAGE as error:
        raise RunProblem(f"The soup path {path} is missing or damaged; run the forgetting again.") from error
    for name, expected, actual in (
        ("original", original, loaded.original),
        ("unlearned model", unlearned, loaded.unlearned),
    ):
        if expected is not None and expected != actual:
            raise StaleIndex(f"{path} belongs to another {name} ({actual}, not {expected}): forget again.")
    return loaded


def _build(meta: dict[str, Any], features: Floats, embeddings: Floats) -> SoupPath:
    count = len(meta["alphas"])
    if features.ndim != 3 or embeddings.ndim != 3 or len(features) != count or len(embeddings) not in (1, count):
        raise ValueError("arrays of the wrong shape")
    for alpha, name in zip(meta["alphas"], meta["fingerprints"], strict=True):
        if name != soup_fingerprint(meta["original"], meta["unlearned"], alpha):
            raise ValueError("a node's fingerprint does not belong to this path")
    nodes = tuple(
        Node(alpha, name, features[i], embeddings[min(i, len(embeddings) - 1)])
        for i, (alpha, name) in enumerate(zip(meta["alphas"], meta["fingerprints"], strict=True))
    )
    segments = tuple(Bound(**bound) for bound in meta["segments"])
    return SoupPath(nodes, segments, meta["original"], meta["unlearned"], meta["precision"], meta["seconds"])
