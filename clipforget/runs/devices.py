"""Which devices there most likely are. No torch."""

from __future__ import annotations

import os
import sys


def devices() -> list[str]:
    """Return the devices that are most likely usable, without torch; the worker has the last word."""
    names = ["auto", "cpu"]
    cards = sum(1 for number in range(16) if os.path.exists(f"/dev/nvidia{number}"))
    names += ["cuda"] if cards == 1 else [f"cuda:{number}" for number in range(cards)]
    return names + (["mps"] if sys.platform == "darwin" and os.uname().machine == "arm64" else [])


def likely_device(device: str) -> str:
    """Return the device that a configuration will most likely use, without torch."""
    if device != "auto":
        return device.removesuffix(":0")  # the first card, under its other name
    if os.path.exists("/dev/nvidia0") and os.environ.get("CUDA_VISIBLE_DEVICES", "0") not in ("", "-1"):
        return "cuda"
    return "mps" if sys.platform == "darwin" and os.uname().machine == "arm64" else "cpu"
