"""Runs on disk: one folder each, which explains itself. The store alone touches run folders; it needs no torch.

    run = Store(Path("runs")).create(RunConfig(forget=("airplane/biplane",)))
    run.append({"kind": "step", "stage": "forget", "step": 1, "total": 30})
    run.update(state="running")
"""

from __future__ import annotations

import fcntl
import importlib.metadata
import json
import math
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clipforget import __version__
from clipforget.config import RunConfig
from clipforget.errors import BadSetting, RunProblem, UnknownName

__all__ = ["Lane", "Run", "RunConfig", "Store", "versions"]

ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,94}[a-z0-9])?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
STATES = ("queued", "running", "done", "stopped", "failed")  # "lost" is reported, never stored
GRACE = 10.0  # seconds a queued run may wait for its worker to come alive
PACKAGES = {"torch": "torch", "open_clip": "open_clip_torch", "gradio": "gradio"}


class Store:
    """The run folders under one root, made when the first run is created."""

    def __init__(self, root: Path = Path("runs")) -> None:
        self.root = Path(root)

    def create(self, config: RunConfig) -> Run:
        """A new run in state queued. Raises RunProblem where the folder cannot be written."""
        now = datetime.now(UTC)
        slug = _slug("-".join(target.split("/")[-1] for target in config.forget[:1])) or "nothing"
        name = f"{now:%Y%m%d-%H%M%S}-{_slug(config.method)}-{slug}-{secrets.token_hex(2)}"
        try:
            (self.root / name).mkdir(parents=True)
        except OSError as error:
            raise RunProblem(f"Cannot write to the runs folder {self.root}: {error.strerror}.") from error
        run = Run(self.root / name)
        info = {
            "id": name,
            "title": config.title,
            "created": now.isoformat(timespec="milliseconds"),
            "config": config.as_dict(),
            "command": config.command(),
            "state": "queued",
            "error": None,
            "versions": versions(),
            "device": config.device,
            "fingerprints": {},
            "seconds": None,
            "starred": False,
            "best": None,
            "headline": None,
        }
        _write(run.path("run.json"), info)
        return run

    def get(self, id: str) -> Run:
        """The run of that id. Raises UnknownName; no path is built from an id of other characters than [a-z0-9-]."""
        if isinstance(id, str) and ID.fullmatch(id) and (self.root / id / "run.json").is_file():
            return Run(self.root / id)
        raise UnknownName("run", str(id)[:80], self.ids())

    def ids(self) -> list[str]:
        """The ids of all runs, newest first (they start with the time of creation)."""
        found = self.root.glob("*/run.json") if self.root.is_dir() else ()
        return sorted((path.parent.name for path in found if ID.fullmatch(path.parent.name)), reverse=True)

    def all(self) -> list[Run]:
        """All runs, newest first."""
        return [Run(self.root / name) for name in self.ids()]

    def delete(self, id: str) -> None:
        """Remove a run for good. Raises UnknownName, or RunProblem while its worker is alive."""
        run = self.get(id)
        if run.alive():
            raise RunProblem(f"The run {id} is still at work; stop it first.")
        doomed = self.root / f".deleted-{id}"  # one rename, so that nobody sees half a run
        run.folder.rename(doomed)
        shutil.rmtree(doomed)

    def lane(self, device: str) -> Lane:
        """The lane of a device: at most one worker runs on it."""
        return Lane(self.root / f".lane-{_slug(device)}")


class Run:
    """One run folder: run.json, events.jsonl, and what the experiment writes beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = Path(folder), Path(folder).name

    def path(self, name: str) -> Path:
        """The path of a file of the run. Raises RunProblem for a name that is no plain file name."""
        if not NAME.fullmatch(name):
            raise RunProblem(f"'{name[:80]}' is no file of a run.")
        return self.folder / name

    @property
    def store(self) -> Store:
        """The store the run belongs to."""
        return Store(self.folder.parent)

    @property
    def config(self) -> RunConfig:
        """The configuration the run was created with."""
        return RunConfig.read(self._stored()["config"])

    def info(self) -> dict[str, Any]:
        """run.json with the live state: "lost" where it says queued or running and no worker is alive.

        Raises RunProblem where the file is missing or unreadable.
        """
        info = self._stored()
        if info["state"] in ("queued", "running") and not self.alive():
            info = self._stored()  # the worker may have written its last word between the two looks
            age = time.time() - datetime.fromisoformat(info["created"]).timestamp()
            if info["state"] == "running" or (info["state"] == "queued" and age > GRACE):
                info["state"] = "lost"
        return info

    def update(self, **changes: Any) -> None:
        """Change fields of run.json, atomically and one writer at a time. Raises BadSetting for an unknown state."""
        if changes.get("state", "queued") not in STATES:
            raise BadSetting(f"'{changes['state']}' is no state of a run; known: {', '.join(STATES)}.")
        with _locked(self.path("run.lock")):
            _write(self.path("run.json"), {**self._stored(), **changes})

    def append(self, event: dict[str, Any]) -> dict[str, Any]:
        """Add an event to events.jsonl; returns it with "n", its line number from 0."""
        with _locked(self.path("run.lock")), self.path("events.jsonl").open("a+b") as file:
            file.seek(0)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            file.truncate(len(whole))  # a line torn by a crash would spoil this one
            event = {"n": whole.count(b"\n"), **{key: value for key, value in event.items() if key != "n"}}
            file.write(json.dumps(_finite(event), ensure_ascii=False).encode() + b"\n")
        return event

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """The events from number `after` on (so `after` is how many are known already). A torn last line is ignored."""
        try:
            lines = self.path("events.jsonl").read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [{**json.loads(line), "n": n} for n, line in enumerate(lines) if n >= after]

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Mark the run as worked on while the block lasts, or until the process dies.

        Raises RunProblem where another worker holds it.
        """
        lane = Lane(self.path("worker.lock"))
        for _ in range(20):  # a look by alive() takes the lock for an instant
            if lane.take():
                break
            time.sleep(0.05)
        else:
            raise RunProblem(f"Another worker is already at work on {self.id}.")
        with lane:
            yield

    def alive(self) -> bool:
        """True while some process holds the run."""
        try:
            file = self.path("worker.lock").open("rb")
        except FileNotFoundError:
            return False
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _stored(self) -> dict[str, Any]:
        try:
            return json.loads(self.path("run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunProblem(f"The run {self.id} has no readable run.json ({error}).") from error


class Lane:
    """A lock that dies with its process: `take()` tries once, `release()` or the end of a with block gives it back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None

    def take(self) -> bool:
        """True where the lane is ours, now or already; False where another holds it."""
        if self._file is not None:
            return True
        file = self.path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Give the lane back; nothing happens where it was not taken."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> Lane:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def versions() -> dict[str, str]:
    """Versions of what a run depends on, read without importing it; packages that are not installed are left out."""
    found = {"clipforget": __version__, "python": platform.python_version()}
    for name, package in PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _write(path: Path, content: Any) -> None:
    text = json.dumps(_finite(content), indent=1, ensure_ascii=False)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text + "\n")
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _finite(content: Any) -> Any:
    """The same with null for nan and infinities, which JSON does not know."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:24].strip("-")
