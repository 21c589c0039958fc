"""Soak: many clients at once while runs are trained, started, stopped and deleted; `make soak` takes ten minutes.

It fails where a request is answered otherwise than it should be, or where in the second half the server's memory
grows, or its open descriptors or temporary files do.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from clipforget.files import ASSETS

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = next(path.name for path in sorted((ASSETS / "sample-run").iterdir()) if path.is_dir())
WORDS = (
    "airplane",
    "biplane",
    "a red car",
    "fish",
    "bird on water",
    "blue",
    "truck",
    "a sketch",
    "something that flies",
)
FILES = ("scores.csv", "scores.json", "run.json")
CHARTS = ("alpha", "tradeoff", "classes", "losses")
BAD = (
    "runs/nothing/view",
    "setup/data?name=/etc",
    f"runs/{SAMPLE}/query?text=",
    "static/../routes.py",
    "images/0/0?size=1",
)
RUN = {"forget": ["airplane/biplane"], "method": "targeted", "device": "cpu"}
TIMEOUT, START = 300, 120  # seconds for one answer, and for the server to begin
EVERY = 2.0  # seconds between two looks at the server
GROWTH, SLACK = 1.03, 16.0  # factor and MiB by which the memory of the last quarter may exceed that of the third
SPARE = 8  # descriptors more, for clients come and go


class Clients:
    """What is asked of a server, by any number of threads; counts answers, and keeps what was wrong."""

    def __init__(self, port: int) -> None:
        self.port, self.until = port, 0.0
        self.answers: Counter[str] = Counter()
        self.waits: list[float] = []
        self.errors: list[str] = []
        self.data = ""

    def ask(self, path: str, body: bytes | None = None, expected: tuple[int, ...] = (200,)) -> bytes:
        """Return an answer; another status than expected, or none at all, is an error."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        before = time.monotonic()
        try:
            connection.request("GET" if body is None else "POST", path, body)
            reply = connection.getresponse()
            content = reply.read()
            self.answers[f"{reply.status}"] += 1
            self.waits.append(time.monotonic() - before)
            if reply.status not in expected:
                self.errors.append(f"{path}: {reply.status} {content[:200]!r}")
            return content
        except OSError as error:
            self.errors.append(f"{path}: {error!r}")
            return b""
        finally:
            connection.close()

    def own(self, path: str, body: object = None, expected: tuple[int, ...] = (200,)) -> dict[str, object]:
        """Return the JSON of one of our routes."""
        data = None if body is None else json.dumps(body).encode()
        content = self.ask(f"/clipforget/{path}", data, expected)
        return dict(json.loads(content)) if content else {}

    def browse(self, seed: int) -> None:
        """Ask for this and that, as visitors do and as they should not, until time is up."""
        rng = random.Random(seed)
        actions: list[Callable[[], object]] = [
            lambda: self.ask("/"),
            lambda: self.own("runs"),
            lambda: self.own("setup"),
            lambda: self.own("setup/data?name=sketchbook"),
            lambda: self.own(f"runs/{SAMPLE}/view"),
            lambda: self.own(f"runs/{SAMPLE}/events?after=0"),
            lambda: self.own(f"runs/{SAMPLE}/query?text={quote(rng.choice(WORDS))}"),
            lambda: self.own(f"runs/{SAMPLE}/query?image={rng.randrange(50)}"),
            lambda: self.own(f"runs/{SAMPLE}/exact?alpha={rng.randrange(2) / 2}&text={quote(rng.choice(WORDS[:3]))}"),
            lambda: self.own(f"runs/{SAMPLE}/charts/{rng.choice(CHARTS)}"),
            lambda: self.ask(f"/clipforget/runs/{SAMPLE}/export/{rng.choice(FILES)}"),
            lambda: self.ask(f"/clipforget/images/{self.data}/{rng.randrange(300)}?size={rng.choice((96, 384))}"),
            lambda: self.ask("/clipforget/static/explorer/explorer.js"),
            lambda: self.own(rng.choice(BAD), expected=(400, 404)),
            lambda: self.own("upload", "no image", (400,)),
            lambda: self.search_by_upload(rng),
        ]
        while time.monotonic() < self.until:
            rng.choice(actions)()
            time.sleep(rng.random() / 2)

    def search_by_upload(self, rng: random.Random) -> None:
        """Upload a picture, now and then a large one, and search by it."""
        out, side = io.BytesIO(), rng.choice((64, 300, 3000))
        Image.new("RGB", (side, side), (rng.randrange(4) * 80, 90, 120)).save(out, "PNG")
        token = json.loads(self.ask("/clipforget/upload", out.getvalue()) or b"{}").get("token", "")
        self.own(f"runs/{SAMPLE}/query?upload={token}")

    def train(self) -> None:
        """Start one run after another, stop every third on its way, and delete each."""
        number = 0
        while time.monotonic() < self.until:
            number += 1
            run = self.own("runs", {**RUN, "seed": number})
            end = time.monotonic() + (5 if number % 3 == 0 else TIMEOUT)
            while run and (state := self.own(f"runs/{run['id']}/events?after=0").get("state")) in ("queued", "running"):
                if time.monotonic() > min(end, self.until):
                    self.own(f"runs/{run['id']}/stop", {}, (200, 400))  # 400: it was just done
                time.sleep(1)
            if run:
                self.answers[f"run {state}"] += 1
                if state not in ("done", "stopped"):
                    self.errors.append(f"a run is {state}")
                self.own(f"runs/{run['id']}/delete", {}, (200, 400))


def look(pid: int, temporary: Path) -> dict[str, float]:
    """Memory in MiB, open descriptors and threads of a process, and how many temporary files there are."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {
        "memory": int(status["VmRSS"].split()[0]) / 1024,
        "descriptors": len(os.listdir(f"/proc/{pid}/fd")),
        "threads": int(status["Threads"]),
        "temporary files": sum(len(files) for _, _, files in os.walk(temporary)),
    }


def judge(looks: list[dict[str, float]], errors: list[str]) -> list[str]:
    """Return what is wrong, as sentences: errors, and growth from the third to the last quarter."""
    wrong = [f"{len(errors)} wrong answers, the first: {errors[0]}"] if errors else []
    quarter = len(looks) // 4
    third, last = looks[2 * quarter : 3 * quarter], looks[3 * quarter :]
    for name, factor, slack in (("memory", GROWTH, SLACK), ("descriptors", 1.0, SPARE), ("temporary files", 1.0, 0)):
        before, after = (statistics.median(look[name] for look in looks) for looks in (third, last))
        if after > before * factor + slack:
            wrong.append(f"{name} grew in the second half, from {before:.0f} to {after:.0f}")
    return wrong


def report(looks: list[dict[str, float]], clients: Clients, count: int, seconds: float) -> None:
    """Print medians of each quarter, and how the answers were."""
    print(f"{'quarter':<8}" + "".join(f"{name:>17}" for name in looks[0]))
    for number in range(4):
        part = looks[number * len(looks) // 4 : (number + 1) * len(looks) // 4] or looks
        print(f"{number + 1:<8}" + "".join(f"{statistics.median(x[name] for x in part):>17.0f}" for name in looks[0]))
    waits, answers = sorted(clients.waits), dict(sorted(clients.answers.items()))
    print(f"{len(waits):,} answers for {count} clients in {seconds:.0f} s: {answers}")
    print(f"median wait {statistics.median(waits):.2f} s, 99 % below {waits[int(len(waits) * 0.99)]:.2f} s")


def soak(seconds: float, count: int) -> int:
    """Serve, ask, watch and print a table; return the exit status."""
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port, temporary = free.getsockname()[1], Path(folder, "temporary")
        free.close()
        temporary.mkdir()
        words = [sys.executable, "app.py", "--no-browser", "--port", str(port), "--runs", str(Path(folder, "runs"))]
        with subprocess.Popen(words, cwd=ROOT, env={**os.environ, "TMPDIR": str(temporary)}) as server:
            try:
                return _soak(server.pid, port, temporary, seconds, count)
            finally:
                server.terminate()


def _soak(pid: int, port: int, temporary: Path, seconds: float, count: int) -> int:
    limit = time.monotonic() + START
    while socket.socket().connect_ex(("127.0.0.1", port)):
        if time.monotonic() > limit:
            raise SystemExit("The server does not begin.")
        time.sleep(0.2)
    clients = Clients(port)
    clients.ask("/")
    view = clients.own(f"runs/{SAMPLE}/view")
    clients.until = time.monotonic() + seconds
    clients.data = dict(view["gallery"])["data"]  # type: ignore[call-overload]
    threads = [threading.Thread(target=clients.browse, args=(seed,)) for seed in range(count)]
    threads.append(threading.Thread(target=clients.train))
    for thread in threads:
        thread.start()
    looks = []
    while time.monotonic() < clients.until:
        looks.append(look(pid, temporary))
        time.sleep(EVERY)
    for thread in threads:
        thread.join()
    report(looks, clients, count, seconds)
    wrong = judge(looks, clients.errors)
    print("\n".join(wrong) if wrong else "Nothing was wrong and nothing grew.")
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--clients", type=int, default=30)
    args = parser.parse_args()
    sys.exit(soak(args.seconds, args.clients))
