"""A chart is one file: dropped into the folder of the charts it is drawn by the routes and stands on the page."""

import asyncio
import importlib
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from clipforget.web import charts
from clipforget.web.page import build
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace

FILE = '''"""A chart of a test."""

from clipforget.web.charts import chart
from clipforget.web.charts._style import figure


@chart("dropped", title="Dropped", of="{of}", note="One file.", order=35)
def dropped(document):
    """Draw nothing."""
    return figure()
'''


@pytest.fixture(params=["run", "audits", "comparison"])
def of(request, tmp_path, monkeypatch):
    """Whose chart the new file draws; the file lies in a folder that belongs to the charts for the time of a test."""
    (tmp_path / "dropped.py").write_text(FILE.format(of=request.param))
    monkeypatch.setattr(charts, "__path__", [*charts.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield request.param
    charts.CHARTS.pop("dropped", None)
    sys.modules.pop("clipforget.web.charts.dropped", None)


def test_a_chart_file_appears_by_itself(of, finished):
    space = Workspace(finished.folder.parent, sample=False)

    async def shown():  # in a running loop Gradio makes none of its own, which nobody would close
        page = build(space)
        return [block.props["charts"] for block in page.blocks.values() if "charts" in getattr(block, "props", ())]

    with ThreadPoolExecutor(1) as pool:
        (listed,) = pool.submit(lambda: asyncio.run(shown())).result()
    assert {"name": "dropped", "title": "Dropped", "of": of, "note": "One file.", "order": 35} in listed
    assert [entry["order"] for entry in listed] == sorted(entry["order"] for entry in listed)
    if of != "comparison":
        with TestClient(Starlette(routes=routes(space))) as client:
            reply = client.get(f"/clipforget/runs/{finished.id}/charts/dropped")
        assert reply.status_code == 200 and reply.json().keys() >= {"data", "layout"}
