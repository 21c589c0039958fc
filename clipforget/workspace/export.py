"""What can be taken away from a finished run: its files, its scores as a table, or everything in one archive."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

from clipforget.errors import RunProblem, UnknownName
from clipforget.evaluation.documents import Scores
from clipforget.runs.store import Run
from clipforget.tabular import csv_safe

PLAIN = {
    "run.json": "application/json",
    "scores.json": "application/json",
    "audits.json": "application/json",
    "events.jsonl": "application/x-ndjson",
    "delta.safetensors": "application/octet-stream",
}
MADE = {"scores.csv": "text/csv; charset=utf-8", "run.zip": "application/zip"}
ARCHIVED = (*PLAIN, "path.npz", "queries.npz", "worker.log")


def export(run: Run, name: str, scores: Scores) -> tuple[Path | bytes, str, str]:
    """Return a file of a finished run: (its path or its bytes, media type, name to save it under).

    Raises UnknownName for anything but the files named here, RunProblem where the run lacks it.
    """
    if name in PLAIN:
        path = run.path(name)
        if not path.is_file():
            raise RunProblem(f"The run {run.id} has no {name}.")
        return path, PLAIN[name], f"{run.id}-{name}"
    if name not in MADE:
        raise UnknownName("export", name[:80], [*PLAIN, *MADE])
    data = table(scores).encode() if name == "scores.csv" else archive(run, scores)
    return data, MADE[name], f"{run.id}-scores.csv" if name == "scores.csv" else f"{run.id}.zip"


def table(scores: Scores) -> str:
    """Write the rows of a run as CSV: a line for each row and alpha, and the untouched model as alpha "original"."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["key", "label", "role", "images", "alpha", "accuracy", "low", "high"])
    for row in scores["rows"]:
        labels = [csv_safe(row["key"]), csv_safe(row["label"]), row["role"], row["n"]]
        before = row["before"]
        writer.writerow([*labels, "original", before["value"], before["low"], before["high"]])
        for alpha, *values in zip(scores["alphas"], row["after"], row["low"], row["high"], strict=True):
            writer.writerow([*labels, alpha, *values])
    return out.getvalue()


def archive(run: Run, scores: Scores, log: bool = True) -> bytes:
    """Return the run's folder as a .zip, with or without what its worker printed."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in ARCHIVED:
            if run.path(name).is_file() and (log or name != "worker.log"):
                file.write(run.path(name), f"{run.id}/{name}")
        for path in map(Path, run.config.selections):
            if path.is_file():
                file.write(path, f"{run.id}/selections/{path.name}")
        file.writestr(f"{run.id}/scores.csv", table(scores))
    return out.getvalue()
