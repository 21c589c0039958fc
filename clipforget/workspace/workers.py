"""Worker processes: one for each run or comparison at work, in a session of its own: it outlives the page's server.

What cannot begin at once waits in a Queue and takes no process.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

from clipforget.benchmark.store import ComparisonFolder, ComparisonStore
from clipforget.errors import ClipforgetError, RunProblem
from clipforget.files import PACKAGE
from clipforget.runs.audit_work import AuditWork, AuditWorks
from clipforget.runs.devices import likely_device
from clipforget.runs.documents import EndEvent
from clipforget.runs.feature_work import FeatureWork, FeatureWorks
from clipforget.runs.queue import Queue, Ticket
from clipforget.runs.store import Run, Store

PATIENCE = 10.0  # seconds until a worker that does not stop is killed
INTERVAL = 0.5  # seconds between two looks at the queue: another server's work, or a terminal's, may be done
MAX_WAITING = 20  # runs and comparisons in line
COMMANDS = {"run": "run", "comparison": "compare", "audit": "audit", "embedding": "select"}
Work = Run | ComparisonFolder | AuditWork | FeatureWork

log = logging.getLogger(__name__)


class Workers:
    """Starts and stops the workers of a runs folder: one at a time on each device, at most `max_waiting` in line.

    Those it started are waited for, so none is a zombie.
    """

    def __init__(self, runs: Path, max_waiting: int = MAX_WAITING) -> None:
        self.runs, self.max_waiting, self.queue = runs, max_waiting, Queue(runs)
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._watching = threading.Lock()

    def start(self, work: Work) -> None:
        """Start a worker as soon as the device is free. Raises QueueFull."""
        config = work.plan if isinstance(work, ComparisonFolder) else work.config
        device, enter = likely_device(config.device), partial(work.update, state="queued", error=None, pid=None)
        self.queue.join(work.KIND, work.id, device, self.max_waiting, enter)
        self._start_next()
        self.watch()

    def watch(self) -> None:
        """Start from now on, in a thread, what waits for its device; it may have been waiting before this process."""
        if self._watching.acquire(blocking=False):
            threading.Thread(target=self._watch, daemon=True).start()

    def stop(self, work: Work) -> None:
        """Ask the worker to stop; returns at once. What still waits is cancelled. Raises RunProblem for anything else.

        What was done so far is kept.
        """
        if self.queue.leave(work.id):
            return _end(work, "stopped", "Cancelled while it waited.")
        pid = self._pid(work)
        if pid is None:
            raise RunProblem(f"The {work.KIND} {work.id} is not at work.")
        _signal(pid, signal.SIGTERM)
        threading.Thread(target=self._ensure_stopped, args=(work, pid), daemon=True).start()

    def _pid(self, work: Work) -> int | None:
        """The process that works on it, None where there is none."""
        for _ in range(20):
            if (worker := self.starting(work)) is not None:
                return worker.pid
            if not work.alive() or work.info().get("pid") is not None:
                break
            time.sleep(0.1)  # another server's, which has not yet written its number
        return work.info().get("pid") if work.alive() else None

    def _watch(self) -> None:
        while True:
            self._start_next()
            time.sleep(INTERVAL)

    def _start_next(self) -> None:
        try:
            self.queue.start_next(self._begin)
        except (ClipforgetError, OSError):  # a folder that is away for a while, say
            log.exception("What waits cannot be started")

    def _begin(self, ticket: Ticket, slot: int) -> bool:
        """Start the worker of what waited; False where it is gone or cannot be started."""
        try:
            work = self._work_of(ticket)
            work.update(state="queued")  # and with it the time of its file, from which its worker has a grace
        except (ClipforgetError, OSError):  # it was deleted or damaged, which its own page shows
            return False
        try:
            self._launch(work, slot)
        except OSError as error:
            with suppress(ClipforgetError, OSError):
                _end(work, "failed", f"Its worker cannot be started: {error.strerror}.")
            return False
        return True

    def _work_of(self, ticket: Ticket) -> Work:
        if ticket.kind == AuditWork.KIND:
            return AuditWorks(self.runs, AuditWork).get(ticket.id)
        if ticket.kind == FeatureWork.KIND:
            return FeatureWorks(self.runs).get(ticket.id)
        return (Store(self.runs) if ticket.kind == Run.KIND else ComparisonStore(self.runs)).get(ticket.id)

    def _launch(self, work: Work, slot: int) -> None:
        """Run `python -m clipforget run --worker ID` (or compare); what it prints goes to worker.log."""
        command = [sys.executable, "-m", "clipforget", COMMANDS[work.KIND], "--worker", work.id]
        command += ["--runs", str(self.runs.resolve())]
        with work.path("worker.log").open("ab") as output:
            worker = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=worker_environment(),
                pass_fds=(slot,),
            )
        self._started[work.id] = worker
        threading.Thread(target=self._wait, args=(work.id, worker), daemon=True).start()

    def starting(self, work: Work) -> subprocess.Popen[bytes] | None:
        """The worker of ours that has not yet come so far as to hold its run, if there is one."""
        worker = self._started.get(work.id)
        # One that was just killed may look alive for an instant, but it has left its number.
        return worker if worker and worker.poll() is None and work.info().get("pid") is None else None

    def _wait(self, id: str, worker: subprocess.Popen[bytes]) -> None:
        worker.wait()
        self._started.pop(id, None)

    def _ensure_stopped(self, work: Work, pid: int) -> None:
        """Kill a worker that does not stop, and say "stopped" for one that ended before it could say so itself."""
        deadline = time.monotonic() + PATIENCE
        while work.alive() or self.starting(work):
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
                break
            time.sleep(0.1)
        time.sleep(0.2)
        if work.path(work.FILE).is_file() and work.info()["state"] not in ("done", "failed", "stopped"):
            _end(work, "stopped", "Stopped; what was done so far is kept.")


def worker_environment() -> dict[str, str]:
    """Return the environment in which `python -m clipforget` is this package, wherever the process began."""
    paths = filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")))
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _end(work: Work, state: str, note: str) -> None:
    """Say how work ended whose worker cannot say so itself."""
    if isinstance(work, Run):
        try:
            last = max((event["t"] for event in work.events()), default=0.0)
        except RunProblem:  # a damaged line before it
            last = 0.0
        work.append(EndEvent(t=last, kind="end", state=state, note=note))
    work.update(state=state, error=note if state == "failed" else None)


def _signal(pid: int, number: int) -> None:
    """Send a signal to a worker, and to its children where it leads a group of its own."""
    with suppress(ProcessLookupError):
        kill = os.killpg if os.getpgid(pid) == pid else os.kill
        kill(pid, number)
