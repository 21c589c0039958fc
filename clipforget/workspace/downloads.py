"""Downloads of data sets that the page starts: one at a time, each in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from typing import IO

from clipforget.data.catalogue import DATASETS, absence
from clipforget.errors import BadData, RunProblem
from clipforget.workspace.documents import DownloadState

BAR = re.compile(r"(\d+)%\|[^|]*\|\s*(\S+) \[[^<\]]*<([^,\]]+)")  # of tqdm: share, bytes of bytes, time left
REFUSED = 2  # the exit code of a command that says in a sentence why not
TAIL = 4096  # bytes of the log that are looked at


class Downloads:
    """What is being downloaded, and how far it is; `clipforget data download` does the work."""

    def __init__(self) -> None:
        self._name = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self, name: str) -> None:
        """Start the download of a data set whose terms were agreed to.

        Raises BadData where it must be had by hand, RunProblem where another download is at work.
        """
        entry = DATASETS.load()[name]
        if not entry.download:
            raise BadData(absence(entry))
        if self._process is not None and self._process.poll() is None:
            raise RunProblem(f"{DATASETS[self._name].title} is being downloaded; wait, or stop it first.")
        self._name, self._log = name, tempfile.TemporaryFile()  # noqa: SIM115  the process writes on
        words = [sys.executable, "-m", "clipforget", "data", "download", name, "--yes"]
        nothing = subprocess.DEVNULL
        self._process = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=self._log)

    def state(self) -> DownloadState:
        """Return what is being downloaded, whether it still is, how far it is, and what went wrong."""
        if self._process is None or self._log is None:
            return {"name": "", "running": False, "text": "", "error": ""}
        code, tail = self._process.poll(), self._tail()
        if code is None:
            bars = BAR.findall(tail)
            share, size, left = bars[-1] if bars else ("", "", "")
            text = f"{share} % of {size.partition('/')[2]}, {left} left" if bars else "Starting"
            return {"name": self._name, "running": True, "text": "Unpacking" if share == "100" else text, "error": ""}
        lines = [line for line in re.split(r"[\r\n]+", tail) if line.strip()]
        said = lines[-1].partition(": ")[2] if lines else ""
        error = "" if code == 0 else said if code == REFUSED else "The download was stopped; nothing of it was kept."
        return {"name": self._name, "running": False, "text": "", "error": error}

    def stop(self) -> None:
        """Stop the download; what there is of it is taken away."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _tail(self) -> str:
        """The end of what it wrote, read without moving the place at which it writes on."""
        assert self._log is not None
        number = self._log.fileno()
        return os.pread(number, TAIL, max(os.fstat(number).st_size - TAIL, 0)).decode(errors="replace")
