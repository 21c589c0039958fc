"""The set-up form: what it makes of a visitor's choices, and that a run's settings fill it again."""

import shutil
import threading
from types import SimpleNamespace

import gradio as gr
import pytest
from whole import in_a_loop

from clipforget.errors import BadSetting
from clipforget.methods import METHODS
from clipforget.runs.config import RunConfig, images_of
from clipforget.web.form import AS_IT_IS, NOT_CHOSEN, Form, form_choices
from clipforget.web.targets import ANY, NONE, read_targets, targets
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def form(world):
    space = Workspace(world.folder / "form", sample=False)

    def build():
        with gr.Blocks():
            return Form(space, form_choices(space))

    return in_a_loop(build)


def again(form, config):
    """The configuration that the form shows once it is filled with one, as after "Use these settings"."""
    filled = form.fill(SimpleNamespace(_data={"config": config.as_dict()}))
    return form.config(*(value["value"] if isinstance(value, dict) else value for value in filled))


@pytest.mark.parametrize(
    "forget",
    [
        ("disc/big",),
        ("disc/big", "disc/thin"),
        ("disc",),
        ("disc/*/dark",),
        ("disc/big/dark", "disc/thin/dark"),
        ("disc/big", "square/thin"),
        ("disc", "square"),
        ("disc", "disc/big"),
        ("disc/big/dark", "disc/thin/light"),
        ("*/*/dark",),
        ("disc/big", "*/*/dark"),
    ],
)
def test_any_targets_fill_the_form_and_come_out_again(form, world, forget):
    config = world.config(forget=forget, seed=3, tolerance=0.1, gallery=50)
    found = again(form, config)
    assert set(found.forget) == set(forget)
    assert found == RunConfig.read({**config.as_dict(), "forget": list(found.forget)})


def test_the_goal_comes_out_again_and_brings_our_method_for_it(form, world):
    config = world.config(forget=("disc/big",), goal="never-seen", method="unseen", settings={"steps": 3})
    assert again(form, config) == config
    for goal, ours, other in (("never-seen", "unseen", "anchored"), ("suppressed", "anchored", "unseen")):
        assert form.show_method(goal, {"method": other, "settings": {"steps": 3}})["value"]["method"] == ours
        assert "value" not in form.show_method(goal, {"method": "slug", "settings": {}})


def test_evaluation_sets_come_out_again_and_a_wrong_one_is_told(form, world):
    sets = {"eval": (f"a={world.data}", "b=x:c,d"), "eval_target": "forgotten", "eval_images": 20}
    config = world.config(**sets)
    found = again(form, config)
    assert {name: getattr(found, name) for name in sets} == sets
    filled = form.fill(SimpleNamespace(_data={"config": config.as_dict()}))
    values = [value["value"] if isinstance(value, dict) else value for value in filled]
    assert "The evaluation set 'b': There is nothing at 'x'" in form.show_estimate(*values)["error"]
    values[-3] = "  \n"
    assert form.config(*values).eval == () and "estimate" in form.show_estimate(*values)


def test_a_selection_in_use_is_a_target_and_comes_out_again(form, world):
    service = form.workspace.choosing
    service.save(RunConfig(model=world.clip, data=world.data), "reds", "ball", range(60), [], {})
    (shown,) = form.show_chosen(world.data, AS_IT_IS, {"use": ["reds"], "data": ""})
    assert shown[1]["value"] == "ball" and shown[2]["value"] == ["reds"] and "error" not in shown[-1]["about"]
    assert again(form, world.config(selections=("reds",), forget=("ball/reds",))).selections == ("reds",)
    sent = next(form.show_chosen("x", AS_IT_IS, {"use": [], "data": world.data}))
    assert sent[0] == world.data, "what was just sent"
    (refused,) = form.show_chosen(world.data, AS_IT_IS, {"use": ["none"], "data": ""})
    assert "no selection 'none'" in refused[-1]["about"]["error"]


def test_what_is_retained_by_choice_comes_out_again(form, world):
    assert again(form, world.config(retain=("square",))).retain == ("square",)


@pytest.mark.parametrize("method", list(METHODS.load()))
def test_every_method_and_each_of_its_presets_can_be_chosen(form, world, method):
    for preset in [{"settings": {}}, *form.presets("clipforget-tiny")[method]]:
        config = world.config(method=method, settings=preset["settings"])
        assert again(form, config).checked() == config.checked()


def test_a_form_left_open_while_the_server_restarts_still_counts(form):
    """The new server has not yet filled in any choices; Gradio must not refuse what the open page sends."""
    assert form.superclass.choices == form.retain.choices == []
    assert (form.superclass.preprocess("disc"), form.style.preprocess("dark")) == ("disc", "dark")
    assert form.retain.preprocess(["disc/small"]) == ["disc/small"]


def test_settings_of_another_version_are_left_out(form, world):
    assert again(form, world.config(settings={"rank": 2, "no_longer_known": 1})).settings == {"rank": 2}


def test_targets_beside_the_superclass():
    assert targets(NONE, ["big"], ANY) == ()
    assert read_targets(["*/*/dark"]) == (NONE, [], ANY, ["*/*/dark"])
    assert read_targets(["a/x", "b", "a/y/s", "a/z"]) == ("a", ["x", "z"], ANY, ["b", "a/y/s"])


def test_with_no_target_left_the_form_says_so(form, world):
    values = [
        world.clip,
        world.data,
        AS_IT_IS,
        NOT_CHOSEN,
        NONE,
        [],
        ANY,
        [],
        [],
        {"method": "targeted", "settings": {}},
        0,
        "cpu",
    ]
    values += ["suppressed", 0.05, 10, "", "kept", 500]
    with pytest.raises(BadSetting, match="Nothing to forget"):
        form.config(*values).checked()
    assert "Nothing to forget" in form.show_estimate(*values)["error"]


def test_presets_are_those_of_the_model(form):
    shown = form.show_presets("clipforget-tiny")["presets"]
    assert shown.keys() == form.methods.keys()
    assert "paper" in [preset["name"] for preset in shown["targeted"]]


def test_a_data_set_that_cannot_be_read_takes_the_old_choices_away_and_is_told_once(form, world):
    list(form.show_data(world.data))
    *_, shown = form.show_data("nowhere")
    assert "There is no data set" in shown[-1]["about"]["error"] and shown[0]["choices"] == shown[1]["items"] == []
    values = [world.clip, "nowhere", AS_IT_IS, NOT_CHOSEN, None, [], ANY, [], [], {"method": "slug", "settings": {}}, 0]
    assert form.show_estimate(*values, "cpu", "suppressed", 0.05, 10, "", "kept", 500) == {}
    assert form.show_superclass("nowhere", AS_IT_IS, NOT_CHOSEN, "disc", []) == [gr.skip()] * 2
    assert form.show_siblings("nowhere", AS_IT_IS, NOT_CHOSEN, "disc", ["big"], ANY, []) == gr.skip()
    *_, shown = form.show_data(world.data)
    assert shown[1]["items"] and "data" in shown[-1]["about"], "and a good one brings them back"


def test_a_folder_of_one_class_takes_others_and_can_be_read_otherwise(form, world, tmp_path):
    shutil.copytree(f"{world.data}/train/disc", tmp_path / "blobs")
    *_, shown = form.show_data(str(tmp_path / "blobs"))
    assert shown[-1]["about"]["data"]["options"] == ["superclass,style"] and shown[-1]["value"] == AS_IT_IS
    levels = {"others": "", "levels": "subgroup,style"}
    *_, shown = form.show_data(str(tmp_path / "blobs"), levels)
    about = shown[-1]["about"]["data"]
    assert shown[-1]["value"] == {**levels, "others": "sketchbook"} and about["needs_others"] and about["own"]
    assert any("one class, blobs" in text for text in about["sentences"])
    assert (shown[0]["value"], shown[1]["value"]) == ("blobs", ["big"])
    config = world.config(
        data=str(tmp_path / "blobs"), others="sketchbook", levels="subgroup,style", forget=("blobs/big",)
    )
    assert again(form, config) == config and config.splits(form.workspace.dataset(**images_of(config)))


def test_a_reading_tells_how_far_it_is_and_can_be_stopped(form, world, tmp_path, monkeypatch):
    go = threading.Event()

    def slow(data):
        go.wait(20)

    shutil.copytree(world.data, tmp_path / "slow")
    monkeypatch.setattr("clipforget.data.folder.check", slow)
    shown = form.show_data(str(tmp_path / "slow"))
    assert next(shown)[-1]["about"]["reading"]["total"] in (0, 468)
    form.stop_reading({"stop": False})
    form.stop_reading({"stop": True})
    go.set()
    *_, last = shown
    assert "was stopped; choose it again" in last[-1]["about"]["error"]
    assert list(form.show_data("x", {**AS_IT_IS, "stop": True})) == []
