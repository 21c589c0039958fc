"""What the command line draws: one document or a text, times, and a bar of tqdm's."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from clipforget.generators import repeating

if TYPE_CHECKING:
    from tqdm import tqdm

MODULE = "python -m clipforget"  # how runs and comparisons write down their commands
PROG = "clipforget" if Path(sys.argv[0]).stem == "clipforget" else MODULE  # as it was started
FORMAT = "{bar:24}  {desc}"  # tqdm's; the bar is 24 cells wide


def emit(as_json: bool, content: Mapping[str, Any], text: str) -> None:
    """Print either the content as one JSON document or the text."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=list) if as_json else as_started(text))


def as_started(text: str) -> str:
    """Return a text whose commands name the program as this one was started."""
    return text.replace(MODULE, PROG)


def clock(seconds: float | None) -> str:
    """Format seconds as m:ss; an unknown time is blank."""
    return "" if seconds is None else f"{int(seconds + 0.5) // 60}:{int(seconds + 0.5) % 60:02d}"


class Bar:
    """One line on stderr that follows the events of a run; on anything but a terminal, a line for each new stage."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self._stage = self._words = ""
        self._last: tuple[Mapping[str, Any], float] | None = None  # the event that is drawn, and when it came
        self._lock = threading.RLock()
        self._bar: tqdm[NoReturn] | None = None

    def show(self, event: Mapping[str, Any]) -> None:
        """Draw an event of kind step, by time; an event of kind end takes the bar away and leaves its note."""
        if event["kind"] == "end":
            self.close()
            self.write(f"{event['note']} ({clock(event['t'])})")
        elif self.live:
            self._words = (event.get("data") or {}).get("watched", {}).get("words") or self._words
            with self._lock:
                self._last = event, time.monotonic()
                self._redraw()
        elif event["stage"] != self._stage:
            self.write(f"{event['stage']} ... {event['note']}".rstrip())
        self._stage = event.get("stage", "")

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Let the time go on where the work inside the block says nothing for a second."""

        def tick() -> None:
            with self._lock:
                if self._last is not None:
                    self._redraw()

        with repeating(tick, 1.0):
            yield

    def _redraw(self) -> None:
        """Draw the last event as it stands by now."""
        if self._last is None:
            return
        event, came = self._last
        since, left = time.monotonic() - came, event.get("eta")
        now = event if left is None else {**event, "eta": max(left - since, 0.0)}
        waited = f"  {clock(event['t'] + since)} so far" if left is None else ""
        text = "  ".join(filter(None, (describe(now) + waited, self._words)))
        self.draw(text, event["t"] + since, None if left is None else event["t"] + max(left, since))

    def draw(self, text: str, done: float, total: float | None) -> None:
        """Draw so much of a total, None while that is unknown, and a text beside it; on a terminal only."""
        if not self.live:
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(desc=text, bar_format=FORMAT, file=self.stream, leave=False, dynamic_ncols=True)
        self._bar.n, self._bar.total = done, total
        self._bar.set_description_str(text)

    def write(self, line: str) -> None:
        """Leave a line, above the bar where there is one."""
        from tqdm import tqdm

        tqdm.write(line, file=self.stream)
        self.stream.flush()

    def close(self) -> None:
        """Take an unfinished bar away, so that an error stands alone."""
        with self._lock:
            self._last = None
            if self._bar is not None:
                self._bar.close()
                self._bar = None


@contextmanager
def reading_bar() -> Iterator[None]:
    """Draw how far the reading of data sets in the block is, from its third second on."""
    from clipforget.data.watching import watching

    bar, start, last = Bar(), time.monotonic(), 0.0

    def draw(stage: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic() - start
        if now > 2 and now - last > 0.2:
            last, left = now, now * (total - done) / max(done, 1)
            bar.draw(f"{stage} the data set, {100 * done // max(total, 1)} %  {clock(left)} left", done, total)

    try:
        with watching(draw):
            yield
    finally:
        bar.close()


def describe(event: Mapping[str, Any]) -> str:
    """Describe a step in one line: stage, step, time left, first loss or else the note."""
    left = f"{clock(event['eta'])} left" if event.get("eta") is not None else ""
    loss = next((f"{name} {value:.3g}" for name, value in (event.get("losses") or {}).items() if value is not None), "")
    step = f"{event['stage']} {event['step']}/{event['total']}"
    return "  ".join(part for part in (f"{step:<18}", left, loss or event.get("note", "")[:60]) if part)


def progress(events: Sequence[Mapping[str, Any]]) -> str:
    """Describe how far a run at work is: its last step, and what its first watched query finds; "" before any."""
    steps = [event for event in events if event["kind"] == "step"]
    words = [event["data"]["watched"]["words"] for event in steps if "watched" in event["data"]]
    return "  ".join(filter(None, [*map(describe, steps[-1:]), *words[-1:]]))
