"""The command `search`."""

import json

from clipforget.cli.main import main


def test_search(fake, capsys):
    assert main(["search", "good", "a photo of an airplane", "--alpha", "0.2"]) == 0
    shown = capsys.readouterr().out
    assert "* airplane/biplane" in shown and "after (alpha 0.20)" in shown
    assert "1 before, 1 after; on both sides: 2" in shown
    assert main(["search", "good", "airplane", "-k", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [hit["label"] for hit in result["after"]] == ["airplane/airliner"] and len(result["before"]) == 1
