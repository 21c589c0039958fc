"""How to compute on this machine: float32 or bfloat16, one thread an operation or all of them."""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from clipforget.models.clip import Clip
from clipforget.models.pixels import AnyPixels


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether the device computes bfloat16 natively, so that it gains by it."""
    if device.type == "cpu":
        return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


FLOAT32, BFLOAT16 = "float32", "bfloat16"
SAMPLE = 8  # images that are timed
STEP_SAMPLE = 4  # images of the steps of training that are timed
GAIN = 1.25  # bfloat16 has to be at least this much faster ...
SAVING = 60.0  # ... and to save so many seconds a pass: its rounding moves 4 of 100 neighbours
DECISIVE = 1.25  # bfloat16 must make a step of training this many times faster to be taken
CHEAP = 0.06  # seconds of such a step below which it is not even tried, so that small models repeat bit for bit
THREADS = torch.get_num_threads()  # what this process was given
_training_precisions: dict[tuple[str, ...], str] = {}
SMALL = 0.02  # seconds an image takes on one thread, below which several threads an operation do not pay


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Return the context in which to run a model: no change for "float32", autocast for "bfloat16"."""
    if precision not in (FLOAT32, BFLOAT16):
        raise ValueError(f"precision is {FLOAT32} or {BFLOAT16}, not {precision}")
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == BFLOAT16)


@torch.inference_mode()
def seconds_per_image(clip: Clip, pixels: AnyPixels, precision: str) -> float:
    """Time the image tower on the first SAMPLE images (N x 3 x H x W): the better of two passes after a warm-up.

    bfloat16 helps plain convolutions on processors that have it and can hurt depthwise ones.
    """
    batch = pixels[:SAMPLE].to(clip.device)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        with autocast(clip.device, precision):
            clip.encode_image(batch).float().cpu()
        times.append(time.perf_counter() - start)
    return min(times[1:]) / max(len(batch), 1)


def training_precision(clip: Clip) -> str:
    """Choose "bfloat16" where a costly step of training on this machine is decisively faster in it, else "float32".

    Measured, not assumed, forward and backward and in seconds of the processor: bfloat16 makes plain ResNets faster
    where the processor has the instructions, but the backward pass of depthwise networks slower. Remembered per kind of
    tower, so that one process never changes its mind. GPUs take bfloat16 unmeasured where they compute it natively.
    """
    if clip.device.type != "cpu":
        return BFLOAT16 if has_bfloat16(clip.device) else FLOAT32
    kind = tower_kind(clip)
    if kind not in _training_precisions:
        pixels = torch.zeros(STEP_SAMPLE, 3, *clip.image_size, device=clip.device, requires_grad=True)
        slow = seconds_per_step(clip, pixels, FLOAT32)
        faster = slow > CHEAP and slow > DECISIVE * seconds_per_step(clip, pixels, BFLOAT16)
        _training_precisions[kind] = BFLOAT16 if faster else FLOAT32
    return _training_precisions[kind]


def tower_kind(clip: Clip) -> tuple[str, ...]:
    """Tell image towers apart that take different time: the classes of their modules and how many weights they have."""
    visual = clip.model.get_submodule("visual")
    return (*(type(module).__name__ for module in visual.modules()), str(sum(p.numel() for p in visual.parameters())))


def seconds_per_step(clip: Clip, pixels: Tensor, precision: str) -> float:
    """Time the image tower, forward and backward: the better of two passes after a warm-up, in processor time."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        with torch.enable_grad(), autocast(clip.device, precision):
            total = clip.encode_image(pixels).float().sum()
        torch.autograd.grad(total, [pixels])
        seconds.append(time.process_time() - start)
    return min(seconds[1:])


def choose_precision(clip: Clip, pixels: AnyPixels, images: int) -> str:
    """Choose "bfloat16" where one pass over so many images is clearly faster in it (GAIN) and saves SAVING seconds.

    Depends on the machine and its mood: keep what was chosen beside the results.
    """
    full = seconds_per_image(clip, pixels, FLOAT32)
    if full * images < SAVING:
        return FLOAT32
    short = seconds_per_image(clip, pixels, BFLOAT16)
    return BFLOAT16 if short * GAIN < full and (full - short) * images > SAVING else FLOAT32


def set_thread_count(clip: Clip) -> int:
    """Set how many threads one operation uses in this process, and return it: one for a small model on the CPU.

    Threads of a small operation spend their time waiting for each other, and where anything else is running (the page,
    a browser) they wait for a turn as well: measured, a training step then took forty times as long on two threads as
    on one. Small models use the other cores through `workers` batches at once instead.
    """
    if clip.device.type == "cpu":
        torch.set_num_threads(1)
        if seconds_per_image(clip, torch.zeros(2, 3, *clip.image_size), FLOAT32) > SMALL:
            torch.set_num_threads(THREADS)
    return torch.get_num_threads()


def repeat_exactly(device: torch.device) -> None:
    """Ask a CUDA device for the same result every time, as a processor gives it (PyTorch's notes on reproducibility).

    An operation that has no such form warns and runs on.
    """
    if device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(True, warn_only=True)


def workers(clip: Clip) -> int:
    """Count the batches to embed at once: the cores that the threads of one operation leave free; 1 off the CPU."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // torch.get_num_threads()) if clip.device.type == "cpu" else 1
