"""The set-up form in a real browser: steps that fold, a draft, and fields that say what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from served import Site, query_of, settle, unfold

pytestmark = pytest.mark.browser
PICKED = "all => all.map((tile) => tile.dataset.name)"
SUMMARY = "#cf-step-forget .cf-summary"


def picked(page: Any) -> list[str]:
    return page.eval_on_selector_all("#cf-picker .cf-tile:has(:checked)", PICKED)


WATCH = """if (location.search.includes("watched")) {
    window.early = new Set();
    new MutationObserver((_, watch) => {
        if (document.querySelector("#cf-picker .cf-tile")) return watch.disconnect();
        const parts = [...document.querySelectorAll("#cf-setup, #cf-header")];
        const lines = parts.flatMap((part) => part.innerText.split("\\n"));
        // What Gradio says of its progress is hidden.
        const own = lines.filter((line) => line && !/^(queue|processing|[0-9.]+s$)/.test(line));
        own.forEach((line) => window.early.add(line));
    }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
}"""


SLOW = """if (location.search.includes("slow=")) {
    const ask = window.fetch.bind(window);
    const late = (value) => new Promise((done) => setTimeout(done, 500, value));
    const slow = location.search.split("slow=")[1];
    window.fetch = async (...asked) => {
        const address = asked[0].url ?? String(asked[0]);
        const answer = await ask(...asked);
        if (slow === "answers" && address.includes("/queue/join")) return late(answer);
        if (slow !== "messages" || !address.includes("/queue/data")) return answer;
        const through = new TransformStream({ transform: async (part, out) => out.enqueue(await late(part)) });
        return new Response(answer.body.pipeThrough(through), answer);
    };
}"""


def wait_for_pick(page: Any, *names: str) -> None:
    script = (
        f"(names) => JSON.stringify(({PICKED})([...document.querySelectorAll('.cf-tile:has(:checked)')])) === names"
    )
    page.wait_for_function(script, arg=json.dumps(names, separators=(",", ":")))


def test_the_form_follows_the_run_that_is_shown_until_it_is_changed(visit: Any, site: Site) -> None:
    page = visit(f"?run={site.run}")
    wait_for_pick(page, "big")
    page.wait_for_function("document.querySelector('#cf-estimate').textContent.includes('to forget')")
    page.wait_for_function("document.querySelector('#cf-step-images .cf-summary').textContent.endsWith('data')")
    assert "form" not in query_of(page)
    page.wait_for_selector("#cf-main[data-mode=open]", state="attached")

    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    stops = 1
    while page.evaluate("document.activeElement.id") != "cf-run":
        page.keyboard.press("Tab")
        stops += 1
        assert stops <= 15
    assert page.locator("main #cf-head-mount[role=navigation], main #cf-setup[role=form]").count() == 2
    page.focus(".cf-skip")
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "cf-run", "the way back to Run is short, too"

    page.click("#cf-picker .cf-tile[data-name=small]")
    assert picked(page) == ["small"], "a choice of one"
    page.wait_for_function(f"document.querySelector('{SUMMARY}').textContent === 'disc/small'")
    page.wait_for_selector(".cf-drift >> text=Not the settings of the run shown")
    assert json.loads(query_of(page)["form"][0])["forget"] == ["disc/small"]
    page.click("#cf-step-model .cf-step")
    page.click("#cf-setup-toggle")
    page.reload()
    wait_for_pick(page, "small")
    page.wait_for_selector(".cf-drift >> text=Not the settings of the run shown", state="attached")
    assert not page.is_visible("#cf-setup"), "what was closed stays closed"
    page.click("#cf-setup-toggle")
    assert page.get_attribute("#cf-step-model .cf-step", "aria-expanded") == "true"
    page.click("text=Take those")
    wait_for_pick(page, "big")
    page.wait_for_function("!location.search.includes('form=')")


@pytest.mark.parametrize("slow", ["answers", "messages"])
def test_no_event_of_the_form_is_lost_on_a_slow_line(visit: Any, site: Site, slow: str) -> None:
    visit.lead().add_init_script(SLOW)
    page = visit(f"?run={site.run}&slow={slow}")
    wait_for_pick(page, "big")
    page.wait_for_function("document.querySelector('#cf-estimate').textContent.includes('to forget')")
    page.click("#cf-picker .cf-tile[data-name=small]")
    page.wait_for_function(f"document.querySelector('{SUMMARY}').textContent === 'disc/small'")
    page.wait_for_selector(".cf-drift >> text=Not the settings of the run shown")
    settle(page)  # the stream of events ends with the last of them


def test_the_form_says_what_is_chosen_and_what_is_wrong_where_it_is(visit: Any, site: Site) -> None:
    draft = {"model": str(site.model), "data": str(site.data), "forget": ["disc/big"], "method": "targeted"}
    visit.lead().add_init_script(WATCH)
    page = visit(f"?watched=1&form={json.dumps(draft)}")
    wait_for_pick(page, "big")
    early = set(page.evaluate("[...window.early]"))
    late = {line for part in ("#cf-setup", "#cf-header") for line in page.inner_text(part).split("\n")}
    assert {"Forget", "Run", "Choose a run…"} <= early
    assert not early - late, "what flashes before the tiles come"
    unfold(page)
    page.check("#cf-several")
    page.click("#cf-picker .cf-tile[data-name=small]")
    assert sorted(picked(page)) == ["big", "small"]
    page.click("#cf-picker .cf-tile-whole")
    assert picked(page) == ["*"] and "All of disc" in page.inner_text(".cf-tile-whole")
    page.wait_for_function(f"document.querySelector('{SUMMARY}').textContent === 'disc'")
    page.click("#cf-picker .cf-tile-whole")
    assert "Choose what to forget: a subgroup, or all of disc." in page.inner_text("#cf-picker")
    page.wait_for_selector("#cf-estimate >> text=Nothing to forget")

    page.fill("#cf-setting-rank", "0.5")
    assert page.get_attribute("#cf-setting-rank", "aria-invalid") == "true"
    assert "Rank takes a whole number from 1 to" in page.inner_text(".cf-field:has(#cf-setting-rank) .cf-wrong")
    page.fill("#cf-setting-rank", "4")
    assert page.get_attribute("#cf-setting-rank", "aria-invalid") == "false"
    page.click("#cf-step-method [aria-label='About As if never seen']")
    assert "never saw" in page.inner_text(".cf-explained")
    page.keyboard.press("Escape")
    page.check("#cf-method input[value=never-seen]")
    assert page.input_value("#cf-method-select") == "targeted", "the goal leaves a method of others"
    page.select_option("#cf-method-select", "anchored")
    page.check("#cf-method input[value=suppressed]")
    page.check("#cf-method input[value=never-seen]")
    assert page.input_value("#cf-method-select") == "unseen", "and brings ours in place of ours"

    page.fill("#cf-data input", "/no/such/folder")
    page.press("#cf-data input", "Enter")
    page.wait_for_selector("#cf-data-note .cf-error")
    assert page.locator("#cf-picker .cf-tile:visible").count() == 0, "no tiles of other images"
    page.wait_for_function("document.querySelectorAll('#cf-setup .cf-error').length === 1")  # told once
