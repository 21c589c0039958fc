"""axe-core finds nothing serious in any view: light, dark, on a phone."""

from __future__ import annotations

from typing import Any

import pytest
from accessible import PHONE, serious
from served import Site, unfold

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("options", [{}, {**PHONE, "color_scheme": "dark"}], ids=["light", "dark phone"])
def test_axe_finds_nothing_serious(visit: Any, site: Site, options: dict[str, Any]) -> None:
    page = visit(**options)
    page.wait_for_selector("#cf-picker .cf-tile", state="attached")
    assert serious(page) == []
    page.evaluate("window.clipforget.toggleSetup(true)")
    unfold(page)
    assert serious(page, "#cf-setup") == []
    page.evaluate("window.clipforget.toggleSetup(innerWidth > 760)")
    page.evaluate("window.clipforget.openCompare('list')")
    page.wait_for_selector(".cf-checks input")
    assert serious(page, ".cf-compare") == []
    page.evaluate("window.clipforget.openRuns()")
    page.wait_for_selector(".cf-runlist tbody input")
    page.check(".cf-runlist tbody input >> nth=0")
    assert serious(page, ".cf-runs-page") == []
    page.get_by_label("Name, tags and notes").first.click()
    page.wait_for_selector(".cf-annotate")
    assert serious(page, "dialog") == []
    page.keyboard.press("Escape")
    page.evaluate("(run) => window.clipforget.open(run)", site.run)
    page.wait_for_function("window.clipforget?.pack")
    page.evaluate("window.clipforget.setAlpha(50); window.clipforget.setView('figures')")
    page.locator(".cf-error-card .cf-explain").click()
    assert serious(page) == []
    page.keyboard.press("Escape")
    for view, ready in {"map": "#cf-pane-map .cf-toggle", "matrix": ".cf-predictions button"}.items():
        page.evaluate("(view) => window.clipforget.setView(view)", view)
        page.wait_for_selector(ready)
        page.evaluate("window.clipforget.pick([0, 1, 2], 'Three images')")
        assert serious(page, f"#cf-tabs, #cf-pane-{view}") == []
    page.evaluate("window.clipforget.see(3)")
    page.wait_for_selector("#cf-image .cf-strip")
    assert serious(page, "#cf-image") == []
    page.evaluate("window.clipforget.see(null)")
    page.click("#cf-export summary")
    page.wait_for_selector(".cf-export-model a[href]")  # the first to load the model
    assert serious(page, "#cf-export") == []
    page.keyboard.press("Escape")
    page.locator(".cf-panel[data-side=after] .cf-thumb").first.click()
    assert serious(page, "dialog") == []
    page.keyboard.press("Escape")
    page.click("#cf-history summary")
    page.evaluate("window.clipforget.setHits({ k: 'all', role: 'siblings' }); window.clipforget.toggleBlur()")
    page.wait_for_function("window.clipforget.pack.after.ranks")
    assert serious(page, "#cf-query-area, #cf-sides, #cf-both") == []
    page.evaluate("window.clipforget.toggleBlur(); window.clipforget.present(true)")
    assert serious(page) == []
    page.evaluate("window.clipforget.showHelp()")
    assert serious(page) == []
    page.get_by_role("button", name="Use via API").click()
    page.locator(".cf-functions summary").nth(5).click()
    assert serious(page) == []
