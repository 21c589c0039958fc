"""What axe-core finds wrong with the page, or with a part of it."""

from __future__ import annotations

from typing import Any

import pytest

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
SETTLED = """() => Promise.allSettled(document.getAnimations()
    .filter((one) => one.effect.getComputedTiming().iterations !== Infinity).map((one) => one.finished))"""


def violations(page: Any, part: str = "") -> list[dict[str, Any]]:
    """Return what axe-core finds in the page, or in the part that a selector names: that takes a fraction of the time.

    Whoever has looked at a page as a whole looks only at what has come since.
    """
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="make test installs it").Axe()
    page.evaluate(SETTLED)  # fades
    return axe.run(page, context=part or None, options={"resultTypes": ["violations"]}).response["violations"]


def serious(page: Any, part: str = "") -> list[str]:
    """Return those that are serious or critical: the rule and the first place."""
    found = [one for one in violations(page, part) if one["impact"] in ("serious", "critical")]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found]
