"""What a machine does: ratios of times taken side by side, agreement of interpolated with exact results, waits.

for figure in measure(workspace, run_id):
    print(figure.name, figure.value, figure.note)
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from clipforget.files import PACKAGE
from clipforget.generators import finish
from clipforget.soup.path import ALPHAS, TOP_K, unit

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.workspace.explorer import FinishedRun
    from clipforget.workspace.workspace import Workspace

ROOT = PACKAGE.parent
SAMPLE = 512  # images that are embedded again
MIDDLES = 6  # alphas at which interpolation is checked
LONGEST_WAIT = 120.0  # seconds for the page to answer
WORDS = ("a photo of a red thing", "something that flies", "a small house", "an animal", "something on water")


@dataclass(frozen=True)
class Figure:
    """One measurement: what, its value with a unit, how it was taken; `number` is the value for scripts."""

    name: str
    value: str
    note: str
    number: float


def measure(workspace: Workspace, id: str) -> Iterator[Figure]:
    """Measure on a finished run, one figure after another. Raises UnknownName or RunProblem."""
    finished = workspace.finished_run(id)
    yield from speed(finished)
    yield from agreement(finished)
    yield from packs(workspace, id)
    yield waiting_for_help()
    yield waiting_for_page(workspace)


def speed(finished: FinishedRun) -> Iterator[Figure]:
    """Time the soup path against embedding at every alpha, and the changed stages against the whole image tower."""
    soup = finished.soup_model()
    pixels = _pixels(finished, slice(SAMPLE))
    start, count = soup.first, len(soup.parts)
    prefix = soup.run(pixels, 0, start)
    whole = _median(lambda: soup.run(pixels, 0, count))
    changed = _median(lambda: soup.run(prefix.clone(), start, count))
    nodes = len(finished.path.nodes)
    naive, walked = whole * len(ALPHAS), max(whole - changed, 0.0) + changed * nodes
    yield Figure(
        "whole tower / changed stages",
        f"{whole / changed:.1f} x",
        f"{len(pixels)} images: {whole:.2f} s and {changed:.2f} s, the first {start} of {count} stages run once",
        whole / changed,
    )
    yield Figure(
        "embedding at every alpha / soup path",
        f"{naive / walked:.1f} x",
        f"{len(pixels)} images: {naive:.0f} s for {len(ALPHAS)} alphas, {walked:.0f} s for {nodes} nodes",
        naive / walked,
    )


def agreement(finished: FinishedRun) -> Iterator[Figure]:
    """Compare interpolated with exact results on the gallery, where nodes lie farthest apart."""
    soup, path = finished.soup_model(), finished.path
    gallery = slice(finished.start, finished.stop)
    pixels, named = _pixels(finished, gallery), finished.evalset.class_names["superclass"]
    labels, texts = named.labels[gallery], soup.text(1.0, named.prompts)
    widest = sorted(zip(path.alphas[:-1], path.alphas[1:], strict=True), key=lambda ends: ends[0] - ends[1])[:MIDDLES]
    shares, points = [], []
    for low, high in widest:
        alpha = (low + high) / 2
        exact, between = soup.embed(alpha, pixels), unit(path.features(alpha)[gallery])
        for nearest in zip(_top(exact, texts), _top(between, texts), strict=True):
            shares.append(len(np.intersect1d(*nearest)) / len(nearest[0]))
        right = [(np.argmax(side @ texts.T, axis=1) == labels).mean() for side in (exact, between)]
        points.append(100 * abs(right[0] - right[1]))
    middles = f"{len(points)} alphas amid the widest gaps, {len(texts)} queries, {len(pixels)} images"
    mean, worst = float(np.mean(shares)), min(shares)
    yield Figure("top-24 agreement", f"{mean:.2%}", f"mean, worst query {worst:.1%}; {middles}", mean)
    yield Figure("accuracy difference", f"{max(points):.2f} points", f"largest; {middles}", float(max(points)))


def packs(workspace: Workspace, id: str) -> Iterator[Figure]:
    """Measure the wait for a query nobody asked before: its pack for 101 alphas."""
    times = [_time(partial(workspace.query, id, text=text)) for text in WORDS]
    note = f"101 alphas x {TOP_K} neighbours, median of {len(times)} new texts, the slowest {max(times) * 1000:.0f} ms"
    yield Figure("query pack", f"{statistics.median(times) * 1000:.0f} ms", note, statistics.median(times))


def waiting_for_help() -> Figure:
    """Measure the wait for `python -m clipforget --help`."""
    words = [sys.executable, "-m", "clipforget", "--help"]
    times = [_time(lambda: subprocess.run(words, cwd=ROOT, check=True, capture_output=True)) for _ in range(5)]
    return Figure("command line --help", f"{statistics.median(times):.2f} s", "median of 5", statistics.median(times))


def waiting_for_page(workspace: Workspace) -> Figure:
    """Measure the wait from `python -m clipforget app` until the page answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "clipforget", "app", "--no-browser", "--port", str(port)]
    words += ["--runs", str(workspace.store.root.resolve())]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log, subprocess.Popen(words, cwd=ROOT, stdout=log, stderr=log) as page:
        try:
            seconds = _answered(f"http://127.0.0.1:{port}/", start, page)
        finally:
            page.terminate()
    note = "from start to the first answer" if seconds < LONGEST_WAIT else "no answer"
    return Figure("page answers", f"{seconds:.1f} s", note, seconds)


def _answered(address: str, start: float, page: subprocess.Popen[bytes]) -> float:
    while (waited := time.perf_counter() - start) < LONGEST_WAIT and page.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return time.perf_counter() - start
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return max(waited, LONGEST_WAIT)


def _pixels(finished: FinishedRun, which: slice) -> Tensor:
    """Some of the evaluated images as a tensor for the image tower, B x 3 x H x W."""
    from clipforget.runs.loading import read_pixels

    return finish(read_pixels(finished.dataset(), finished.evalset.items[which], finished.soup_model().clip))[:]


def _top(features: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """The K nearest images of each text, M x K."""
    return np.argsort(-(texts @ features.T), axis=1, kind="stable")[:, :TOP_K]


def _median(work: Callable[[], object], times: int = 3) -> float:
    work()  # the first time pays for caches
    return statistics.median(_time(work) for _ in range(times))


def _time(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
