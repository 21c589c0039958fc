"""`audit` on the command line: table, CSV and JSON of what was measured, and refusals in one line."""

import csv
import html
import io
import json
import shutil

import pytest

from clipforget.cli.main import main
from clipforget.runs.store import Store


@pytest.fixture(scope="module")
def audited(finished, tmp_path_factory):
    """A folder of runs with one audited run."""
    folder = tmp_path_factory.mktemp("audited")
    shutil.copytree(finished.folder, folder / finished.id)
    assert main(["audit", finished.id, "image_query", "tower_swap", "--runs", str(folder)]) == 0
    return folder


def test_the_table_has_a_row_for_each_figure_and_a_sentence_for_each_audit(audited, capsys):
    capsys.readouterr()
    assert main(["audit", "last", "image_query", "--runs", str(audited)]) == 0
    table, sentences = capsys.readouterr().out.split("\n\n")
    lines = table.splitlines()
    assert lines[0].split() == ["audit", "figure", "original", "chosen", "alpha", "alpha", "0", "never", "saw", "it"]
    assert lines[1].startswith("Image query  target") and "%" in lines[1]
    assert sentences.startswith("Image query: ") and "Tower swap: " in sentences


def test_csv_and_json_hold_the_same_figures(audited, capsys):
    assert main(["audit", "last", "image_query", "--csv", "--runs", str(audited)]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert main(["audit", "last", "image_query", "--json", "--runs", str(audited)]) == 0
    entry = next(e for e in json.loads(capsys.readouterr().out)["audits"] if e["name"] == "image_query")
    for model, found in entry["subjects"].items():
        values = {f["key"]: f["value"] for f in found["figures"]}
        own = {r["figure"]: float(r["value"]) for r in rows if (r["audit"], r["model"]) == ("image_query", model)}
        assert own == values


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["last", "image_quer"], "no audit 'image_quer'"),
        (["last", "image_query", "--alpha", "2"], "alpha must be a number from 0"),
        (["20200101-none"], "no run '20200101-none'"),
    ],
)
def test_bad_input_is_one_line(audited, line_of, capsys, words, says):
    capsys.readouterr()
    assert main(["audit", *words, "--runs", str(audited)]) == 2
    assert says in line_of()


def test_a_damaged_file_is_told_and_replaced(audited, capsys, tmp_path):
    (run,) = Store(audited).all()
    shutil.copytree(run.folder, tmp_path / run.id)
    (tmp_path / run.id / "audits.json").write_text("{")
    capsys.readouterr()
    assert main(["show", run.id, "--runs", str(tmp_path)]) == 0
    assert "audits.json of the run" in capsys.readouterr().out
    assert main(["audit", run.id, "image_query", "--runs", str(tmp_path)]) == 0
    assert main(["show", run.id, "--runs", str(tmp_path)]) == 0
    assert "damaged" not in capsys.readouterr().out


def test_show_report_and_card_have_the_figures_and_verdicts(audited, capsys, tmp_path):
    capsys.readouterr()
    assert main(["show", "last", "--runs", str(audited)]) == 0
    shown = capsys.readouterr().out
    assert "Audits at alpha" in shown and "\nImage query: " in shown
    assert main(["show", "last", "--json", "--runs", str(audited)]) == 0
    entries = json.loads(capsys.readouterr().out)["audits"]
    verdict = next(entry["verdict"] for entry in entries if entry["name"] == "image_query")
    assert main(["report", "last", "-o", str(tmp_path / "r.html"), "--runs", str(audited)]) == 0
    page = (tmp_path / "r.html").read_text()
    assert "Audits at alpha" in page and html.escape(verdict) in page
    assert main(["export", "last", "--format", "patch", "-o", str(tmp_path / "patch"), "--runs", str(audited)]) == 0
    card = (tmp_path / "patch" / "README.md").read_text()
    assert f"- Image query: {verdict}" in card and "| Image query | target |" in card


def test_without_audits_nothing_is_said_of_them(finished, capsys):
    capsys.readouterr()
    assert main(["show", finished.id, "--runs", str(finished.folder.parent)]) == 0
    assert "Audits at alpha" not in capsys.readouterr().out
