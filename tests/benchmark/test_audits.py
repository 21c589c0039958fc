"""A comparison with audits: every run is audited once, and the table has the average gap to the reference."""

import csv
import io
import json

import pytest
from small import FEW

from clipforget.audits import AUDITS, gap
from clipforget.benchmark import formats, run_summary
from clipforget.benchmark.execute import run_cells
from clipforget.benchmark.plan import ComparisonPlan
from clipforget.benchmark.rows import Row
from clipforget.benchmark.store import ComparisonStore
from clipforget.benchmark.summary import summarize
from clipforget.cli.main import main
from clipforget.errors import UnknownName
from clipforget.evaluation.curves import Reading
from clipforget.runs import references
from clipforget.runs.audited import read_audits

NAMES = ("image_query", "where_they_go")


def found(values):
    return {"figures": [{"key": key, "label": key, "value": value, "low": None, "high": None, "count": 9,
                         "unit": "share", "note": ""} for key, value in values.items()], "details": {}}  # fmt: skip


@pytest.fixture(scope="module")
def compared(world, finished, tmp_path_factory):
    """A comparison of one audited run."""
    root = tmp_path_factory.mktemp("compared")
    rows = (Row("targeted", "paper", settings=FEW), Row("do_nothing", "nothing"))
    plan = ComparisonPlan(rows, (("disc/big",),), (0,), world.clip, world.data, device="cpu", audits=NAMES).checked()
    folder = ComparisonStore(root).create(plan)
    assert "--audits image_query --audits where_they_go" in plan.command()
    list(run_cells(folder))
    return folder


@pytest.fixture
def reference(compared, tmp_path, monkeypatch):
    """A reference that ships for the comparison's target, in two seeds."""
    prints = compared.store.all()[0].info()["fingerprints"]
    audits = [
        {"image_query": found({"forget": 0.2 + 0.2 * seed}), "where_they_go": found({"wrong": 0.1, "coarse": 0.9})}
        for seed in (0, 1)
    ]
    models = [
        {"form": "pictures", "seed": seed, "command": "", "fingerprint": "", "audits": measured}
        for seed, measured in enumerate(audits)
    ]
    document = {"model": prints["original"], "data": prints["data"], "images": 1, "forget": ["disc/big"]}
    document["models"] = models
    (tmp_path / "disc-big.json").write_text(json.dumps(document))
    monkeypatch.setattr(references.references_of, "__defaults__", (tmp_path,))


def test_every_run_is_audited_and_a_second_time_nothing_is(compared):
    assert compared.info()["state"] == "done"
    for run in compared.store.all():
        assert set(read_audits(run)["audits"]) == set(NAMES)
    before = [run.path("audits.json").stat().st_mtime_ns for run in compared.store.all()]
    list(run_cells(compared))
    assert [run.path("audits.json").stat().st_mtime_ns for run in compared.store.all()] == before


def test_the_gap_is_the_mean_distance_to_the_reference(compared, reference):
    summary = summarize(compared)
    nothing, paper, _ = summary["rows"]
    assert [column["key"] for column in summary["audits"]] == list(NAMES)
    gaps = {}
    for name, theirs in (("image_query", {"forget": 0.3}), ("where_they_go", {"wrong": 0.1, "coarse": 0.9})):
        run = compared.store.get(compared.info()["cells"][0]["run"])
        ours = {f["key"]: f["value"] for f in read_audits(run)["audits"][name]["subjects"]["chosen"]["figures"]}
        gaps[name] = sum(abs(ours[key] - value) for key, value in theirs.items()) / len(theirs)
        assert paper["all"]["audits"][name]["gap"]["mean"] == pytest.approx(gaps[name], abs=1e-4)
    assert paper["all"]["gap"]["mean"] == pytest.approx(sum(gaps.values()) / 2, abs=1e-4)
    assert nothing["all"]["audits"]["image_query"]["reference"]["mean"] == 0.3
    assert nothing["all"]["gap"] is not None, "the untouched model has a gap too"


def test_audits_that_follow_alpha_are_also_read_where_methods_have_forgotten_alike(compared, monkeypatch):
    document = read_audits(compared.store.get(compared.info()["cells"][0]["run"]))
    document["audits"]["image_query"]["along"]["forget"] = [1 - alpha for alpha in document["alphas"]]
    monkeypatch.setattr(run_summary, "read_audits", lambda run: document)
    for reading, expected in ((Reading(0.525, {"least": 1.0}), 0.475), (None, None)):  # it may never come down to 10 %
        read = {"10": reading, "chance": None, "named": None}
        monkeypatch.setattr(run_summary, "readings", lambda curve, chance, read=read: read)
        stats = summarize(compared)["rows"][1]["all"]["audits"]["image_query"]
        assert stats["value"]["mean"] != 0.475 and (stats["matched"] or {"mean": None})["mean"] == expected


def test_tables_have_a_column_for_each_audit_and_a_row_of_the_reference(compared, reference):
    summary = summarize(compared)
    text = formats.text(summary)
    header = text.splitlines()[2]
    assert "gap to reference" in header and "Image query at 10 %" in header and "Gap to reference: the mean" in text
    assert (
        next(line for line in text.splitlines() if line.startswith("a model that never saw it")).split()[-1] == "10.0"
    )
    rows = list(csv.DictReader(io.StringIO(formats.as_csv(summary, sort="gap"))))
    assert float(rows[1]["gap_mean"]) > 0 and float(rows[1]["image_query_reference_mean"]) == 0.3
    assert formats.markdown(summary) and formats.latex(summary)


def test_without_a_reference_there_is_no_gap(compared):
    summary = summarize(compared)
    assert summary["rows"][1]["all"]["gap"] is None and "a model that never saw it" not in formats.text(summary)


def test_the_command_line_takes_groups_and_refuses_unknown_audits(world, tmp_path, capsys):
    words = ["compare", "--methods", "do_nothing", "--forget", "disc/big", "--model", world.clip, "--data", world.data]
    assert main([*words, "--audits", "image_quer", "--runs", str(tmp_path)]) == 2
    assert "no audit 'image_quer'" in capsys.readouterr().err
    with pytest.raises(UnknownName):
        ComparisonPlan((Row("targeted"),), (("a",),), audits=("x",)).checked()


def test_a_gap_is_a_share_of_the_range():
    entry = AUDITS["where_they_go"]
    assert gap(entry, found({"wrong": 0.6, "coarse": 0.0}), found({"wrong": 0.1, "coarse": 0.9})) == pytest.approx(0.7)
    assert gap(entry, found({"wrong": 0.6, "coarse": 0.0}), None) is None


def test_a_damaged_reference_is_one_sentence(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(references.RunProblem, match=r"The reference .* is damaged"):
        references.read_references(tmp_path)


def test_shipped_references_can_be_read():
    assert all(document["models"] for document in references.read_references())
