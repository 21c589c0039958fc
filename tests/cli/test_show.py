"""The command `show`."""

import json

import pytest

from clipforget.cli.main import main


def test_show(fake, capsys, line_of):
    assert main(["show", "last", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["id"], figures["alpha"], figures["h"]) == ("good", 0.35, 0.35)
    assert figures["rows"][0]["after"]["value"] == pytest.approx(0.315)
    assert main(["show", "good", "--alpha", "0.1"]) == 0
    shown = capsys.readouterr().out
    assert "alpha 0.10;" in shown and "agreement 99.3 %" in shown and "doing nothing: H 0.0, Score 50.0" in shown
    assert "Of the first 24 results, still biplane: 2 by “biplane”, was 24. Chance finds 0.8.\n" in shown
    assert (
        "\nAudits at alpha 0.35: Hidden, not gone: 2 of 2 audits can tell it (Image query, Wording). To audit" in shown
    )
    assert main(["show", "good"]) == 0 and "(suggested)" in capsys.readouterr().out
    assert main(["show", "good", "--markdown"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == "| --- | --- | --- | --- | --- |"
    assert main(["show", "good", "good", "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and "do nothing" in lines[2] and "90.0 % -> 31.5 %" in lines[3]
    assert main(["show", "good", "bad", "--markdown"]) == 2 and "bad is failed" in line_of()
    assert main(["show", "good", "good"]) == 2 and "with --markdown only" in line_of()
    assert main(["show", "bad"]) == 0 and "is failed: Too few." in capsys.readouterr().out


@pytest.mark.parametrize("alpha", ["5", "-0.1", "nan", "inf"])
@pytest.mark.parametrize("command", [["show", "good"], ["search", "good", "x"]])
def test_an_alpha_outside_is_refused(fake, capsys, alpha, command, line_of):
    assert main([*command, f"--alpha={alpha}"]) == 2
    assert "alpha must be a number from 0" in line_of()
