"""The command `methods`."""

import json

from clipforget.cli.main import main


def test_methods_are_listed_with_bounds(capsys):
    assert main(["methods"]) == 0 and "anchored" in capsys.readouterr().out
    assert main(["methods", "targeted", "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["options"] and {"name", "kind", "default", "help", "low", "high"} <= set(about["options"][0])
    assert about["reference_url"] == "https://arxiv.org/abs/2506.03117"
    assert main(["methods", "targeted"]) == 0
    shown = capsys.readouterr().out
    assert "(default: " in shown and f"{about['source']}, {about['reference_url']}" in shown
