"""The trade-off chart of a comparison."""

import json

import pytest

from clipforget.web.charts import CHARTS, to_plain
from clipforget.web.charts._style import COLOURS
from clipforget.web.charts.methods import OURS

ALPHAS = [0.0, 0.5, 1.0]


@pytest.fixture
def document():
    """Two targets, twenty methods; ours is the last one."""
    rows = [{"label": f"<b>method</b> {i}", "method": f"m{i}"} for i in range(19)]
    rows += [{"label": "Ours", "method": OURS}, {"label": "Ours (paper)", "method": OURS}]
    curves = [
        {
            "label": row["label"], "method": row["method"], "target": target, "alphas": ALPHAS,
            "forgotten": [0.9, 0.5, 0.0], "retained": [0.4 + 0.02 * i, 0.9, 1.0], "index": 1,
            "point": {"alpha": 0.5, "forgotten": 0.5, "retained": 0.1 * (target or 0)},
            "read": {"10": {"alpha": 0.4, "forgotten": 0.6, "retained": 0.7} if i else None, "chance": None},
        }
        for i, row in enumerate(rows) for target in (0, 1, None)
    ]  # fmt: skip
    targets = [{"key": 0, "label": "a/b"}, {"key": 1, "label": "c"}]
    return {"targets": targets, "rows": [{"label": "do nothing", "method": ""}, *rows], "curves": curves}


def test_every_method_has_a_curve_of_its_own_look_and_ours_stands_out(document):
    figure = CHARTS.load()["methods"].draw(document)
    lines = [trace for trace in figure.data if trace.mode == "lines"]
    assert len(lines) == 21 and len({(line.line.color, line.line.dash) for line in lines}) == 21
    assert [line.name for line in lines[-2:]] == ["Ours", "Ours (paper)"]
    assert lines[-1].line.width > 2 * lines[0].line.width
    assert not {line.line.color for line in lines} & set(COLOURS.values()), "a role's colour is never a method's"
    shown = [line.name for line in lines if line.visible is True]
    assert len(shown) == 4 and shown[-2:] == ["Ours", "Ours (paper)"]
    legend = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert len(legend) == len(set(legend)) == 22 and legend[-1] == "do nothing"
    assert "<b>method" not in json.dumps(to_plain(figure), allow_nan=False)


def test_markers_stand_at_the_suggested_points_of_the_chosen_target(document):
    draw = CHARTS.load()["methods"].draw
    for target, kept in ((None, 0.0), (0, 0.0), (1, 0.1)):
        marks = [t for t in draw({**document, "target": target}).data if t.mode == "lines+markers"]
        assert len(marks) == 21 and {(t.x[0], t.y[0], t.customdata[0]) for t in marks} == {(0.5, kept, 0.5)}
    first = [curve for curve in document["curves"] if curve["target"] == 0]
    one = {**document, "targets": document["targets"][:1], "curves": first}
    assert len(draw(one).data) == 21 * 3 - 1 + 1, "the only target is shown without being chosen"


def test_open_marks_show_where_curves_are_read_at_matched_forgetting(document):
    marks = [t for t in CHARTS.load()["methods"].draw({**document, "target": 1}).data if t.mode == "markers"]
    assert marks[-1].name == "do nothing" and len(marks) == 21, "the first method never comes down to a level"
    assert (marks[0].x[0], marks[0].y[0], marks[0].customdata[0]) == (0.6, 0.7, [0.4, "10 % forget accuracy"])
    assert marks[0].showlegend is False and "%{customdata[0]:.2f}" in marks[0].hovertemplate


@pytest.mark.parametrize("records", [{}, {"targets": [], "rows": [], "curves": []}])
def test_no_finished_run_gives_one_friendly_sentence(records):
    figure = CHARTS.load()["methods"].draw(records)
    assert len(figure.data) == 0 and len(figure.layout.annotations) == 1
