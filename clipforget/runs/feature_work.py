"""The work of embedding the images of a data set: a folder that says how far it is, and then holds the features.

Needs no torch.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipforget.errors import ClipforgetError
from clipforget.files import FileLock, made_folder, open_regular, write_json
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import FolderInfo, StepEvent
from clipforget.runs.folder import LOCK, FolderStore, RunFolder
from clipforget.soup.path import Floats, unit
from clipforget.soup.storage import DAMAGE

FOLDER, FEATURES = "features", "features.npz"


class FeatureInfo(FolderInfo):
    """What embedding.json says: whose images, by which model, and the last event of the work."""

    config: dict[str, Any]  # model, data and device; RunConfig.read takes it
    event: StepEvent | None


class FeatureWork(RunFolder[FeatureInfo]):
    """The embedding of a data set by a model as work that waits, ends and can be stopped like a run."""

    FILE, KIND, INFO = "embedding.json", "embedding", FeatureInfo

    @property
    def runs(self) -> Path:
        """Return the folder of the runs, of which this is in a folder of its own."""
        return self.folder.parent.parent

    @property
    def config(self) -> RunConfig:
        """The model, the images and the device."""
        return RunConfig.read(self.info()["config"])

    def known(self) -> FeatureInfo | None:
        """Return how the work stands, None where there never was any. Raises RunProblem for a damaged file."""
        return self.info() if self.path(self.FILE).exists() else None

    def write(self, config: RunConfig, state: str) -> None:
        """Begin anew in a state, "queued" or "running"; the process that says running is the worker."""
        named = {name: getattr(config, name) for name in ("model", "data", "device")}
        info: FeatureInfo = {
            "id": self.id,
            "title": "embedding",
            "created": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "state": state,
            "error": None,
            "command": "",
            "pid": os.getpid() if state == "running" else None,
            "config": named,
            "event": None,
        }
        with made_folder(self.folder), FileLock(self.path(LOCK)):
            write_json(self.path(self.FILE), info)

    def end(self, error: BaseException | None = None) -> None:
        """Say how the work ended: done, stopped (closed or interrupted) or failed, with its sentence."""
        if isinstance(error, KeyboardInterrupt | GeneratorExit):
            self.update(state="stopped")
        elif error is not None:
            bug = f"A bug: {type(error).__name__} (see worker.log in {self.folder})."
            self.update(state="failed", error=str(error) if isinstance(error, ClipforgetError) else bug)
        else:
            self.update(state="done")


class FeatureWorks(FolderStore[FeatureWork, FeatureInfo]):
    """The embeddings beside the runs, one of each data set by each model."""

    def __init__(self, runs: Path) -> None:
        super().__init__(Path(runs) / FOLDER, FeatureWork)

    def of(self, model: str, fingerprint: str) -> FeatureWork:
        """Return the embedding of the images of that fingerprint by a model; its folder is made with its first work.

        A model whose files have changed has another one.
        """
        key = hashlib.sha256(f"{fingerprint}\0{model}\0{_stamp(model)}".encode()).hexdigest()[:24]
        return FeatureWork(self.root / key)


@dataclass(frozen=True)
class Features:
    """What a model makes of N images and of V words, D numbers each, unit length.

    model is the fingerprint of its weights; kinds (V) marks words that may hold several groups; repeats are pairs of
    images (P x 2) that nearly repeat each other.
    """

    model: str
    images: Floats
    words: tuple[str, ...]
    word_features: Floats
    kinds: NDArray[np.bool_]
    repeats: NDArray[np.int64]

    @property
    def size(self) -> int:
        """Bytes that they take in memory, about."""
        return int(self.images.nbytes + self.word_features.nbytes)


def load_features(path: Path) -> Features | None:
    """Read the features of finished work, None where there are none or their file is damaged."""
    try:
        with open_regular(path) as raw, np.load(raw, allow_pickle=False) as file:
            images, words = (unit(file[name]) for name in ("images", "word_features"))
            names = tuple(map(str, file["words"]))
            return Features(str(file["model"]), images, names, words, file["kinds"], file["repeats"])
    except DAMAGE:
        return None


def _stamp(model: str) -> str:
    """Size and time of change of a local model's files, "" for one that is known by its name alone."""
    with suppress(OSError, RuntimeError, ValueError):
        for text in (model, model.partition("/")[2]):
            path = Path(text).expanduser()
            if text and path.exists():
                files = sorted(path.iterdir()) if path.is_dir() else [path]
                return " ".join(f"{file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
    return ""
