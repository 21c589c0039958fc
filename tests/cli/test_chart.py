"""The command `chart`."""

import json

import pytest

from clipforget.cli.main import main
from clipforget.web.charts import CHARTS


def test_charts_are_listed(capsys):
    assert main(["chart", "--json"]) == 0
    charts = json.loads(capsys.readouterr().out)["charts"]
    assert {entry["name"]: entry["of"] for entry in charts} == {name: c.of for name, c in CHARTS.load().items()}
    assert main(["chart"]) == 0 and "Trade-off" in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(name for name, entry in CHARTS.load().items() if entry.of == "run"))
def test_a_chart_of_a_run_is_the_pages(name, world, finished, capsys, tmp_path):
    words = ["chart", name, "last", "--runs", f"{world.folder}/runs"]
    assert main([*words, "--json"]) == 0
    figure = json.loads(capsys.readouterr().out)
    assert figure["data"] and figure["layout"]
    assert main([*words, "--json", "-o", str(tmp_path / "figure.json")]) == 0
    assert json.loads((tmp_path / "figure.json").read_text()) == figure


def test_a_chart_is_one_file_that_needs_no_network(world, finished, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["chart", "alpha", finished.id, "--runs", f"{world.folder}/runs"]) == 0
    (file,) = tmp_path.iterdir()
    assert capsys.readouterr().out == f"Wrote {file.name}.\n" and file.name == f"alpha-{finished.id}.html"
    page = file.read_text()
    assert (
        f"<title>{CHARTS['alpha'].title}: {finished.id}</title>" in page
        and "Plotly.newPlot" in page
        and "<script src=" not in page
        and len(page) > 1_000_000
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["tradoff"], "Did you mean 'tradeoff'"),
        (["alpha", "nosuch"], "no run 'nosuch'"),
        (["methods"], "no comparison yet"),
        (["alpha", "--target", "disc"], "--target belongs to charts of a comparison"),
        (["alpha", "-o", "no/such/folder.html"], "Cannot write no/such/folder.html"),
    ],
)
def test_bad_input_is_one_line_and_status_2(words, expected, world, finished, line_of):
    assert main(["chart", *words, "--runs", f"{world.folder}/runs"]) == 2
    assert expected in line_of()
