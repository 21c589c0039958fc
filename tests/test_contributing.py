"""CONTRIBUTING is true: each of its examples, run as written, registers what its section says."""

import re
from pathlib import Path

import pytest

from clipforget.audits import AUDITS
from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.data.catalogue import DATASETS
from clipforget.web.charts import CHARTS

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECTIONS = {"an audit": AUDITS, "a data set": DATASETS, "a chart": CHARTS, "an experiment of the paper": EXPERIMENTS}


@pytest.mark.parametrize("what", SECTIONS)
def test_the_example_of_a_plugin_registers_itself(what):
    section = TEXT.split(f"\n## Add {what}\n")[1].split("\n## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    registry = SECTIONS[what]
    folder = f"`{registry.package.replace('.', '/')}/`"
    assert folder in section and (ROOT / folder.strip("`")).is_dir()
    before = set(registry.load())
    try:
        exec(compile(code, "CONTRIBUTING.md", "exec"), {"__name__": "example"})
        (added,) = set(registry) - before
        if what == "a chart":
            steps = [{"stage": "forget"}, {"stage": "forget"}, {"stage": "remind"}]
            assert list(registry[added].draw({"steps": steps}).data[0].y) == [2, 1]
            assert "when the run has begun" in registry[added].draw({}).to_json()
    finally:
        for name in set(registry) - before:
            del registry[name]
