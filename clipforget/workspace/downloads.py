"""Downloads of data sets that the page starts: one at a time, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from typing import IO

from clipforget.data.catalogue import DATASETS, NotOnDisk
from clipforget.errors import RunProblem
from clipforget.workspace.setup_documents import DownloadState

BAR = re.compile(r"(\d+)%\|[^|]*\|\s*(\S+) \[[^<\]]*<([^,\]]+)")  # of tqdm: share, bytes of bytes, time left
REFUSED = 2  # the exit code of a command that says in a sentence why not
TAIL = 4096  # bytes of what it writes that are looked at


class Downloads:
    """What is being downloaded, and how far it is; `clipforget data download` does the work."""

    def __init__(self) -> None:
        self._name = ""
        self._tail = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._reader = threading.Thread()

    def start(self, name: str) -> None:
        """Start the download of a data set whose terms were agreed to.

        Raises BadData where it must be had by hand, RunProblem where another download is at work.
        """
        entry = DATASETS.load()[name]
        if not entry.download:
            raise NotOnDisk(entry)
        if self._process is not None and self._process.poll() is None:
            raise RunProblem(f"{DATASETS[self._name].title} is being downloaded; wait, or stop it first.")
        words = [sys.executable, "-m", "clipforget", "data", "download", name, "--yes"]
        nothing = subprocess.DEVNULL
        self._name, self._tail = name, b""
        self._process = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def state(self) -> DownloadState:
        """Return what is being downloaded, whether it still is, how far it is, and what went wrong."""
        state: DownloadState = {"name": self._name, "running": False, "text": "", "error": ""}
        if self._process is None:
            return state
        code = self._process.poll()
        if code is not None:
            self._reader.join(1)
            said = re.split(r"[\r\n]+", self._tail.decode(errors="replace").strip())[-1].partition(": ")[2]
            stopped = "The download was stopped; the next one goes on from there."
            return {**state, "error": "" if code == 0 else said if code == REFUSED else stopped}
        bars = BAR.findall(self._tail.decode(errors="replace"))
        share, size, left = bars[-1] if bars else ("", "", "")
        text = f"{share} % of {size.partition('/')[2]}, {left} left" if bars else "Starting"
        return {**state, "running": True, "text": "Unpacking" if share == "100" else text}

    def stop(self) -> None:
        """Stop the download; what has arrived of its files stays for the next one."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _read(self, stream: IO[bytes]) -> None:
        """Keep the end of what the process writes."""
        with stream:
            while data := os.read(stream.fileno(), TAIL):
                self._tail = (self._tail + data)[-TAIL:]
