"""Runs on disk: one folder each, which explains itself. The store alone touches run folders; it needs no torch.

run = Store(Path("runs")).create(RunConfig(forget=("airplane/biplane",)))
run.append({"kind": "step", "stage": "forget", "step": 1, "total": 30})
run.update(state="running")
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any, TypeVar, cast

from clipforget import __version__
from clipforget.data.target import Target
from clipforget.errors import BadSetting, ClipforgetError, RunProblem
from clipforget.files import FileLock, finite, read_regular, slug, writing
from clipforget.runs.config import RunConfig, current_method
from clipforget.runs.documents import EndEvent, Event, RunInfo, StepEvent, StoredConfig
from clipforget.runs.folder import LOCK, FolderStore, RunFolder
from clipforget.runs.queue import Queue
from clipforget.settings import check_document

AnyEvent = TypeVar("AnyEvent", StepEvent, EndEvent)
PACKAGES = {"torch": "torch", "open_clip": "open_clip_torch", "gradio": "gradio"}


class Store(FolderStore["Run", RunInfo]):
    """The run folders under one root."""

    def __init__(self, root: Path = Path("runs")) -> None:
        super().__init__(Path(root), Run)

    def create(self, config: RunConfig) -> Run:
        """Make a new run in state queued. Raises RunProblem where the folder cannot be written."""
        target = slug(Target.read(config.forget[0]).short if config.forget else "") or "nothing"
        return self._make(
            f"{'soup' if config.soup else slug(config.method)}-{target}",
            {
                "title": config.title,
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
            },
        )

    def device_lock(self, device: str) -> FileLock:
        """Return the lock of a device, not yet acquired: at most one worker runs on it."""
        return Queue(self.root).device_lock(device)


class Run(RunFolder[RunInfo]):
    """One run folder: run.json, events.jsonl, and what the experiment writes beside them."""

    FILE, KIND, INFO = "run.json", "run", RunInfo

    @property
    def store(self) -> Store:
        """Return the store the run belongs to."""
        return Store(self.folder.parent)

    @property
    def config(self) -> RunConfig:
        """Return the configuration the run was created with."""
        return RunConfig.read(self._stored()["config"])

    def _upgraded(self, info: dict[str, Any]) -> dict[str, Any]:
        """The content of run.json with the configuration, its command and title as they are written today."""
        version = (info.get("versions") or {}).get("clipforget")
        try:
            old = RunConfig.read(info.get("config"))
            config = RunConfig.read({**info["config"], "method": current_method(old.method, version)})
        except ClipforgetError:  # one that another version wrote stays as it is
            check_document(StoredConfig, info.get("config"))
            return info
        if (current := config.as_dict()) == info["config"]:
            return info
        title = config.title if info.get("title") == old.title else info.get("title")
        return {**info, "config": current, "command": config.command(), "title": title}

    def append(self, event: AnyEvent) -> AnyEvent:
        """Add an event to events.jsonl; return it with "n", its line number from 0."""
        path = self.path("events.jsonl")
        with writing(path), FileLock(self.path(LOCK)), path.open("a+b") as file:
            file.seek(0)
            content = file.read()
            lines = content[: content.rfind(b"\n") + 1]
            file.truncate(len(lines))  # a line torn by a crash would spoil this one
            numbered = {"n": lines.count(b"\n"), **{key: value for key, value in event.items() if key != "n"}}
            file.write(json.dumps(finite(numbered), ensure_ascii=False).encode() + b"\n")
        return cast(AnyEvent, numbered)

    def events(self, after: int = 0) -> list[Event]:
        """Return the events from number `after` on, without a torn last line. Raises RunProblem for a damaged one."""
        number = after
        try:
            lines = read_regular(self.path("events.jsonl")).split(b"\n")[:-1]
            events: list[Event] = []
            for number in range(after, len(lines)):
                event = {**json.loads(lines[number]), "n": number}
                if "validation" in event:  # as steer was called in version 0.1
                    event["steer"] = event.pop("validation")
                kind: type[Event] = EndEvent if event.get("kind") == "end" else StepEvent
                events.append(check_document(kind, event))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, RecursionError, BadSetting) as error:
            where = f"line {number + 1} of its events.jsonl cannot be read"
            raise RunProblem(f"The run {self.id} is damaged: {where}; delete the run or that line.") from error
        return events


def versions() -> dict[str, str]:
    """Return the versions of what a run depends on, without importing it; what is not installed is left out."""
    numbers = {"clipforget": __version__, "python": platform.python_version()}
    for name, package in PACKAGES.items():
        try:
            numbers[name] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return numbers
