"""What the command line draws."""

import io
from types import SimpleNamespace

import pytest
from waiting import wait_for

from clipforget.cli.terminal import Bar, clock, progress
from clipforget.tabular import markdown, table, with_article


def test_tables():
    assert table(("a", "n"), [["x", "1"], ["long", "22"]], numbers=[1]) == "a      n\nx      1\nlong  22"
    wide = table(("name", "first", "second"), [["x", "1", "2"], ["", "", "(3)"]], numbers=[1, 2], width=12)
    assert wide == "name  first\nx         1\n\nname  second\nx          2\n         (3)"
    assert table(("name", "first"), [["x", "1"]], width=2) == "name  first\nx     1", (
        "at least one column beside the first"
    )
    assert markdown(("a",), [["x|y"]]) == "| a |\n| --- |\n| x\\|y |"
    assert [clock(s) for s in (None, 0, 59.6, 125)] == ["", "0:00", "1:00", "2:05"]


EVENTS = [
    {"kind": "step", "stage": "load", "step": 0, "total": 1, "t": 0.0, "eta": None, "note": "reading"},
    {"kind": "step", "stage": "forget", "step": 1, "total": 30, "t": 2.0, "eta": 6.0, "losses": {"hinge": 0.5}},
    {"kind": "step", "stage": "forget", "step": 2, "total": 30, "t": 4.0, "eta": 4.0, "losses": {"hinge": None}},
    {"kind": "end", "state": "done", "t": 8.0, "note": "Done."},
]


@pytest.mark.parametrize("live", [True, False])
def test_a_bar_follows_the_events(live):
    stream = io.StringIO()
    stream.isatty = lambda: live
    drawn = Bar(stream)
    for event in EVENTS:
        drawn.show({"note": "", **event})
    drawn.close()
    shown = stream.getvalue()
    assert shown.endswith("Done. (0:08)\n") or shown.rstrip().endswith("Done. (0:08)")
    if live:
        assert all(part in shown for part in (f"{'######':<24}  forget 1/30", "0:06 left", "hinge 0.5"))
        assert shown.count("\n") == 1, "one line, which the note takes over"
    else:
        assert shown == "load ... reading\nforget ...\nDone. (0:08)\n"


def test_the_bar_tells_what_is_found_and_goes_on_where_the_work_is_silent(monkeypatch):
    stream = io.StringIO()
    stream.isatty = lambda: True
    now = [100.0]
    monkeypatch.setattr("clipforget.cli.terminal.time", SimpleNamespace(monotonic=lambda: now[0]))
    drawn = Bar(stream)
    words = "“disc” finds 3 big in 12, was 9"
    drawn.show({"note": "", **EVENTS[1], "data": {"watched": {"words": words}}})
    assert f"0:06 left  hinge 0.5  {words}" in stream.getvalue()
    now[0] += 2.0
    with drawn.ticking():
        wait_for(lambda: f"0:04 left  hinge 0.5  {words}" in stream.getvalue())
    drawn.close()


def test_progress_of_a_run_at_work_is_its_last_step_and_what_is_found():
    watched = {"note": "", **EVENTS[1], "data": {"watched": {"words": "“disc” finds 3 big in 12, was 9"}}}
    last = {"note": "", "data": {}, **EVENTS[2]}
    assert progress([watched, last]) == "forget 2/30         0:04 left  “disc” finds 3 big in 12, was 9"
    assert progress([]) == ""


def test_an_unfinished_bar_is_taken_away():
    stream = io.StringIO()
    stream.isatty = lambda: True
    drawn = Bar(stream)
    drawn.show({"note": "", **EVENTS[1]})
    drawn.close()
    drawn.close()
    assert stream.getvalue().endswith(" \r") and "\n" not in stream.getvalue()


def test_articles_are_right_whatever_the_template_makes_of_a_name():
    for text, read in (
        ("a photo of a airplane.", "a photo of an airplane."),
        ("A owl, a unicorn, a eureka", "An owl, a unicorn, a eureka"),
        ("a photo of a one-armed bandit", "a photo of a one-armed bandit"),
        ("a photo of a biplane.", "a photo of a biplane."),
    ):
        assert with_article(text) == read
