"""A page served by app.py in a process of its own, and what the browser tests ask of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from small import draw_data, save_clip

from clipforget.runs.config import RunConfig
from clipforget.runs.devices import likely_device
from clipforget.runs.execute import execute
from clipforget.runs.measure import Measurement, save_measurement
from clipforget.runs.store import Store

ROOT = Path(__file__).resolve().parents[2]
QUICK = {"forget_epochs": 1, "remind_steps": 2, "layers": 2, "rank": 2}
REFUSED = "the server responded with a status of 4"  # what the browser says of it in its console
HOSTILE = "${alert(1)} <img src=x onerror=alert(2)> {{x}} \u202eabc"


@dataclass
class Site:
    """A served page: its address, its process, the finished run, and the data and model the runs use."""

    address: str
    process: subprocess.Popen
    answered: float
    runs: Path
    data: Path
    model: Path
    run: str = ""

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET a route, or POST to it."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Origin": self.address.rstrip("/")}
        request = urllib.request.Request(f"{self.address}clipforget/{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()}") from error

    def config(self, **more: Any) -> dict[str, Any]:
        """The configuration of a quick run."""
        return {
            "model": str(self.model),
            "data": str(self.data),
            "forget": ["disc/big"],
            "device": "cpu",
            "method": "targeted",
            "settings": QUICK,
            **more,
        }

    def finished(self, **more: Any) -> str:
        """The id of a quick run made by this process, which has loaded all that a worker would load first."""
        run = Store(self.runs).create(RunConfig.read(self.config(**more)))
        *_, end = execute(run)
        assert end["state"] == "done", end["note"]
        return run.id

    def state(self, run: str) -> str:
        """The state of a run."""
        return self.call(f"runs/{run}/events?after=0")["state"]

    def stop_all(self) -> None:
        """Stop all runs and comparisons at work."""
        for kind in ("runs", "comparisons"):
            for work in self.call(kind)[kind]:
                if work["state"] in ("queued", "running"):
                    self.call(f"{kind}/{work['id']}/stop", {})

    def wait(self, run: str, *states: str, seconds: float = 300) -> str:
        """Wait until a run is in one of the states."""
        end = time.monotonic() + seconds
        while (state := self.state(run)) not in states:
            assert time.monotonic() < end, f"{run} is still {state}"
            time.sleep(0.2)
        return state


@contextmanager
def serve(folder: Path) -> Iterator[Site]:
    """app.py on a free port, working in `folder`, with a finished run."""
    data = draw_data(folder / "data")
    model = save_clip(folder / "model", data)
    _hostile(data)
    with serving(folder, "--no-sample", "--allow-host", "good.test") as (address, process, answered):
        served = Site(address, process, answered, folder / "runs", data, model)
        served.run = served.finished()
        yield served


@contextmanager
def serving(folder: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen, float]]:
    """app.py on a free port with these options: its address, its process, and the seconds until it answered."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "app.py",
        "--port",
        str(port),
        "--runs",
        str(folder / "runs"),
        "--no-browser",
        *options,
    ]
    for name in ("clipforget-tiny", str(folder / "model")):  # the page would measure them by itself
        changed = Path(name).stat().st_mtime_ns if Path(name).exists() else 0
        speed = Measurement(
            name, likely_device("auto"), "", changed, 2.0, 1e-3, 1e-3, 1e-2, 1e-2, 1, 10**9, 10**7, 10**4
        )
        save_measurement(folder / "runs", speed)
    log = (folder / "app.log").open("wb")
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(address, process, folder / "app.log")
        yield address, process, time.monotonic() - begun
    finally:
        process.terminate()
        process.wait(10)
        log.close()


def _hostile(data: Path) -> None:
    """A subgroup whose name tries to be code."""
    for split in ("train", "test"):
        shutil.copytree(data / split / "disc" / "thin", data / split / "disc" / HOSTILE)


def _wait_for(address: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 300
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"The page did not answer: {log.read_text()}")


def query_of(page: Any) -> dict[str, list[str]]:
    """The parameters in a page's address."""
    return parse_qs(urlsplit(page.url).query)


def unfold(page: Any) -> None:
    """Open every step of the form."""
    page.wait_for_selector("#cf-step-advanced .cf-step", state="attached")
    page.evaluate(
        "document.querySelectorAll('.cf-step[aria-expanded=false], #cf-seldom[aria-expanded=false]')"
        ".forEach((step) => step.click())"
    )


def follow_requests(page: Any) -> None:
    """Keep, as page.pending, what the page has asked for and not yet received, be it of our routes or of the form."""
    page.pending = {}
    ours = lambda url: "/clipforget/" in url or "/gradio_api/queue/" in url  # noqa: E731
    page.on("request", lambda request: page.pending.update({request: request.url}) if ours(request.url) else None)
    page.on("requestfinished", lambda request: page.pending.pop(request, None))
    page.on("requestfailed", lambda request: page.pending.pop(request, None))


def tables_fit(page: Any) -> None:
    """Open the tabs with tables: neither is to be wider than the window."""
    for view in ("retrieval", "figures"):
        if view == "figures":
            page.click("#cf-more-tabs summary")
        page.click(f"#cf-tab-{view}")
        scroll = page.locator(f"#cf-pane-{view} .cf-scroll")
        assert scroll.evaluate("(node) => node.scrollWidth <= node.clientWidth"), view


def answered(page: Any, seconds: float = 20) -> None:
    """Wait until nothing is pending, and what the browser says of it has come."""
    end = time.monotonic() + seconds
    page.evaluate("0")
    while any("/clipforget/" in url for url in page.pending.values()) and time.monotonic() < end:
        page.wait_for_timeout(20)


def settle(page: Any, seconds: float = 300) -> None:
    """Wait until nothing has been pending for half a second of the page's own time."""
    begun, calm = time.monotonic(), 0
    while calm < 10:
        page.evaluate("new Promise((done) => setTimeout(done, 50))")
        took = time.monotonic() - begun
        waiting = [*page.pending.values()]
        calm = 0 if waiting else calm + 1
        assert took < seconds, f"still waiting for {waiting}"
