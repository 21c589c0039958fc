"""Every chart: from full, empty and odd records to a figure that a page can show as it is."""

import itertools
import json
import math
import subprocess
import sys

import numpy as np
import plotly.graph_objects as go
import pytest

from clipforget.errors import UnknownName
from clipforget.web.charts import CHARTS, to_plain

ALPHAS = [i / 100 for i in range(101)]
NAMES = ("alpha", "classes", "layers", "losses", "tradeoff")


def row(key, role, before, lowest):
    after = [lowest + (before - lowest) * a for a in ALPHAS]
    return {
        "key": key,
        "label": key.title(),
        "role": role,
        "n": 100,
        "before": {"value": before, "low": before - 0.02, "high": before + 0.02},
        "after": after,
        "low": [v - 0.02 for v in after],
        "high": [v + 0.02 for v in after],
    }


@pytest.fixture
def view():
    labels = ["airplane / biplane", "airplane / airliner", "ship", "<b>bold</b>"]
    return {
        "alphas": ALPHAS,
        "nodes": [0.0, 0.5, 1.0],
        "best": 0.35,
        "chance": 0.125,
        "rows": [
            row("forget", "forget", 0.96, 0.0),
            row("siblings", "siblings", 0.98, 0.9),
            row("others", "others", 0.97, 0.95),
            row("eval:cluttered", "others", 0.7, 0.65),
            row("eval-forget:cluttered", "forget", 0.7, 0.1),
        ],
        "per_class": {
            "labels": labels,
            "roles": ["forget", "siblings", "others", "others"],
            "before": [0.96, 0.97, 0.95, 0.9],
            "after": [[0.9 * a, 0.9, 0.9, 0.9] for a in ALPHAS],
        },
        "layers": [
            {"name": f"visual.layer{i}.conv1.weight", "relative": 10.0**i, "forget": 1, "retain": None, "chosen": i > 2}
            for i in range(5)
        ],
        "steps": [
            {"stage": stage, "step": s, "total": 3, "losses": {"forget": 1 / s}, "steer": {"forget": 0.9 / s}}
            for stage in ("forget", "remind")
            for s in (1, 2, 3)
        ],
    }


def test_the_known_charts():
    assert tuple(sorted(name for name, chart in CHARTS.load().items() if chart.of == "run")) == NAMES
    with pytest.raises(UnknownName, match="Did you mean 'alpha'"):
        CHARTS["alhpa"]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_view_gives_a_figure_that_serves_both_themes(name, view):
    chart = CHARTS.load()[name]
    assert chart.title and chart.draw.__doc__
    figure = chart.draw(view)
    assert isinstance(figure, go.Figure) and len(figure.data) >= 1
    layout = figure.layout
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0, 0, 0, 0)" and layout.font.color is None
    assert layout.margin.l is not None and layout.margin.b is not None
    plain = to_plain(figure)
    text = json.dumps(plain, allow_nan=False)
    assert "bdata" not in text and "<b>bold</b>" not in text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("records", [{}, {"alphas": [], "rows": [], "per_class": {}, "layers": [], "steps": []}])
def test_no_records_give_one_friendly_sentence(name, records):
    figure = CHARTS.load()[name].draw(records)
    assert len(figure.data) == 0 and len(figure.layout.annotations) == 1
    assert figure.layout.annotations[0].text.endswith(".")


def test_alpha_marks_nodes_and_carries_alpha(view):
    figure = CHARTS.load()["alpha"].draw(view)
    lines = [t for t in figure.data if t.mode == "lines" and t.fill is None]
    assert [t.line.dash for t in lines[:3]] == ["solid", "dash", "dot"]
    assert [t.line.color for t in lines[:3]] == ["#d1495b", "#2e6fb7", "#2a9d6f"]
    assert all(list(t.customdata) == ALPHAS for t in lines) and lines[3].line.width < lines[0].line.width
    assert [list(t.x) for t in figure.data if t.mode == "markers"] == [[0.0, 0.5, 1.0]] * 3


def test_few_lines_stand_with_their_names_and_the_others_come_on_demand(view):
    figure = CHARTS.load()["alpha"].draw(view)
    lines = [t for t in figure.data if t.mode == "lines" and t.fill is None]
    assert [(t.visible, t.meta) for t in lines] == [(True, None)] * 3 + [(False, "more")] * 2
    assert figure.layout.showlegend is False and figure.layout.hovermode == "x unified"
    names = [a for a in figure.layout.annotations if "━" in a.text]
    assert [(a.visible, a.name) for a in names] == [(True, None)] * 3 + [(False, "more")] * 2
    assert {a.text.split("</span> ")[1] for a in names} == {row["label"] for row in view["rows"]}
    heights = sorted(a.y for a in names)
    assert all(high - low > 0.06 for low, high in itertools.pairwise(heights)), "no name covers another"
    for event in view["steps"]:
        event["losses"] = {f"part {i}": i + 1e-4 for i in range(6)}
    losses = CHARTS.load()["losses"].draw(view)
    assert [t.visible for t in losses.data] == [True] * 4 + [False] * 2 + [True]
    assert losses.layout.yaxis.tickformat == ".3~r", "0.0002 and not 200µ"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alpha", "At alpha 0.50, 48.0% of the target's images are still recognised (96.0% before); 94.0% of the Sib"),
        ("tradeoff", "At alpha 0.50, 50.0% of the target is forgotten, and the worst other set keeps 95.9% of what it"),
        ("classes", "At alpha 0.50, airplane / airliner has changed most beside the target: 97.0% before, 90.0% now."),
    ],
)
def test_a_chart_says_what_it_shows_at_each_alpha(name, words, view):
    sentences = CHARTS.load()[name].draw(view).layout.meta["sentences"]
    assert len(sentences) == len(ALPHAS) and words in sentences[50] and sentences[50] != sentences[90]


def test_a_closed_form_says_why_there_are_no_losses_and_no_layers(view):
    view |= {"steps": [], "layers": [], "config": {"method": "anchored"}}
    said = [CHARTS.load()[name].draw(view).layout.annotations[0].text for name in ("losses", "layers")]
    assert said == [
        "Anchored forgetting computes its change without training steps, so there are no losses to draw.",
        "Anchored forgetting does not choose among layers, so there is no ranking to draw.",
    ]


def test_the_tradeoff_uses_its_area(view):
    layout = CHARTS.load()["tradeoff"].draw(view).layout
    assert 0.85 < layout.yaxis.range[0] < 0.9 / 0.98 < 1 < layout.yaxis.range[1] < 1.02


def test_tradeoff_is_the_ratio_to_the_original(view):
    points = CHARTS.load()["tradeoff"].draw(view).data
    assert math.isclose(points[0].x[0], 1) and math.isclose(points[0].x[-1], 0, abs_tol=1e-9)
    assert math.isclose(points[0].y[0], 0.9 / 0.98) and points[0].customdata[35] == 0.35
    assert (points[1].x[0], points[1].y[0]) == (0.0, 1.0) and points[2].customdata[0] == 0.35
    heights = [point.textposition.split()[0] for point in points[1:]]
    assert heights == ["bottom", "top"], "where both keep all, their labels would meet on a phone"


def test_notes_and_names_have_room(view):
    view["per_class"]["labels"] = [f"class {i}" for i in range(40)]
    for key, value in (("roles", "others"), ("before", 0.9)):
        view["per_class"][key] = [value] * 40
    view["per_class"]["after"] = [[0.8] * 40 for _ in ALPHAS]
    figures = {name: CHARTS.load()[name].draw(view).layout for name in ("alpha", "classes", "layers")}
    assert figures["alpha"].margin.r > 90 and "8 classes" in figures["classes"].annotations[0].text
    assert figures["classes"].xaxis.automargin and figures["layers"].yaxis.automargin
    assert figures["layers"].annotations[0].xanchor == "right" and not figures["layers"].xaxis.title.text


def test_many_classes_are_cut_to_the_telling_ones(view):
    count = 90
    before = [0.9] * count
    view["per_class"] = {
        "labels": [f"class number {i} with a long name that needs cutting" for i in range(count)],
        "roles": ["others"] * (count - 2) + ["forget", "siblings"],
        "before": before,
        "after": [[0.9 if i != 50 else a for i in range(count)] for a in ALPHAS],
    }
    figure = CHARTS.load()["classes"].draw(view)
    shown = list(figure.layout.meta["classes"])
    assert shown[:2] == [88, 89] and 50 in shown and len(shown) == 32 == len(set(figure.data[0].x))


def test_layers_show_the_chosen_ones_and_use_a_log_axis_when_they_must(view):
    figure = CHARTS.load()["layers"].draw(view)
    assert figure.layout.xaxis.type == "log" and len(figure.data[0].x) == 2 and len(figure.data[1].x) == 3
    for layer in view["layers"][:2]:
        layer["eligible"] = False
    kinds = {trace.name: len(trace.x) for trace in CHARTS.load()["layers"].draw(view).data}
    sentence = CHARTS.load()["layers"].draw(view).layout.meta["sentence"]
    assert sentence.startswith("2 of 5 layers were changed") and "2 could not be chosen" in sentence
    assert kinds == {"changed": 2, "left alone": 1, "further from the output than the setting depth allows": 2}


def test_plain_lists_from_typed_arrays():
    figure = go.Figure(go.Heatmap(z=np.arange(6, dtype=np.float32).reshape(2, 3), x=np.array([0.0, np.nan, np.inf])))
    plain = to_plain(figure)["data"][0]
    assert plain["z"] == [[0, 1, 2], [3, 4, 5]] and plain["x"] == [0.0, None, None]


def test_charts_need_neither_torch_nor_gradio():
    code = (
        "import sys; from clipforget.web.charts import CHARTS; CHARTS.load()\n"
        "sys.exit(bool({'torch', 'gradio'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
