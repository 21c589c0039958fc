"""The command `report`, and the files that `search` writes."""

import csv
import io

from clipforget.cli.main import main


def test_a_report_is_one_file(finished, tmp_path, capsys):
    words = ["--runs", str(finished.folder.parent)]
    out = tmp_path / "report.html"
    assert main(["report", finished.id, "--alpha", "0.3", "--query", "square", "-o", str(out), *words]) == 0
    assert capsys.readouterr().out == f"Wrote {out}.\n"
    page = out.read_text()
    assert "At alpha 0.30" in page and "“square”" in page and page.startswith("<!doctype html>")


def test_bad_input_is_one_sentence(finished, tmp_path, line_of):
    words = ["--runs", str(finished.folder.parent)]
    assert main(["report", finished.id, "--alpha", "2", "-o", str(tmp_path / "x"), *words]) == 2
    assert "alpha must be a number from 0" in line_of() and not list(tmp_path.iterdir())
    assert main(["report", "nothing", *words]) == 2
    assert "There is no run 'nothing'" in line_of()


def test_a_search_as_csv_and_as_a_picture(finished, tmp_path, capsys):
    words = ["search", finished.id, "disc", "-k", "5", "--csv", "--png", str(tmp_path / "grid.png")]
    assert main([*words, "--runs", str(finished.folder.parent)]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 11 and [row[2] for row in rows[1:]] == [*"12345"] * 2
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")
