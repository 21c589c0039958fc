"""The first look at a run: what names and pictures still find, and badges only where they matter."""

from __future__ import annotations

from typing import Any

import pytest
from served import Site, settle
from test_page import opened

pytestmark = pytest.mark.browser

NUMBERS = "all => all.map((one) => one.textContent)"
GRID = """(side) => {
    const panel = document.querySelector(`.cf-panel[data-side=${side}]`);
    const cells = [...panel.querySelectorAll(".cf-cell:not([hidden])")];
    return { count: panel.querySelector(".cf-count").textContent,
        cells: cells.map((cell) => [cell.dataset.role, cell.querySelector(".cf-badge").textContent]) };
}"""


def test_counts_follow_alpha_and_ask_nothing(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=1")
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/runs/" in request.url else None)
    rows = page.evaluate("window.clipforget.view.found.rows")
    assert [row["by"] for row in rows] == ["coarse", "fine", "picture"]
    for index in (100, 0, 37):
        page.evaluate("(index) => window.clipforget.setAlpha(index)", index)
        shown = page.locator(".cf-found-value b").evaluate_all(NUMBERS)
        assert shown == [f"{row['after'][index]:.{int(row['by'] == 'picture')}f}" for row in rows]
        named = page.evaluate("(index) => window.clipforget.view.rows[0].after[index]", index)
        words = f"The model names {100 * named:.1f}% of the images of big right, "
        page.wait_for_function("(words) => document.querySelector('#cf-changed').innerText.includes(words)", arg=words)
    assert asked == []
    page.click(".cf-found-rows li:nth-child(2) button")
    page.wait_for_function("window.clipforget.pack.query.label === 'big'")
    count = page.evaluate(GRID, "after")["count"]
    assert count == f"{rows[1]['after'][37]:.0f} of 24 of the target", "as the grid counts them"
    page.click(".cf-found-rows li:nth-child(3) button")
    page.wait_for_function("window.clipforget.pack.query.kind === 'image'")
    assert page.evaluate("window.clipforget.pack.query.label").startswith("disc / big")


def test_badges_stand_where_the_target_was_lost_and_nowhere_else(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&alpha=0.3&q=disc")
    items, pack = page.evaluate("[window.clipforget.view.gallery.items, window.clipforget.pack]")
    target, rest = ([i for i, item in enumerate(items) if (item[4] == 0) == forget] for forget in (True, False))
    hits = [sum(i in target for i in ids) for ids in (pack["before"]["ids"], pack["after"]["ids"][30])]
    counts = [page.evaluate(GRID, side)["count"] for side in ("before", "after")]
    assert counts == [f"{hit} of 24 of the target" for hit in hits]

    before = [*target[:8], *rest[:16]]
    after = [*rest[20:37], *target[1:4], *target[8:10], *rest[:2]]  # five of eight leave, two others come
    page.evaluate(
        """([before, after]) => { const { pack, bus } = window.clipforget;
            window.clipforget.pack = { ...pack, before: { ...pack.before, ids: before },
                after: { ...pack.after, ids: pack.after.ids.map(() => after) } };
            bus.emit("pack"); }""",
        [before, after],
    )
    left, right = (page.evaluate(GRID, side) for side in ("before", "after"))
    assert [left["count"], right["count"]] == ["8 of 24 of the target", "5 of 24 of the target"]
    lost = ["✕", "", "", "", "✕", "✕", "↔", "↔"]
    assert left["cells"][:8] == [["forget", badge] for badge in lost]
    assert right["cells"][17:22] == [["forget", badge] for badge in ("▼16", "▼16", "▼16", "+", "+")]
    cells = (*left["cells"], *right["cells"])
    assert not any(badge for role, badge in cells if role != "forget")
