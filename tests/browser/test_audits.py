"""The audits of a run on its page: begun, followed, stopped; their tab, the line at the top, and charts by stage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from accessible import PHONE, serious
from served import Site, settle
from test_page import opened

pytestmark = pytest.mark.browser


def figure(key: str, value: float, label: str = "", unit: str = "share") -> dict[str, Any]:
    return {"key": key, "label": label or key, "value": value, "low": value - 0.1, "high": value + 0.1, "count": 10,
            "unit": unit, "note": ""}  # fmt: skip


def measured(value: float) -> dict[str, Any]:
    return {"figures": [figure("target", value), figure("siblings", 0.5)], "details": {}}


def answer(site: Site, **more: Any) -> dict[str, Any]:
    """What the route of the audits would say of a run with two of them."""
    page = site.call(f"runs/{site.run}/audits")
    first, second, *rest = page["audits"]
    first |= {
        "subjects": {"original": measured(0.9), "chosen": measured(0.6), "zero": measured(0.2)},
        "reference": {"pictures": measured(0.4)}, "along": {"target": [0.2, 0.5, 0.9]}, "seconds": 1.0,
        "passed": False, "verdict": "Still a cluster: it finds 60 %.",
    }  # fmt: skip
    second |= {"reason": "It needs siblings, and this run has none.", "passed": None, "verdict": "It needs siblings."}
    summary = {"alpha": 0.3, "audited": True, "failed": ["One"], "passed": [], "hidden": True,
               "sentence": "Hidden, not gone: 1 of 1 audits can tell that it was there."}  # fmt: skip
    audits = [first, second, *rest]
    return {**page, "alpha": 0.3, "alphas": [0.0, 0.5, 1.0], "audits": audits, "summary": summary, **more}


def answered(visit: Any, site: Site, found: dict[str, Any], **options: Any) -> Any:
    """The page with the tab of audits open, where the route answers so."""
    context_page = visit.lead(**options)
    context_page.route(
        "**/audits", lambda route: route.fulfill(body=json.dumps(found), content_type="application/json")
    )
    context_page.evaluate("([run]) => window.clipforget.open(run)", [site.run])
    context_page.wait_for_function("window.clipforget.pack && window.clipforget.audits")
    context_page.evaluate("window.clipforget.setView('audits')")
    return context_page


def test_audits_are_begun_followed_and_stopped(visit: Any, site: Site) -> None:
    page = opened(visit, site, "&view=audits")
    page.wait_for_selector(".cf-audit[data-audit]")
    assert page.locator("#cf-audited").inner_text().startswith("Not audited")
    assert page.locator(".cf-audit-stages").is_hidden()
    page.click("#cf-audited button")
    page.click(".cf-audit-work .cf-button")
    page.wait_for_selector(".cf-audit-head .cf-message:has-text('Stopped')")
    page.click(".cf-audit[data-audit=image_query] header button")
    page.wait_for_selector(".cf-audit[data-audit=image_query] .cf-audit-verdict")
    page.wait_for_selector(".cf-audit-work", state="detached")
    assert not page.locator("#cf-audited").inner_text().startswith("Not audited")
    assert site.call(f"runs/{site.run}/view")["audits"]["audited"]


def test_figures_follow_alpha_and_ask_nothing(visit: Any, site: Site) -> None:
    page = answered(visit, site, answer(site))
    settle(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type != "image" else None)
    card = page.locator(".cf-audit").first
    rows = card.locator(".cf-audit-dots > div")

    def texts() -> list[str]:
        return [row.replace("\n", " ") for row in rows.all_inner_texts()]

    page.evaluate("window.clipforget.setAlpha(30)")
    assert texts() == ["original 90% 80–100", "alpha 0.30 60% 50–70", "alpha 0 20% 10–30", "never saw it 40% 30–50"]
    page.evaluate("window.clipforget.setAlpha(75)")
    assert texts()[1].split() == ["alpha", "0.75", "70%"]
    assert asked == []
    assert page.locator("#cf-audited").inner_text().startswith("Hidden, not gone: 1 of 1 audits can tell")
    assert card.locator(".cf-audit-chip").inner_text() == "not as never seen"
    card.locator("summary").click()
    assert card.locator("tbody tr").count() == 2 and card.locator("a[href^='https:']").count() == 1
    assert page.locator(".cf-audit").nth(1).locator(".cf-audit-verdict").inner_text() == "It needs siblings."
    page.wait_for_selector(".cf-audit-stages .js-plotly-plot, .cf-audit-stages .cf-wait")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"problem": "The images have changed since this run; run it again."}, "The images have changed"),
        ({"work": {"state": "failed", "error": "No such model.", "names": [], "event": None, "position": None}},
         "The audits failed. No such model."),
        ({"work": {"state": "lost", "error": None, "names": [], "event": None, "position": None}}, "worker of these"),
    ],
)  # fmt: skip
def test_every_state_says_what_it_is(visit: Any, site: Site, more: dict[str, Any], words: str) -> None:
    page = answered(visit, site, answer(site, **more))
    page.wait_for_selector(f".cf-audit-head .cf-message:has-text('{words}')")
    assert page.locator(".cf-audit-head .cf-primary").count() == (0 if "problem" in more else 1)


@pytest.mark.parametrize("options", [{}, {**PHONE, "color_scheme": "dark"}], ids=["light", "dark phone"])
def test_axe_finds_nothing_serious_in_audits(visit: Any, site: Site, options: dict[str, Any]) -> None:
    event = {"stage": "load", "eta": 12.0, "t": 3.0, "note": "", "step": 0, "total": 1}
    work = {"state": "running", "error": None, "names": [], "event": event, "position": None}
    page = answered(visit, site, answer(site, work=work), **options)
    page.locator(".cf-audit summary").first.click()
    assert serious(page, "#cf-pane-audits, #cf-audited") == []
    assert page.locator(".cf-audit-work .cf-left").inner_text() == "0:12 left"
    stop = page.query_selector(".cf-audit-work .cf-button")
    event["eta"] = 9.0
    page.wait_for_selector(".cf-audit-work .cf-left >> text=0:09 left")
    assert stop.evaluate("(button) => button.isConnected"), "no click on Stop falls between two looks"
