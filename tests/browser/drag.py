"""How long from a move of the slider to the screen: used by the browser tests and by `make bench`."""

from __future__ import annotations

import statistics
import time
from typing import Any

WATCH = """() => {
    const range = document.querySelector("#cf-slider input[type=range]");
    const seen = { delays: [], alphas: new Set(), frames: 0 };
    const count = () => requestAnimationFrame(() => { seen.frames += 1; if (!seen.ended) count(); });
    count();
    range.addEventListener("input", (event) => {
        const begun = event.timeStamp;
        requestAnimationFrame(() => {
            // Once this frame is painted, and before the next input can change what it showed.
            setTimeout(() => seen.alphas.add(document.querySelector(".cf-alpha-number").value));
            // The second frame begins when the first one with the change has been handed to the screen.
            requestAnimationFrame(() => seen.delays.push(performance.now() - begun));
        });
    });
    window.dragSeen = seen;
}"""
READ = """() => (window.dragSeen.ended = true, {
    delays: window.dragSeen.delays,
    frames: window.dragSeen.frames,
    alphas: [...window.dragSeen.alphas],
    shown: document.querySelector(".cf-alpha-number").value,
    slider: Number(document.querySelector("#cf-slider input[type=range]").value).toFixed(2),
})"""


def drag(page: Any, moves: int = 60, seconds: float = 1.5) -> dict[str, Any]:
    """Drag the slider of an open run from 1 to 0 with `moves` mouse moves spread over `seconds`.

    Gives the milliseconds from each input event to the second frame after it (median and p95), how many frames there
    were and how many alphas they showed, the requests made meanwhile that are not images, and what slider and page say
    two frames after the last move.
    """
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if request.resource_type != "image" else None)
    box = page.locator("#cf-slider input[type=range]").bounding_box()
    y, left, width = box["y"] + box["height"] / 2, box["x"] + 10, box["width"] - 20
    page.evaluate(WATCH)
    page.mouse.move(left + width, y)
    page.mouse.down()
    before = len(requests)
    begun = time.monotonic()
    for i in range(1, moves + 1):
        page.mouse.move(left + width * (1 - i / moves), y)
        time.sleep(max(0.0, begun + seconds * i / moves - time.monotonic()))
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    found = page.evaluate(READ)
    page.mouse.up()
    delays = sorted(found["delays"])
    return {
        "moves": moves,
        "inputs": len(delays),
        "frames": found["frames"],
        "alphas": len(found["alphas"]),
        "median": round(statistics.median(delays), 1),
        "p95": round(delays[int(0.95 * (len(delays) - 1))], 1),
        "shown": found["shown"],
        "slider": found["slider"],
        "requests": requests[before:],
    }
