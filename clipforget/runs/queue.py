"""What waits for its device, in order of arrival: an empty file each beside the runs, so that it takes no process.

Every server over one folder of runs shares the line, and it is there again after a restart. What is started holds the
slot of its device until its worker ends, however it ends. Needs no torch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipforget.errors import QueueFull
from clipforget.files import FileLock, made_folder, slug, writing

FOLDER = ".queue"
TICKET = re.compile(r"[0-9]{9,}\.(?P<kind>run|comparison|audit|embedding)\.(?P<device>[a-z0-9-]*)\.(?P<id>[a-z0-9-]+)")


@dataclass(frozen=True)
class Ticket:
    """What waits: a run, comparison or run to audit (`kind`) by its id, its device, and the file that says so."""

    name: str
    kind: str
    device: str
    id: str


class Queue:
    """The line in front of the devices of a runs folder; safe across threads and processes."""

    def __init__(self, runs: Path) -> None:
        self.runs, self.folder = Path(runs), Path(runs) / FOLDER

    def waiting(self) -> list[Ticket]:
        """Return what waits, the first to come first; nothing where the folder cannot be read."""
        try:
            names = sorted(os.listdir(self.folder))
        except OSError:  # nobody has waited yet, or whoever waits cannot be told
            return []
        matches = {name: TICKET.fullmatch(name) for name in names}
        return [Ticket(name, **match.groupdict()) for name, match in matches.items() if match]

    def positions(self) -> dict[str, int]:
        """Return the place of each id in the line of its device, 1 for the next to start."""
        line, places, count = self.waiting(), dict[str, int](), dict[str, int]()
        for ticket in line:
            places[ticket.id] = count[ticket.device] = count.get(ticket.device, 0) + 1
        return places

    def join(self, kind: str, id: str, device: str, most: int, enter: Callable[[], None]) -> None:
        """Put work at the end of the line; nothing happens where it waits. Raises QueueFull where `most` wait.

        `enter` is called where there is room, before anybody can start the work. Raises FileProblem where the line
        cannot be written.
        """
        with made_folder(self.folder), self._lock():
            line = self.waiting()
            if id in (ticket.id for ticket in line):
                return
            if len(line) >= most:
                raise QueueFull(f"{len(line)} runs are waiting, and no more may; cancel one or try again later.")
            number = 1 + max((int(ticket.name.partition(".")[0]) for ticket in line), default=0)
            enter()
            with writing(self.folder):
                (self.folder / f"{number:09d}.{kind}.{slug(device)}.{id}").touch()

    def leave(self, id: str) -> bool:
        """Take work out of the line; False where it does not wait (any more)."""
        if id not in self.positions():
            return False
        with self._lock():
            names = [ticket.name for ticket in self.waiting() if ticket.id == id]
            for name in names:
                (self.folder / name).unlink()
        return bool(names)

    def start_next(self, start: Callable[[Ticket, int], bool]) -> None:
        """Start the first in line on each device that is free.

        `start` gets the ticket and the descriptor of the device's slot, which its worker inherits; it returns False
        where the work cannot be started, and the next is tried.
        """
        if not self.waiting():
            return
        with self._lock():
            line = self.waiting()
            for device in {ticket.device for ticket in line}:
                slot = FileLock(self.runs / f".slot-{device}")
                if self.device_lock(device).is_held() or not slot.acquire(wait=False):
                    continue
                with slot:
                    for ticket in (ticket for ticket in line if ticket.device == device):
                        started = start(ticket, slot.fileno())
                        (self.folder / ticket.name).unlink()
                        if started:
                            break

    def device_lock(self, device: str) -> FileLock:
        """Return the lock of a device, not yet acquired: at most one run uses it, also of those that never waited."""
        return FileLock(self.runs / f".lane-{slug(device)}")

    def _lock(self) -> FileLock:
        return FileLock(self.folder / "lock")
