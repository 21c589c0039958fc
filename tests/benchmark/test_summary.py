"""A comparison's document and its tables, against figures computed by hand."""

import csv
import io
import json
import math
import re

import pytest

from clipforget.benchmark import formats
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row
from clipforget.benchmark.run_summary import run_summary
from clipforget.benchmark.store import ComparisonStore
from clipforget.benchmark.summary import seconds_left, stat, summarize
from clipforget.errors import UnknownName
from clipforget.methods import METHODS
from clipforget.runs.resources import Resources
from clipforget.workspace.comparisons import ComparisonService
from clipforget.workspace.workers import Workers

ALPHAS = [0.0, 0.5, 1.0]
REST = {"role": "", "n": 10, "level": "superclass", "low": [0.0] * 3, "high": [1.0] * 3}  # of a row of scores.json
UNUSED = {  # of scores.json
    "nodes": [], "template": "", "precision": "", "segments": [], "suggestions": [],
    "choice": {"alpha": 0.5, "reason": ""}, "bound": {"agreement": [], "accuracy": []},
    "per_class": {"labels": [], "roles": [], "n": [], "before": [], "after": [[]] * 3},
    "gallery": {"data": "", **{key: [] for key in ("superclasses", "subgroups", "styles", "roles", "items")}},
    "evaluated": {"items": [], "parts": [], "roles": [], "class_names": {}},
}  # fmt: skip
COST = {"seconds": 10.0, "memory": 2**30, "parameters": 1234}


def scores(forget, siblings, best=0.5, **more):
    """Two columns beside an evaluation set; accuracies after, before being 0.8, 0.9 and 0.5."""
    rows = [
        {"key": "forget", "label": "forget", "before": {"value": 0.8}, "after": [0.0, forget, 0.8]},
        {"key": "siblings", "label": "siblings", "before": {"value": 0.9}, "after": [0.1, siblings, 0.9]},
        {"key": "eval:art", "label": "art", "before": {"value": 0.5}, "after": [0.2, 0.6, 0.5]},
        {"key": "eval-forget:art", "label": "art: forget", "before": {"value": 0.5}, "after": [0.0, 0.1, 0.5]},
        {"key": "styles", "label": "names of styles", "before": {"value": 0.5}, "after": [0.0, 0.1, 0.5]},
    ]
    figures = {"h": [1.0, 100 * forget, 0.0], "score": [2.0, 60.0, 66.67], "do_nothing": {"h": 0.0, "score": 66.67}}
    rows = [row | REST | {"before": {**row["before"], "low": 0.0, "high": 1.0}} for row in rows]
    return UNUSED | {"alphas": ALPHAS, "best": best, "chance": 0.125, "rows": rows, **figures, **more}


@pytest.fixture
def compared(tmp_path):
    """Two methods x two targets x two seeds: all of the first method's runs done, one of the second's running."""
    rows = (Row("anchored", "A & B", notes=("So it is.",)), Row("gradient_ascent", "GA", settings={"steps": 3}))
    targets, seeds = (("a/b",), ("c", "d/e")), (0, 1)
    made = ComparisonStore(tmp_path).create(ComparisonPlan(rows, targets, seeds).checked())
    figures = {(0, 0): (0.2, 0.9), (0, 1): (0.4, 0.45), (1, 0): (0.0, 0.9), (1, 1): (0.0, 0.9)}
    for index, cell in enumerate(made.plan.cells()):
        if cell.row == 0:
            run = made.store.create(made.plan.config(cell))
            run.path("scores.json").write_text(json.dumps(scores(*figures[cell.target, cell.seed])))
            run.update(state="done", cost=COST if cell.seed else COST | {"seconds": 20.0})
            made.set_cell(index, state="done", run=run.id, seconds=30.0)
    run = made.store.create(made.plan.config(made.plan.cells()[1]))
    made.set_cell(1, state="running", run=run.id)
    step = {"t": 4.0, "kind": "step", "stage": "forget", "step": 3, "total": 10, "eta": 6.0}
    run.append({**step, "losses": {}, "steer": {}, "data": {}, "note": ""})
    return made


@pytest.fixture
def shown(compared):
    return summarize(compared)


def test_figures_are_those_at_the_suggested_alpha_with_mean_and_sample_deviation(shown):
    ours = shown["rows"][1]
    first, both = ours["targets"]["0"], ours["all"]
    assert first["n"] == 2 and both["n"] == 4
    forget = first["columns"]["forget"]
    assert forget["before"] == {"mean": 0.8, "spread": 0.0}
    assert forget["after"] == {"mean": 0.3, "spread": round(math.sqrt((0.1**2 + 0.1**2) / 1), 4)}
    assert forget["ratio"] == {"mean": (0.25 + 0.5) / 2, "spread": pytest.approx(0.1768, abs=1e-4)}
    assert first["columns"]["eval:art"]["ratio"]["mean"] == 1.0, "more than before counts as all"
    assert both["columns"]["forget"]["after"]["mean"] == pytest.approx((0.2 + 0.4) / 4)
    assert both["seconds"]["mean"] == 15.0 and both["memory"] == {"mean": 2**30, "spread": 0.0}
    assert [column["key"] for column in shown["columns"]] == ["forget", "siblings", "others", "eval:art"]
    assert "others" not in first["columns"]
    assert stat([None, 2.0]) == {"mean": 2.0, "spread": None} and stat([None]) is None


def test_doing_nothing_comes_first_from_the_figures_before(shown):
    nothing = shown["rows"][0]
    assert nothing["label"] == "do nothing" and nothing["cells"] == []
    for figures in (nothing["all"], nothing["targets"]["1"]):
        assert figures["h"]["mean"] == 0.0 and figures["alpha"]["mean"] == 1.0 and figures["score"]["mean"] == 66.67
        assert figures["columns"]["forget"]["after"]["mean"] == 0.8
        assert all(column["ratio"]["mean"] == 1.0 for column in figures["columns"].values())


def test_cells_progress_and_time_left(compared, shown):
    assert (shown["done"], shown["total"], shown["state"]) == (4, 8, "queued")
    assert [cell["row"] for cell in shown["cells"][:2]] == [1, 2] and shown["rows"][1]["cells"] == [0, 2, 4, 6]
    assert shown["cells"][0]["h"] == 20.0 and shown["cells"][0]["forget"] == 0.2 and shown["cells"][2]["alpha"] == 0.5
    assert shown["rows"][1]["notes"] == ["So it is."] and shown["targets"][1]["label"] == "c + d/e"
    with compared.worker_lock():
        compared.update(state="running")
        running = summarize(compared)
    step = {"cell": 1, "row": 2, "target": 0, "seed": 0, "stage": "forget", "step": 3, "total": 10}
    assert running["now"] == step
    assert running["eta"] == 6.0 + 3 * 30.0, "what the one at work says, and for the others the median of all that ran"
    lost = summarize(compared)
    assert lost["state"] == "lost" and lost["cells"][1]["state"] == "stopped" and lost["now"] is None


def test_time_left_is_by_the_cells_of_the_same_row():
    def cell(row, state, seconds=None):
        return {"row": row, "state": state, "seconds": seconds}

    done = [cell(1, "done", 10.0), cell(1, "done", 14.0), cell(2, "done", 100.0)]
    assert seconds_left([*done, cell(1, "waiting"), cell(2, "waiting"), cell(2, "failed")]) == 112.0
    assert seconds_left([*done, cell(3, "waiting")]) == 14.0
    assert seconds_left([cell(1, "waiting")]) is None
    assert seconds_left([cell(1, "running"), cell(2, "waiting")], {"t": 5.0, "eta": 7.0}) == 7.0 + 12.0


def test_a_run_that_was_deleted_counts_as_not_yet_run(compared):
    compared.store.delete(compared.info()["cells"][0]["run"])
    shown = summarize(compared)
    assert shown["done"] == 3 and shown["cells"][0]["state"] == "waiting" and shown["cells"][0]["h"] is None


def test_curves_are_means_over_seeds_and_over_targets(shown):
    one, two, mean = (curve for curve in shown["curves"])
    assert [curve["target"] for curve in (one, two, mean)] == [0, 1, None] and one["label"] == "A & B"
    assert one["forgotten"] == [1.0, pytest.approx(1 - 0.375), 0.0] and one["index"] == 1 and mean["index"] is None
    assert one["retained"] == [pytest.approx(0.1111, abs=1e-4), 0.75, 1.0], "siblings lose most"
    assert mean["forgotten"][1] == pytest.approx((0.75 + 0.5 + 1 + 1) / 4, abs=1e-4)
    assert one["point"] == {"alpha": 0.5, "forgotten": 0.625, "retained": 0.75}


def test_a_summary_reads_a_real_run_as_its_scores_say(finished):
    found, stored = run_summary(finished), json.loads(finished.path("scores.json").read_text())
    at = stored["alphas"].index(stored["best"])
    forget = next(row for row in stored["rows"] if row["key"] == "forget")
    assert found.h == stored["h"][at] and found.sets["forget"].after == forget["after"][at]
    gone, kept = found.curve.forgotten[at], found.curve.kept["least"][at]
    assert found.h == pytest.approx(100 * 2 * gone * kept / max(gone + kept, 1e-9), abs=0.05)
    assert found.seconds > 0 and found.parameters > 0


def test_what_leads_is_read_at_ten_percent_forget_and_averaged_over_seeds_then_targets(shown):
    """On a/b the curves reach .1 half and a quarter of the way to alpha .5, on the other target just beyond it."""
    ours = shown["rows"][1]
    first = ((0.1 / 0.9 + 1) / 2 + (0.1 / 0.9 + (0.5 - 0.1 / 0.9) / 4)) / 2
    assert ours["targets"]["0"]["matched"]["siblings_10"]["mean"] == pytest.approx(first, abs=1e-4)
    least = ours["all"]["matched"]["least_10"]
    assert least["mean"] == pytest.approx((first + 1) / 2, abs=1e-4) and least["worst"] == pytest.approx(
        first, abs=1e-4
    )
    assert least["low"] <= first + 0.1 and least["high"] == 1.0, "of two targets either may be drawn twice"
    assert ours["all"]["matched"]["eval:art_10"]["mean"] == pytest.approx((0.7 + 0.55) / 4 + 0.5, abs=1e-4)
    keys = ["least_10", "siblings_10", "siblings_chance", "least_named", "area"]
    assert [column["key"] for column in shown["matched"]] == keys
    assert shown["cells"][0]["kept"] == pytest.approx((0.1 / 0.9 + 1) / 2, abs=1e-4)
    nothing = shown["rows"][0]["all"]
    assert nothing["verdict"] == "did not forget" and nothing["matched"]["area"]["mean"] == 0.0
    assert nothing["rank"] is None and nothing["difference"] is None and shown["rows"][2]["all"]["matched"] == {}


def test_rows_have_tiers_ranks_and_a_verdict_in_words(compared, shown):
    assert [row["tier"] for row in shown["rows"]] == [None, METHODS["anchored"].tier, 1]
    assert shown["rows"][1]["all"]["rank"] == shown["rows"][1]["all"]["tier_rank"] == 1
    assert shown["rows"][1]["all"]["verdict"] == "" and shown["rows"][2]["all"]["rank"] is None
    assert shown["cells"][0]["verdict"] == "" and shown["rows"][1]["targets"]["1"]["verdict"] == ""
    broken = compared.store.get(shown["cells"][0]["run"]).path("scores.json")
    content = scores(0.2, 0.4, collapse={"takes": [0.9, 0.9, 0.3], "nearest": [0.5] * 3, "spread": [0.2] * 3})
    content["rows"][0]["after"][0] = 0.3
    broken.write_text(json.dumps(content))
    shown = summarize(compared)
    assert shown["cells"][0]["verdict"] == "did not forget; has collapsed: siblings under half, one class takes all"
    assert shown["rows"][1]["targets"]["0"]["verdict"] == "did not forget: 1 of 2; has collapsed: 1 of 2"
    assert shown["cells"][0]["kept"] == 0.0


def test_older_runs_say_which_figures_are_of_another_kind(compared, shown):
    assert [reason.split()[0] for reason in shown["reasons"]] == ["Forget", "Whether"]
    assert all(reason in formats.text(shown) for reason in shown["reasons"])
    run = compared.store.get(shown["cells"][0]["run"])
    content = scores(0.2, 0.9) | {"collapse": None}
    content["rows"] = [row | {"key": row["key"].replace("siblings", "forget-coarse")} for row in content["rows"]]
    run.path("scores.json").write_text(json.dumps(content))
    assert run_summary(run).reasons == (
        "Where a whole class is forgotten there are no siblings, so their figures are blank.",
    )
    assert summarize(compared)["cells"][0]["siblings"] is None and formats.text(summarize(compared))


def test_text_and_markdown_show_intervals_and_ratios_beneath(shown):
    lines = formats.text(shown).splitlines()
    header = next(i for i, line in enumerate(lines) if line.startswith("method"))
    names = [column["label"] for column in shown["matched"]]
    assert re.split(r"\s{2,}", lines[header]) == [
        "method", "tier", "rank (in tier)", "runs", names[0], "worst target", *names[1:], "to best rival", "verdict",
        "H", "Score", "alpha", "forget", "siblings", "others", "art", "seconds", "changed",
    ]  # fmt: skip
    assert re.match(r"do nothing +2 +- +- +- +- +0\.0 +did not forget ", lines[header + 1])
    assert "(100.0" in lines[header + 2] and " [0.0, 0.0] " in lines[header + 2]
    assert "15.0 ± 19.1" in lines[header + 3] and "(18.8 ± 23.9)" in lines[header + 4] and "(1)" in lines[header + 4]
    narrow = formats.text(shown, width=70).splitlines()
    assert max(map(len, narrow)) <= 70 and sum(line.startswith("method ") for line in narrow) > 3
    marked = formats.markdown(shown, target=0)
    assert "30.0 ± 14.1<br>(37.5 ± 17.7)" in marked and shown["command"] in marked and "a/b; 4 of 8" in marked
    assert "worst target" not in marked


def test_the_command_of_a_published_table_shows_no_folder(shown):
    local = "python -m clipforget compare --forget 'a/*/b' --data /x/y/my.tar --others /x/y/z --eval 'p=/x/y/p.tar:c,d'"
    marked = formats.markdown({**shown, "command": local})
    assert "compare --forget 'a/*/b' --data my.tar --others z --eval p=p.tar:c,d\n" in marked


def test_latex_is_booktabs_and_escaped(shown):
    text = formats.latex(shown)
    body = re.findall(r"^(?!\\)(.*) \\\\$", text, re.M)
    assert {line.replace(r"\&", "").count("&") for line in body} == {20} and text.count(r"\midrule") == 2
    assert r"A \& B" in text and r"$\pm$" in text and "±" not in text and r"\toprule" in text and r"\bottomrule" in text


def test_csv_has_every_figure(shown):
    rows = list(csv.DictReader(io.StringIO(formats.as_csv(shown))))
    assert len(rows) == 3 * 3 and {row["target"] for row in rows} == {"all", "a/b", "c + d/e"}
    ours = next(row for row in rows if row["row"] == "A & B" and row["target"] == "a/b")
    assert float(ours["forget_after_mean"]) == 0.3 and float(ours["forget_after_spread"]) == 0.1414
    assert ours["runs"] == "2" and ours["others_after_mean"] == "" and ours["rank"] == "1"
    kept = shown["rows"][1]["targets"]["0"]["matched"]["least_10"]
    assert [float(ours[f"least_10_{kind}"]) for kind in ("mean", "low", "high", "worst")] == list(kept.values())


def test_rows_are_sorted_with_doing_nothing_first_and_the_unknown_last(shown):
    def order(sort):
        return [row["label"] for row in formats._ordered(shown, None, sort)]

    assert order("h") == order("plan") == order("least_10") == ["do nothing", "A & B", "GA"]
    second = shown["rows"][1]["all"] | {"h": {"mean": 99.0, "spread": None}, "rank": 2}
    shown["rows"][2]["all"] = second
    assert order("h") == ["do nothing", "GA", "A & B"] and order("least_10") == ["do nothing", "A & B", "GA"]
    shown["rows"][2]["tier"] = 0
    assert order("tier") == ["do nothing", "GA", "A & B"] and order("label") == ["do nothing", "A & B", "GA"]
    with pytest.raises(UnknownName, match="Did you mean 'siblings'"):
        formats.text(shown, sort="sibling")
    with pytest.raises(UnknownName, match="Did you mean 'a/b'"):
        formats.target_key(shown, "a/c")


def test_exports_are_files_with_a_name(compared):
    root = compared.store.root
    comparing = ComparisonService(root, lambda name: None, Workers(root), Resources(root))
    for name in ("table.csv", "table.json", "table.tex", "table.md", "report.html"):
        data, media, title = comparing.export(compared.id, name)
        assert data.decode() and media and title == f"{compared.id}-{name}"
    data, _, _ = comparing.export(compared.id, "table.json")
    assert json.loads(data) == comparing.summary(compared.id)
    with pytest.raises(UnknownName, match=r"Did you mean 'table\.csv'"):
        comparing.export(compared.id, "tables.csv")
