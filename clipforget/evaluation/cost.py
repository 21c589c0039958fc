"""What a method costs: seconds of its own stages, peak memory, weight values changed."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from clipforget.evaluation.documents import RunCost

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Record = TypeVar("Record")
RESET, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class Cost:
    """Follows a method at work on a device: `watch` its records, then read `seconds` and `memory`.

    memory is bytes: on CUDA what tensors took at most (max_memory_allocated), on Linux the largest resident size of the
    process in that time (VmHWM after a reset), elsewhere the largest since it started. On a CPU it so includes the
    libraries, the data set and the original model: compare it between methods, not with a GPU's.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds, self.memory = device, 0.0, 0

    def watch(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass records on, counting only the time and the memory that making them takes."""
        self._reset()
        waiting = iter(records)
        while True:
            start = time.monotonic()
            try:
                record = next(waiting)
            except StopIteration:
                return
            finally:
                self.seconds += time.monotonic() - start
                self.memory = max(self.memory, self._peak())
            yield record
            self._reset()

    def as_dict(self, original: Mapping[str, Tensor], delta: Mapping[str, Tensor]) -> RunCost:
        """Return the cost for run.json, with the number of weight values that differ from the original's."""
        values = sum(int((value != original[name].to(value.device)).sum()) for name, value in delta.items())
        return {"seconds": round(self.seconds, 3), "memory": self.memory, "parameters": values}

    def _reset(self) -> None:
        if self.device.type == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats(self.device)
            return
        with suppress(OSError):  # no Linux, or not allowed: then the peak since the start of the process has to do
            RESET.write_text("5")

    def _peak(self) -> int:
        if self.device.type == "cuda":
            import torch

            return torch.cuda.max_memory_allocated(self.device)
        try:
            peak = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text())
        except OSError:
            peak = None
        return int(peak[1]) * 1024 if peak else _largest()


def _largest() -> int:
    """The largest resident size since the process started, bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
