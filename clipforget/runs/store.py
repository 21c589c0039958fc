"""Runs on disk: one folder each, which explains itself. The store alone touches run folders; it needs no torch.

run = Store(Path("runs")).create(RunConfig(forget=("airplane/biplane",)))
run.append({"kind": "step", "stage": "forget", "step": 1, "total": 30})
run.update(state="running")
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clipforget import __version__
from clipforget.data.target import Target
from clipforget.errors import ClipforgetError, RunProblem, UnknownName
from clipforget.files import ID, FileLock, finite, slug, write_json
from clipforget.runs.config import RunConfig
from clipforget.runs.folder import LOCK, RunFolder

PACKAGES = {"torch": "torch", "open_clip": "open_clip_torch", "gradio": "gradio"}


class Store:
    """The run folders under one root, made when the first run is created."""

    def __init__(self, root: Path = Path("runs")) -> None:
        self.root = Path(root)

    def create(self, config: RunConfig) -> Run:
        """A new run in state queued. Raises RunProblem where the folder cannot be written."""
        now = datetime.now(UTC)
        target = slug(Target.read(config.forget[0]).short if config.forget else "") or "nothing"
        name = f"{now:%Y%m%d-%H%M%S}-{slug(config.method)}-{target}-{secrets.token_hex(2)}"
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
            "cost": None,
            "starred": False,
            "best": None,
            "headline": None,
        }
        write_json(run.path("run.json"), info)
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

    def infos(self) -> Iterator[tuple[Run, dict[str, Any]]]:
        """The runs with what `info` says of each, newest first; those just deleted or not readable are left out."""
        for run in self.all():
            try:
                info = run.info()
            except RunProblem:
                continue
            yield run, info

    def delete(self, id: str) -> None:
        """Remove a run for good. Raises UnknownName, or RunProblem while its worker is alive."""
        run = self.get(id)
        if run.alive():
            raise RunProblem(f"The run {id} is still at work; stop it first.")
        doomed = self.root / f".deleted-{id}"  # one rename, so that nobody sees half a run
        run.folder.rename(doomed)
        shutil.rmtree(doomed)

    def device_lock(self, device: str) -> FileLock:
        """Return the lock of a device, not yet acquired: at most one worker runs on it."""
        return FileLock(self.root / f".lane-{slug(device)}")


class Run(RunFolder):
    """One run folder: run.json, events.jsonl, and what the experiment writes beside them."""

    FILE, KIND = "run.json", "run"

    @property
    def store(self) -> Store:
        """The store the run belongs to."""
        return Store(self.folder.parent)

    @property
    def config(self) -> RunConfig:
        """The configuration the run was created with."""
        return RunConfig.read(self._stored()["config"])

    def _stored(self) -> dict[str, Any]:
        """The JSON file, with the configuration and its command as they are written today."""
        info = super()._stored()
        with suppress(ClipforgetError):  # one that another version wrote stays as it is
            config = RunConfig.read(info.get("config"))
            info |= {"config": config.as_dict(), "command": config.command()}
        return info

    def append(self, event: dict[str, Any]) -> dict[str, Any]:
        """Add an event to events.jsonl; returns it with "n", its line number from 0."""
        with FileLock(self.path(LOCK)), self.path("events.jsonl").open("a+b") as file:
            file.seek(0)
            content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            file.truncate(len(whole))  # a line torn by a crash would spoil this one
            event = {"n": whole.count(b"\n"), **{key: value for key, value in event.items() if key != "n"}}
            file.write(json.dumps(finite(event), ensure_ascii=False).encode() + b"\n")
        return event

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """The events from number `after` on (so `after` is how many are known already). A torn last line is ignored."""
        try:
            lines = self.path("events.jsonl").read_bytes().split(b"\n")[:-1]
        except FileNotFoundError:
            return []
        return [{**json.loads(line), "n": n} for n, line in enumerate(lines) if n >= after]


def versions() -> dict[str, str]:
    """Versions of what a run depends on, read without importing it; packages that are not installed are left out."""
    found = {"clipforget": __version__, "python": platform.python_version()}
    for name, package in PACKAGES.items():
        try:
            found[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
