"""How fast and how large a model is on this machine: one batch forward and backward, measured once and kept.

A measurement is `measured/<model>-<device>.json` below the folder of the runs. Reading one needs no torch.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.errors import ClipforgetError
from clipforget.files import made_folder, read_regular, slug, write_json
from clipforget.models.listing import BATCH
from clipforget.runs.devices import likely_device
from clipforget.runs.originals import lineage
from clipforget.runs.presets import model_folder
from clipforget.settings import read_json

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip

FOLDER = "measured"  # of the measurements, below the folder of the runs
TIMED = ("preprocess", "forward", "single", "training")
PASSES, ENOUGH = 3, 4.0  # a pass is repeated so often, but not beyond so many seconds; the fastest counts


@dataclass(frozen=True)
class Measurement:
    """What a model took on a device: seconds to load it, and of the rest seconds an image.

    preprocess: from a picture to pixels. forward: in a batch of BATCH without gradients. training: the same, forward
    and backward through the whole image tower. single: forward and backward alone. workers: batches embedded at once.
    peak: bytes of the process in training. weights: bytes of both towers. pixels: bytes of an image in uint8.
    changed: time of change of the model's file or folder, ns.
    """

    model: str
    device: str
    fingerprint: str
    changed: int
    load: float
    preprocess: float
    forward: float
    training: float
    single: float
    workers: int
    peak: int
    weights: int
    pixels: int


def read_measurement(runs: Path, model: str, device: str) -> Measurement | None:
    """Return what was measured of a model on a device; None where nothing was, or of other weights."""
    try:
        model = lineage(model, runs)[-1]  # a run's result is as fast as what it was made of
        path = _path(runs, model, likely_device(device))
        found: Measurement = read_json(Measurement, json.loads(read_regular(path)), "measurement")
    except (OSError, ValueError, RecursionError, ClipforgetError):
        return None
    same = (found.model, found.device, found.changed) == (model, likely_device(device), _changed(model))
    return found if same else None


def save_measurement(runs: Path, measurement: Measurement) -> None:
    """Keep a measurement below the folder of the runs. Raises FileProblem where it cannot be written."""
    path = _path(runs, measurement.model, measurement.device)
    with made_folder(path.parent):
        write_json(path, asdict(measurement))


def measure(model: str, device: str = "auto") -> Generator[str, None, Measurement]:
    """Load a model and time it, yielding what comes next; the return value is the measurement.

    In a process of its own the peak is the model's. Raises as `load_clip`.
    """
    yield f"1 of {1 + len(TIMED)}: loading the model"
    start = time.perf_counter()
    import torch

    from clipforget.evaluation.cost import Cost
    from clipforget.models.loading import load_clip
    from clipforget.models.precision import set_thread_count, workers

    clip = load_clip(model, device)
    load = time.perf_counter() - start
    set_thread_count(clip)
    height, width = clip.image_size
    cost, seconds = Cost(clip.device), dict[str, float]()
    works = _works(clip, torch.rand(BATCH, 3, height, width, device=clip.device))
    for number, name in enumerate(TIMED, 2):
        yield f"{number} of {1 + len(TIMED)}: timing {name}"
        work, images = works[name]
        for seconds[name] in cost.watch(_best(work, images)):
            pass
    return Measurement(
        model=model,
        device=likely_device(device),
        fingerprint=clip.fingerprint(),
        changed=_changed(model),
        load=load,
        **seconds,
        workers=workers(clip),
        peak=cost.memory,
        weights=sum(value.nbytes for value in clip.model.state_dict().values()),
        pixels=3 * height * width,
    )


def _works(clip: Clip, pixels: Tensor) -> dict[str, tuple[Callable[[], object], int]]:
    """What is timed, by name: the work, and how many images that is."""
    import torch
    from PIL import Image

    from clipforget.models.precision import FLOAT32, autocast, training_precision
    from clipforget.models.weights import gradients_enabled

    precision = FLOAT32 if clip.device.type == "cpu" else training_precision(clip)
    picture = Image.new("RGB", (2 * clip.image_size[1], 2 * clip.image_size[0]))
    weights = list(clip.model.visual.parameters())

    def backward(batch: Tensor) -> None:
        with gradients_enabled(weights), torch.enable_grad(), autocast(clip.device, precision):
            clip.encode_image(batch).float().sum().backward()
        if clip.device.type == "cuda":
            torch.cuda.synchronize(clip.device)
        for weight in weights:
            weight.grad = None

    return {
        "preprocess": (lambda: clip.preprocess([picture] * BATCH), BATCH),
        "forward": (lambda: clip.embed(pixels), BATCH),
        "single": (lambda: backward(pixels[:1]), 1),
        "training": (lambda: backward(pixels), BATCH),
    }


def _best(work: Callable[[], object], images: int) -> Generator[float, None, None]:
    """Do the work a few times; yield the fewest seconds an image that it took so far."""
    best, start = float("inf"), time.perf_counter()
    for _ in range(PASSES):
        begun = time.perf_counter()
        work()
        now = time.perf_counter()
        best = min(best, (now - begun) / images)
        yield best
        if now - start > ENOUGH:
            return


def _path(runs: Path, model: str, device: str) -> Path:
    return runs / FOLDER / f"{model_folder(model)}-{slug(device)}.json"


def _changed(model: str) -> int:
    try:
        return os.stat(model).st_mtime_ns
    except (OSError, ValueError):
        return 0
