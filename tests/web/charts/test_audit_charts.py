"""Charts by stage: a line for each model the audits measured, a sentence on them, and an empty state."""

import json

import pytest

from clipforget.web.charts import CHARTS, to_plain

STAGES = ["stem", "layer4", "embedding"]


def found(details):
    return {"figures": [], "details": details}


def document(name, subjects, reference):
    entry = {"name": name, "subjects": {kind: found(of) for kind, of in subjects.items()},
             "reference": {form: found(of) for form, of in reference.items()}}  # fmt: skip
    return {"alpha": 0.58, "audits": [{"name": "other", "subjects": {}, "reference": {}}, entry]}


def cka(*target, others=(1.0, 0.98, 0.97)):
    return {"stages": STAGES[: len(target)], "cka": {"forget": list(target), "others": list(others)}}


def areas(*values, shots=0):
    lines = [{"against": "siblings", "probe": probe, "shots": n, "auc": [0.5] * 3}
             for probe, n in (("class_means", shots), ("logistic", 4))]  # fmt: skip
    return {"stages": STAGES, "lines": [*lines, {**lines[0], "probe": "logistic", "auc": list(values)}]}


def drawn(name, view):
    """The lines of a chart by their name, and its sentence."""
    figure = to_plain(CHARTS.load()[name].draw(view))
    json.dumps(figure, allow_nan=False)
    lines = {trace["name"]: trace["y"] for trace in figure["data"]}
    return lines, figure["layout"].get("meta", {}).get("sentence"), figure


def test_similarity_draws_roles_at_the_chosen_alpha_and_the_target_elsewhere():
    subjects = {"original": cka(1, 1, 1), "chosen": cka(1.0, 0.6, 0.5), "zero": cka(1.0, 0.3, 0.2)}
    lines, sentence, figure = drawn(
        "similarity", document("representation", subjects, {"pictures": cka(0.5, 0.6, 0.7)})
    )
    assert lines == {
        "forget": [1.0, 0.6, 0.5], "others": [1.0, 0.98, 0.97],
        "forget, alpha 0": [1.0, 0.3, 0.2], "forget, never saw it": [0.5, 0.6, 0.7],
    }  # fmt: skip
    assert figure["layout"]["yaxis"]["range"][0] == pytest.approx(0.1), "every line lies inside"
    assert sentence == (
        "The target's features part from the original's at layer4 and end at a CKA of 0.50; "
        "siblings and others keep at least 0.97."
    )


@pytest.mark.parametrize(
    ("target", "others", "sentence"),
    [
        ((1.0, 0.99, 0.98), (), "No stage makes anything else of the target than the original did: CKA at least 0.98."),
        ((None, None, None), (), "All features of the target are alike, so they have no similarity to measure."),
        ((None, 0.2), (None,), "The target's features part from the original's at layer4 and end at a CKA of 0.20."),
    ],
)  # fmt: skip
def test_similarity_says_what_it_shows(target, others, sentence):
    view = document("representation", {"chosen": cka(*target, others=others)}, {})
    assert drawn("similarity", view)[1] == sentence


def test_a_reference_of_another_tower_has_no_line_among_these_stages():
    other = {"stages": ["a", "b"], "cka": {"forget": [0.1, 0.2]}}
    lines, *_ = drawn("similarity", document("representation", {"chosen": cka(1, 1, 1)}, {"your own": other}))
    assert set(lines) == {"forget", "others"}


def test_probe_draws_each_model_with_the_retrained_one():
    subjects = {"original": areas(0.8, 0.9, 1.0), "chosen": areas(0.8, 0.9, 0.95), "zero": areas(0.8, 0.9, 0.9)}
    lines, sentence, figure = drawn("probe", document("probe", subjects, {"pictures": areas(0.7, 0.8, 0.85)}))
    assert lines == {
        "original": [0.8, 0.9, 1.0], "alpha 0.58": [0.8, 0.9, 0.95], "alpha 0": [0.8, 0.9, 0.9],
        "never saw it": [0.7, 0.8, 0.85],
    }  # fmt: skip
    assert sentence == (
        "Read from the embedding: 1.00 in the original, 0.95 at the chosen alpha, 0.90 at alpha 0, "
        "0.85 in a model that never saw it."
    )
    assert "target against siblings" in figure["layout"]["yaxis"]["title"]["text"]


@pytest.mark.parametrize("name", ["similarity", "probe"])
@pytest.mark.parametrize("audits", [[], [{"name": "probe", "subjects": {}, "reference": {}}]])
def test_without_the_audit_a_chart_says_what_is_missing(name, audits):
    _, _, figure = drawn(name, {"alpha": 0.5, "audits": audits})
    assert figure["data"] == [] and "with the audit" in figure["layout"]["annotations"][0]["text"]
