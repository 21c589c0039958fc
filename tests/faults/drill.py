"""Runs that something happens to, by table: each in a child process of one process that has imported everything.

python drill.py WORLD RUNS: works on a run for each entry of FAULTS, and prints the id of each as JSON. Inside
`unshare -rm` it mounts small disks for those of MOUNTED too.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from small import World

from clipforget.errors import ClipforgetError
from clipforget.files import write_json
from clipforget.runs.config import RunConfig
from clipforget.runs.execute import execute
from clipforget.runs.resources import Resources
from clipforget.runs.store import Run, Store

Hook = Callable[..., None]


def kill(*_: Any) -> None:
    """As the system kills what takes too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def no_room(*_: Any) -> None:
    """As a full disk answers."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def on_replace(name: str, do: Hook, run: Run) -> None:
    """Do it when a whole draft is about to become the file `name`."""
    replace = os.replace

    def faulty(draft: Path, path: Path) -> None:
        if Path(path).name == name:
            do(draft)
        replace(draft, path)

    os.replace = faulty  # type: ignore[assignment]


def at_the_end(do: Hook, run: Run) -> None:
    """Do it when all is written but that the run is done."""
    on_replace("run.json", lambda draft: do(draft) if run.path("scores.json").exists() else None, run)


def on_event(stage: str, do: Hook, run: Run) -> None:
    """Do it before the first event of a stage is written."""
    append = Run.append

    def faulty(self: Run, event: Any) -> Any:
        if event.get("stage") == stage:
            do(self)
        return append(self, event)

    Run.append = faulty  # type: ignore[method-assign]


def half_an_archive(do: Hook, run: Run) -> None:
    """Write half of path.npz, then do it."""

    def faulty(draft: Path, **_: Any) -> None:
        Path(draft).write_bytes(b"PK\x03\x04" + bytes(5000))
        do(draft)

    np.savez = faulty  # type: ignore[assignment]


def limit_file(bytes: int) -> None:
    """Let no file grow beyond so many bytes: what writes more is told so by the system."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes, resource.RLIM_INFINITY))


def limit_events(run: Run) -> None:
    """Let events.jsonl, which is long already, grow no more."""

    def now(self: Run) -> None:
        with run.path("events.jsonl").open("ab") as file:
            file.write(json.dumps({**self.events()[-1], "note": "x" * 9000}).encode() + b"\n")
        limit_file(run.path("events.jsonl").stat().st_size)

    on_event("forget", now, run)


def before_delta(do: Hook, run: Run) -> None:
    """Do it when the weights are about to be written."""
    from clipforget.soup import model

    init = model.SoupModel.__init__

    def faulty(*args: Any, **more: Any) -> None:
        do(run)
        init(*args, **more)

    model.SoupModel.__init__ = faulty  # type: ignore[method-assign]


def fill_disk(run: Run) -> None:
    """Use up the room of the disk that the run lies on, to the last byte."""
    with suppress(OSError), (run.runs / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1000))


def make_read_only(run: Run) -> None:
    """Let nothing be written into the run's folder any more."""
    bind = ["mount", "--bind", str(run.folder), str(run.folder)]
    subprocess.run(bind, check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(run.folder)], check=True)


def deleted(run: Run) -> None:
    """Let the folder vanish in the middle of the work."""
    on_event("forget", lambda self: os.rename(run.folder, run.folder.with_name(".away")), run)


FAULTS: dict[str, Callable[[Run], None]] = {
    "killed before its first event": partial(on_event, "load", kill),
    "killed in training": partial(on_event, "forget", kill),
    "killed while the weights are written": partial(on_replace, "delta.safetensors", kill),
    "killed amid path.npz": partial(half_an_archive, kill),
    "killed while path.npz is written": partial(on_replace, "path.npz", kill),
    "killed while scores.json is written": partial(on_replace, "scores.json", kill),
    "killed before it says done": partial(at_the_end, kill),
    "full at delta.safetensors": partial(on_replace, "delta.safetensors", no_room),
    "full at path.npz": partial(half_an_archive, no_room),
    "full at queries.npz": partial(on_replace, "queries.npz", no_room),
    "full at scores.json": partial(on_replace, "scores.json", no_room),
    "full for good at the end": partial(at_the_end, no_room),
    "limited at delta.safetensors": partial(before_delta, lambda run: limit_file(8000)),
    "limited at path.npz": partial(on_event, "restore", lambda run: limit_file(8000)),
    "limited at events.jsonl": limit_events,
    "deleted in training": deleted,
}
MOUNTED: dict[str, Callable[[Run], None]] = {  # on a small disk of its own, where the system allows that
    "a disk that fills": partial(before_delta, fill_disk),
    "a folder that becomes read-only": partial(before_delta, make_read_only),
}


def work(run: Run, fault: Callable[[Run], None], resources: Resources) -> None:
    """Work on a run as its worker does, with a fault."""
    fault(run)
    try:
        for _ in execute(run, resources):
            pass
    except ClipforgetError as error:
        write_json(run.folder.parent / f"said-{run.id}.json", str(error))


def in_child(run: Run, fault: Callable[[Run], None], resources: Resources) -> None:
    """Work on a run in a process of its own, which may die of it."""
    if not (child := os.fork()):
        work(run, fault, resources)
        os._exit(0)
    os.waitpid(child, 0)


def mounted(runs: Path, config: RunConfig, resources: Resources) -> dict[str, Any] | None:
    """What is said of the runs of MOUNTED; None where no disk may be mounted."""
    said = {}
    for name, fault in MOUNTED.items():
        disk = runs / name.replace(" ", "-")
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk], capture_output=True).returncode:
            return None
        run = Store(disk).create(config)
        in_child(run, fault, resources)
        said[name] = {**run.info(), "files": os.listdir(run.folder)}
        try:
            Store(disk).create(config)
        except ClipforgetError as error:
            said[name]["next"] = str(error)
    return said


def main() -> None:
    """Work on a run for each fault, and print {fault: id}; for those of MOUNTED what is said of the run."""
    torch.set_num_threads(1)
    world, store, resources = World(Path(sys.argv[1])), Store(Path(sys.argv[2])), Resources()
    config = world.config(method="gradient_ascent", settings={"steps": 2}, nodes=3)
    runs = {name: store.create(config) for name in ("nothing", *FAULTS)}
    work(runs["nothing"], lambda run: None, resources)  # images and model are read once, for all
    for name, fault in FAULTS.items():
        in_child(runs[name], fault, resources)
        while (run := runs[name]).folder.is_dir() and "Invalid thread pool" in (run.info()["error"] or ""):
            shutil.rmtree(run.folder)  # torch's own trouble in a child that was forked, now and then
            runs[name] = store.create(config)
            in_child(runs[name], fault, resources)
    ids = {name: run.id for name, run in runs.items()}
    print(json.dumps(ids | {"mounted": mounted(store.root, config, resources)}))


if __name__ == "__main__":
    main()
