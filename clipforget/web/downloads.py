"""The button under a data set that is not on this disk: terms agreed to, download followed, stopped, shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from clipforget.data.catalogue import find
from clipforget.errors import ClipforgetError
from clipforget.workspace.downloads import Downloads

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


class DownloadButtons:
    """Two buttons and a timer. Build it below the note on the data set, of a page that is its user's own."""

    def __init__(self) -> None:
        self.downloads = Downloads()
        self.agree = gr.Button("Agree to the terms and download", visible=False, size="md", elem_id="cf-download")
        self.stop = gr.Button("Stop the download", visible=False, size="md", elem_id="cf-download-stop")
        self.timer = gr.Timer(1, active=False)

    def listen(
        self, page: gr.Blocks, data: gr.Dropdown, note: Any, shown: list[Any], show: Callable[[str], list[Any]]
    ) -> None:
        """Wire the buttons to the choice of a data set; `show` gives the updates of `shown` for one that came."""
        own = [self.agree, self.stop, self.timer]
        gr.on([page.load, data.change], self.offer, data, own, **QUIET)
        self.agree.click(self.start, data, [note, *own], **QUIET)
        self.stop.click(self.downloads.stop, None, None, **QUIET)
        ticked = self.timer.tick(self.follow, None, [note, *own], **QUIET)
        ticked.then(self.finished, data, shown, **QUIET)
        self._show, self._shown = show, len(shown)

    def follow(self) -> list[Any]:
        """Return the note, both buttons and the timer as the download stands."""
        state = self.downloads.state()
        if state["running"]:
            return [gr.update(about={"text": state["text"]}), gr.skip(), gr.skip(), gr.skip()]
        note = gr.update(about={"error": state["error"]}) if state["error"] else gr.skip()
        return [note, gr.update(visible=bool(state["error"])), gr.update(visible=False), gr.Timer(active=False)]

    def finished(self, name: str) -> list[Any]:
        """Show the data set once it has been downloaded."""
        state = self.downloads.state()
        done = state["name"] == name and not state["running"] and not state["error"]
        return self._show(name) if done else [gr.skip()] * self._shown

    def offer(self, name: str) -> list[Any]:
        """Show the button for a data set that can be downloaded, and what is at work."""
        entry, where = find(name or "")
        running = self.downloads.state()["running"]
        wanted = entry is not None and not where and not entry.on_disk and bool(entry.download)
        return [gr.update(visible=wanted and not running), gr.update(visible=running), gr.Timer(active=running)]

    def start(self, name: str) -> list[Any]:
        """Start a download, or say why not."""
        try:
            self.downloads.start(name)
        except ClipforgetError as error:
            return [gr.update(about={"error": str(error)}), gr.skip(), gr.skip(), gr.skip()]
        return [
            gr.update(about={"text": "Starting"}),
            gr.update(visible=False),
            gr.update(visible=True),
            gr.Timer(active=True),
        ]
