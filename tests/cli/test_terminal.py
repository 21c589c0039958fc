"""What the command line draws."""

import io

import pytest

from clipforget.cli.terminal import Bar, clock
from clipforget.tabular import markdown, table


def test_tables():
    assert table(("a", "n"), [["x", "1"], ["long", "22"]], numbers=[1]) == "a      n\nx      1\nlong  22"
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


def test_an_unfinished_bar_is_taken_away():
    stream = io.StringIO()
    stream.isatty = lambda: True
    drawn = Bar(stream)
    drawn.show({"note": "", **EVENTS[1]})
    drawn.close()
    drawn.close()
    assert stream.getvalue().endswith(" \r") and "\n" not in stream.getvalue()
