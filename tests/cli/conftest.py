"""A workspace with two runs, without a model; and how a refusal is read."""

from types import SimpleNamespace

import pytest

from clipforget.errors import UnknownName
from clipforget.runs.config import RunConfig
from clipforget.workspace.workspace import Workspace

ALPHAS = [i / 100 for i in range(101)]


class Fake:
    """A workspace with one finished run and one failed one."""

    search = Workspace.search

    def __init__(self) -> None:
        config = RunConfig(forget=("airplane/biplane",)).as_dict()
        shared = {"title": "t", "config": config, "created": "2026-01-01T00:00:00+00:00", "starred": False}
        headline = {key: {"before": 0.9, "after": 0.1} for key in ("forget", "siblings", "others")}
        done = {"id": "good", "state": "done", "best": 0.35, "headline": headline, "seconds": 21.0, "error": None}
        failed = {"id": "bad", "state": "failed", "best": None, "headline": None, "seconds": None, "error": "Too few."}
        self.infos = [shared | failed, shared | done]

    def __call__(self, *_, **__):
        return self

    def runs(self):
        return self.infos

    def view(self, id):
        info = next((info for info in self.infos if info["id"] == id), None)
        if info is None:
            raise UnknownName("run", id, ["good"])
        if info["state"] != "done":
            return info | {"command": "python -m clipforget run"}
        sets = [
            {
                "key": key,
                "label": key.title(),
                "role": role,
                "n": 50,
                "before": {"value": 0.9, "low": 0.85, "high": 0.95},
                **{name: [0.9 * a for a in ALPHAS] for name in ("after", "low", "high")},
            }
            for key, role in (("forget", "forget"), ("others", "others"))
        ]
        figures = {"h": ALPHAS, "score": [100 * a for a in ALPHAS], "do_nothing": {"h": 0, "score": 50.0}}
        bound = {"agreement": [1.0 if a in (0, 1) else 0.993 for a in ALPHAS], "accuracy": [0.0] * 101}
        gallery = {
            "superclasses": ["airplane"],
            "subgroups": ["biplane", "airliner"],
            "styles": [],
            "roles": ["forget", "siblings", "others"],
            "items": [[9, 0, 0, -1, 0], [8, 0, 1, -1, 1]],
        }
        about = {"command": "python -m clipforget run", "device": "cpu", "chance": 0.125, "nodes": [0, 1]}
        rows = [
            {
                "by": "fine",
                "name": "biplane",
                "prompt": "",
                "n": 50,
                "before": 24.0,
                "after": [24.0 * a for a in ALPHAS],
            }
        ]
        about |= {"target": "biplane", "found": {"k": 24, "chance": 0.8, "rows": rows}}
        about |= {"audits": {"alpha": 0.35, "audited": True, "failed": ["Image query", "Wording"], "passed": [],
                             "hidden": True, "sentence": "Hidden, not gone: 2 of 2 audits can tell it."}}  # fmt: skip
        about |= {"cost": None, "template": "a photo of a {}.", "notes": []}
        return info | figures | about | {"alphas": ALPHAS, "rows": sets, "bound": bound, "gallery": gallery}

    def finished_run(self, id):
        none = {"id": id, "alpha": 0.35, "alphas": [], "damaged": "", "audits": []}
        return SimpleNamespace(view=lambda: self.view(id), audits=lambda: none)

    def query(self, id, text, page):
        after = {"ids": [[1, 0]] * 101, "cosines": [[0.3, a] for a in ALPHAS]}
        return {
            "query": {"kind": "text", "label": text},
            "k": 24,
            "before": {"ids": [0, 1], "cosines": [0.4, 0.3]},
            "after": after,
        }


@pytest.fixture
def fake(monkeypatch):
    fake = Fake()
    monkeypatch.setattr("clipforget.workspace.workspace.Workspace", fake)
    return fake


@pytest.fixture
def line_of(capsys):
    """Gives the one line that a refused command leaves on stderr."""

    def line() -> str:
        out, err = capsys.readouterr()
        assert out == "" and err.endswith("\n") and err.count("\n") == 1, err
        return err

    return line
