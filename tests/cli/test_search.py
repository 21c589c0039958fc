"""The command `search`."""

import json

from clipforget.cli.main import main
from clipforget.runs.config import RunConfig
from clipforget.runs.store import Store


def test_search(fake, capsys):
    assert main(["search", "good", "a photo of an airplane", "--alpha", "0.2"]) == 0
    shown = capsys.readouterr().out
    assert "* airplane/biplane" in shown and "after (alpha 0.20)" in shown
    assert "1 before, 1 after; on both sides: 2" in shown
    assert main(["search", "good", "airplane", "-k", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [hit["label"] for hit in result["after"]] == ["airplane/airliner"] and len(result["before"]) == 1


def test_a_run_that_is_not_finished_is_refused(tmp_path, line_of):
    run = Store(tmp_path).create(RunConfig(forget=("airplane/biplane",)))
    assert main(["search", run.id, "airplane", "--runs", str(tmp_path)]) == 2
    assert "is not finished (it is queued)" in line_of()
