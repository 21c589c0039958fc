"""Worker processes: one for each run or comparison, in a session of its own, so that it outlives the page's server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

from clipforget.benchmark.store import ComparisonFolder
from clipforget.errors import RunProblem
from clipforget.files import PACKAGE
from clipforget.runs.documents import EndEvent
from clipforget.runs.store import Run

PATIENCE = 10.0  # seconds until a worker that does not stop is killed
COMMANDS = {"run": "run", "comparison": "compare"}
Work = Run | ComparisonFolder


class Workers:
    """Starts and stops the workers of runs and comparisons. Those it started are waited for, so none is a zombie."""

    def __init__(self) -> None:
        self._started: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, run: Work) -> None:
        """Start `python -m clipforget run --worker ID` (or compare); what it prints goes to worker.log."""
        command = [sys.executable, "-m", "clipforget", COMMANDS[run.KIND], "--worker", run.id]
        command += ["--runs", str(run.store.root.resolve())]
        paths = filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with run.path("worker.log").open("ab") as log:
            worker = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment
            )
        self._started[run.id] = worker
        threading.Thread(target=self._wait, args=(run.id, worker), daemon=True).start()

    def stop(self, run: Work) -> None:
        """Ask the worker of a run to stop; returns at once. Raises RunProblem where nothing is at work."""
        pid = run.info().get("pid") if run.alive() else None
        if pid is None and (worker := self._starting(run)):
            pid = worker.pid
        if pid is None:
            raise RunProblem(f"The {run.KIND} {run.id} is not at work.")
        _signal(pid, signal.SIGTERM)
        threading.Thread(target=self._ensure_stopped, args=(run, pid), daemon=True).start()

    def _starting(self, run: Work) -> subprocess.Popen[bytes] | None:
        """The worker of ours that has not yet come so far as to hold its run, if there is one."""
        worker = self._started.get(run.id)
        # One that was just killed may look alive for an instant, but it has left its number.
        return worker if worker and worker.poll() is None and run.info().get("pid") is None else None

    def _wait(self, id: str, worker: subprocess.Popen[bytes]) -> None:
        worker.wait()
        self._started.pop(id, None)

    def _ensure_stopped(self, run: Work, pid: int) -> None:
        """Kill a worker that does not stop, and say "stopped" for one that ended before it could say so itself."""
        deadline = time.monotonic() + PATIENCE
        while run.alive() or self._starting(run):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
                break
            time.sleep(0.1)
        time.sleep(0.2)
        if run.path(run.FILE).is_file() and run.info()["state"] not in ("done", "failed", "stopped"):
            if isinstance(run, Run):
                try:
                    last = max((event["t"] for event in run.events()), default=0.0)
                except RunProblem:  # a damaged line before it
                    last = 0.0
                note = "Stopped; what was done so far is kept."
                run.append(EndEvent(t=last, kind="end", state="stopped", note=note))
            run.update(state="stopped")


def _signal(pid: int, number: int) -> None:
    """Send a signal to a worker, and to its children where it leads a group of its own."""
    with suppress(ProcessLookupError):
        kill = os.killpg if os.getpgid(pid) == pid else os.kill
        kill(pid, number)
