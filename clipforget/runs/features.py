"""Embed every image of a data set once, and the words that may name what is on them; stopped work goes on later.

    for event in embed_dataset(work, config, Resources()):
        ...

Letters: N images, V words, D embedding.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from clipforget.data.dataset import Dataset
from clipforget.data.imagenet import class_names
from clipforget.data.images import decode
from clipforget.errors import BadModel
from clipforget.files import atomic, check_room, made_folder
from clipforget.generators import relay
from clipforget.models.clip import WORD, Clip
from clipforget.models.weights import load, save
from clipforget.runs.config import RunConfig
from clipforget.runs.devices import likely_device
from clipforget.runs.documents import StepEvent
from clipforget.runs.eta import Clock
from clipforget.runs.feature_work import FEATURES, FeatureWork
from clipforget.runs.near_duplicates import repeats, small_copies
from clipforget.runs.queue import Queue
from clipforget.runs.resources import Resources
from clipforget.soup.path import Floats

CHUNK, TEXTS = 64, 32  # images, and texts, between two records of progress
POLL, INTERVAL = 0.25, 0.3  # seconds: between tries for a busy device; between two writings of the progress
PLANNED = {"load": 4.0, "images": 20.0, "words": 10.0}  # seconds, until the speed is measured
Progress = Generator[tuple[str, int, int], None, None]
Rows = tuple[Tensor, Tensor, Tensor]  # of some images: features, and what `repeats` compares
ROWS = ("images", "signs", "small")


def embed_dataset(work: FeatureWork, config: RunConfig, resources: Resources) -> Generator[StepEvent, None, None]:
    """Embed the images of config.data by config.model, yielding progress; they lie in the folder of the work then.

    Raises RunProblem where another worker is at it, and as `load_dataset` and `load_clip`.
    """
    start = written = time.monotonic()
    clock = Clock(PLANNED)

    def event(record: tuple[str, int, int]) -> StepEvent:
        nonlocal written
        stage, step, total = record
        now = time.monotonic()
        eta = None if stage == "wait" else round(clock.eta(stage, step, total, now - start), 2)
        made: StepEvent = {
            "t": round(now - start, 3), "kind": "step", "stage": stage, "step": step, "total": total, "eta": eta,
            "losses": {}, "steer": {}, "data": {}, "note": NOTES[stage],
        }  # fmt: skip
        if now - written >= INTERVAL:
            work.update(event=made)
            written = now
        return made

    with made_folder(work.folder), work.worker_lock():
        work.write(config, "running")
        try:
            yield from relay(_embed(work, config, resources), event)
        except BaseException as error:
            work.end(error)
            raise
        work.end()


EVERYDAY = (
    "animal", "appliance", "bag", "bird", "boat", "bottle", "bridge", "building", "car", "cat", "clothing", "dish",
    "dog", "drawing", "fish", "flower", "food", "fruit", "furniture", "house", "insect", "landscape", "logo", "machine",
    "person", "plant", "reptile", "room", "ship", "shoe", "sign", "tool", "toy", "train", "tree", "truck", "vegetable",
    "vehicle", "weapon",
)  # fmt: skip
NOTES = {
    "wait": "A run is using the device; this starts when it is done",
    "load": "Reading model and images",
    "images": "Looking at the images",
    "words": "Reading the words that may name them",
}


def _embed(work: FeatureWork, config: RunConfig, resources: Resources) -> Progress:
    lock = Queue(work.runs).device_lock(likely_device(config.device))
    while not lock.acquire(wait=False):
        yield "wait", 0, 1
        time.sleep(POLL)
    with lock:
        yield "load", 0, 1
        dataset = resources.dataset(config.data)
        clip = resources.clip(config.model, config.device)
        words, kinds = naming_words(dataset, clip)
        count, stopped = len(dataset.native), work.path(f"stopped-{clip.fingerprint()}.safetensors")
        parts = _kept(stopped)
        first = sum(len(images) for images, _, _ in parts)
        check_room(work.folder, 2 * clip.encode_text(["a"]).shape[1] * (count + len(words)), "this search")
        with _keeping(parts, stopped), ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool:
            for start in range(first, count, CHUNK):
                items = dataset.native[start : start + CHUNK]
                pixels = torch.cat(list(pool.map(lambda item: clip.preprocess([dataset.open(item)]), items)))
                parts.append((clip.embed(pixels).half(), *small_copies(pixels)))
                yield "images", min(start + CHUNK, count), count
        images, signs, small = (torch.cat(column) for column in zip(*parts, strict=True))
        found = repeats(signs, small, torch.arange(count))
        texts = []
        for start in range(0, len(words), TEXTS):
            texts.append(clip.class_embeddings(words[start : start + TEXTS], dataset.template).cpu().half())
            yield "words", min(start + TEXTS, len(words)), len(words)
        with atomic(work.path(FEATURES)) as draft:
            np.savez(
                draft,
                model=np.array(clip.fingerprint()),
                images=images.numpy(),
                words=np.array(words, dtype=str),
                kinds=np.array([word in kinds for word in words]),
                word_features=torch.cat(texts).numpy(),
                repeats=np.array(found, dtype=np.int64).reshape(-1, 2),
            )
        stopped.unlink(missing_ok=True)


@contextmanager
def _keeping(parts: list[Rows], path: Path) -> Iterator[None]:
    """Keep the rows so far where the block is stopped."""
    try:
        yield
    except (KeyboardInterrupt, GeneratorExit):
        if parts:
            save(dict(zip(ROWS, map(torch.cat, zip(*parts, strict=True)), strict=True)), path, {})
        raise


def _kept(path: Path) -> list[Rows]:
    """The rows of work that was stopped, as one part; none where it was not, or their file is damaged."""
    try:
        kept = load(path)
        return [(kept["images"], kept["signs"], kept["small"])]
    except (BadModel, KeyError):
        return []


def naming_words(dataset: Dataset, clip: Clip) -> tuple[list[str], set[str]]:
    """Return the words by which groups of images are named, and which of them are kinds that may hold several groups.

    They are the names of the data set and of ImageNet, everyday words, and what several of ImageNet's are: "sports car"
    and "cab car" make "car" one. Left out are words that the model does not know.
    """
    own = [item.superclass for item in dataset.native] if len(dataset.superclasses) > 1 else []
    names = [*class_names().values(), *(item.subgroup for item in dataset.native if item.subgroup)]
    heads = Counter(name.split()[-1] for name in class_names().values() if " " in name)
    kinds = {*EVERYDAY, *own, *(head for head, count in heads.items() if count > 1 and head.isalpha())}
    words = sorted({word.lower(): word for word in (*names, *kinds)}.values())
    known = clip.known_words(" ".join(words))
    return [word for word in words if all(known.get(part, True) for part in WORD.findall(word))] or words, kinds


@torch.no_grad()
def text_features(clip: Clip, text: str, template: str) -> Floats:
    """Embed what somebody typed, D numbers: a name of up to three words in the template, a sentence as it is."""
    sentence = text if len(text.split()) > 3 else template.replace("{}", text)
    return np.asarray(clip.encode_text([sentence]).float().cpu().numpy()[0])


def image_features(clip: Clip, data: bytes) -> Floats:
    """Embed an image file, D numbers. Raises BadData where it is none."""
    return np.asarray(clip.embed(clip.preprocess([decode(data)])).numpy()[0])
