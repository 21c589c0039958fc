"""The models of a workspace: listed and searched, and measured in a process of its own, one at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from clipforget.errors import BadModel, BadQuery, ClipforgetError, RunProblem
from clipforget.files import made_folder, read_regular
from clipforget.models.listing import RUN, ListedModel, embedded_models, list_models, read_run_name, search
from clipforget.runs.config import DEVICE
from clipforget.runs.measure import FOLDER, read_measurement
from clipforget.runs.originals import describe_original, lineage
from clipforget.workspace.documents import RunEntry
from clipforget.workspace.setup import recent_models
from clipforget.workspace.workers import worker_environment

SHOWN = 60  # models of one answer
RESULTS = 8  # of earlier runs, where nothing was asked for


class ModelList(TypedDict):
    """The first of the models that fit a query, each a ListedModel, and how many fit."""

    models: list[dict[str, Any]]
    total: int


class MeasureState(TypedDict):
    """How the measurement of a model stands: done, running, failed or none; `measured` is a Measurement.

    `note` is what it is at, or why it failed; `seconds` since it was started.
    """

    state: str
    note: str
    seconds: float
    measured: dict[str, Any] | None


class ModelDescription(TypedDict):
    """One model, a ListedModel, and how its measurement stands."""

    model: dict[str, Any]
    measuring: MeasureState


@dataclass
class _Job:
    """A measurement at work, or the last that was."""

    model: str
    device: str
    process: subprocess.Popen[bytes]
    start: float
    stopped: bool = False


class ModelService:
    """The models that can be named, those of earlier runs among them, and their measurements below the runs' folder.

    configs returns those of earlier runs, results the runs whose results may be models; public leaves only
    these and what comes with the app.
    """

    def __init__(
        self,
        runs: Path,
        configs: Callable[[], Iterable[Mapping[str, Any]]],
        results: Callable[[], Sequence[RunEntry]],
        public: bool = False,
    ) -> None:
        self._runs, self._configs, self._results, self._public = runs, configs, results, public
        self._job: _Job | None = None
        self._lock = threading.Lock()

    def list(self, query: str = "") -> ModelList:
        """Return the first SHOWN models that a query fits, the nearest first, and how many fit."""
        listed = list_models(() if self._public else recent_models(self._configs()))
        listed.sort(key=lambda model: model.kind == "open_clip")  # the results go between
        local = sum(model.kind != "open_clip" for model in listed)
        listed[local:local] = self._listed_results(None if query else RESULTS)
        fitting = search((model for model in listed if self._offers(model.name)), query)
        return {"models": [asdict(model) for model in fitting[:SHOWN]], "total": len(fitting)}

    def _listed_results(self, most: int | None) -> Iterator[ListedModel]:
        """The results of the newest runs, each at its suggested alpha."""
        for entry in self._results()[:most]:
            with suppress(ClipforgetError):  # what it was made of is gone
                name = f"{RUN}{entry['id']}@{entry['best'] or 0.0:g}"
                yield replace(describe_original(name, self._runs), title=entry["title"])

    def describe(self, name: str, device: str) -> ModelDescription:
        """Return what is known of one model, and how its measurement stands. Raises BadModel."""
        model = self._model(name)
        return {"model": asdict(model), "measuring": self.state(name, device)}

    def start(self, name: str, device: str) -> MeasureState:
        """Start to measure a model that is on this disk, where that was not done.

        Raises BadModel, BadQuery for the device, or RunProblem while another is measured.
        """
        if not self._model(name).on_disk:
            raise BadModel(f"{name} is not on this disk, so it cannot be measured; its first run fetches it.")
        if not DEVICE.fullmatch(device):
            raise BadQuery(f"There is no device '{device}'; choose auto, cpu, cuda, cuda:1 or mps.")
        with self._lock:
            state = self.state(name, device)
            if state["state"] in ("none", "failed"):
                if self._job and self._job.process.poll() is None:
                    raise RunProblem(f"{self._job.model} is being measured; wait for it, or stop it.")
                base = lineage(name, self._runs)[-1]
                self._job = _Job(name, device, self._launch(base, device), time.monotonic())
                state = self.state(name, device)
        return state

    def stop(self) -> None:
        """Stop the measurement at work, if there is one; nothing of it is kept."""
        with self._lock:
            if (job := self._job) and job.process.poll() is None:
                job.stopped = True
                with suppress(ProcessLookupError):
                    job.process.send_signal(signal.SIGKILL)
                job.process.wait()

    def state(self, name: str, device: str) -> MeasureState:
        """Return whether a model is measured on a device (done), running, failed (note says why), or none of these."""
        job = self._job if self._job and (self._job.model, self._job.device) == (name, device) else None
        running = job is not None and job.process.poll() is None
        measured = None if running else read_measurement(self._runs, name, device)
        failed = job is not None and not (running or measured or job.stopped)
        return {
            "state": "running" if running else "done" if measured else "failed" if failed else "none",
            "note": self._last_line() if running or failed else "",
            "seconds": round(time.monotonic() - job.start, 1) if job and running else 0.0,
            "measured": asdict(measured) if measured else None,
        }

    def _offers(self, name: str) -> bool:
        if not self._public or name in embedded_models():
            return True
        return name.startswith(RUN) and read_run_name(name)[0] in {entry["id"] for entry in self._results()}

    def _model(self, name: str) -> ListedModel:
        if not self._offers(name):
            raise BadModel(
                f"This server offers the models {', '.join(embedded_models())} and results of your own runs."
            )
        return describe_original(name, self._runs)

    def _launch(self, name: str, device: str) -> subprocess.Popen[bytes]:
        """Run `python -m clipforget models --measure`, which says on stderr what it is at."""
        command = [sys.executable, "-m", "clipforget", "models", "--measure", "--device", device]
        with made_folder(self._log.parent), self._log.open("wb") as output:
            return subprocess.Popen(
                [*command, "--runs", str(self._runs.resolve()), "--", name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
                env=worker_environment(),
            )

    @property
    def _log(self) -> Path:
        return self._runs / FOLDER / "worker.log"

    def _last_line(self) -> str:
        try:
            lines = read_regular(self._log).decode(errors="replace").splitlines()
        except OSError:
            return ""
        return (lines or ["starting"])[-1].removeprefix("python -m clipforget: ")
