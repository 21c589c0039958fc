"""What the command line draws: tables and a progress bar."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

CELLS = 24  # of a bar


def emit(as_json: bool, content: dict[str, Any], text: str) -> None:
    """Print either the content as one JSON document or the text."""
    print(json.dumps(content, indent=1, ensure_ascii=False, default=list) if as_json else text)


def clock(seconds: float | None) -> str:
    """Seconds as m:ss; an unknown time is blank."""
    return "" if seconds is None else f"{int(seconds + 0.5) // 60}:{int(seconds + 0.5) % 60:02d}"


class Bar:
    """One line on stderr that follows the events of a run; on anything but a terminal, a line for each new stage."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.live = self.stream.isatty()
        self._stage, self._drawn = "", 0

    def show(self, event: dict[str, Any]) -> None:
        """Draw an event of kind step; an event of kind end clears the line and leaves its note."""
        if event["kind"] == "end":
            self._line(f"{event['note']} ({clock(event['t'])})")
            self.stream.write("\n" if self.live else "")
            self._drawn = 0
        elif self.live:
            self._line(describe(event, bar(event)))
        elif event["stage"] != self._stage:
            self._line(f"{event['stage']} ... {event['note']}".rstrip())
        self._stage = event.get("stage", "")
        self.stream.flush()

    def close(self) -> None:
        """Take an unfinished line away, so that an error stands alone."""
        if self.live and self._drawn:
            self.stream.write(f"\r{'':<{self._drawn}}\r")
            self.stream.flush()
            self._drawn = 0

    def _line(self, text: str) -> None:
        self.stream.write(f"\r{text:<{self._drawn}}" if self.live else f"{text}\n")
        self._drawn = len(text)


def bar(event: dict[str, Any]) -> str:
    """How much of the whole run is done, by time; empty while that is unknown."""
    eta = event.get("eta")
    share = 0.0 if eta is None else event["t"] / max(event["t"] + eta, 1e-9)
    done = round(share * CELLS)
    return "█" * done + "░" * (CELLS - done)


def describe(event: dict[str, Any], drawn: str) -> str:
    """One line for a step: bar, stage, step, time left, first loss."""
    left = f"{clock(event['eta'])} left" if event.get("eta") is not None else ""
    loss = next((f"{name} {value:.3g}" for name, value in (event.get("losses") or {}).items() if value is not None), "")
    step = f"{event['stage']} {event['step']}/{event['total']}"
    return "  ".join(part for part in (drawn, f"{step:<18}", left, loss or event.get("note", "")[:60]) if part)
