"""The set-up form: what it makes of a visitor's choices, and that a run's settings fill it again."""

import shutil
import threading

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


DEFAULT = {"goal": "suppressed", "method": "anchored", "settings": {}}
BIG = {"superclass": "disc", "picked": ["big"], "style": ANY}


def filled(form, config):
    """The values of the form's components, in the order of its inputs, once it is filled with a config."""
    *_, shown = form.fill({"config": config, "of": "run", "number": 1})
    values = [value["value"] if isinstance(value, dict) and "value" in value else value for value in shown]
    _, model, data, chosen, method, advanced, pick, extra, retain, folder = values
    return [model, data, folder, chosen, pick, extra, retain, method, advanced]


def again(form, config):
    """The configuration that the form shows once it is filled with one, as after "Use these settings"."""
    return form.config(*filled(form, config.as_dict()))


def values_of(world, **own):
    """The values of the form's inputs."""
    first = {"model": world.clip, "data": world.data, "folder": AS_IT_IS, "chosen": NOT_CHOSEN, "pick": BIG}
    last = {"extra": [], "retain": [], "method": DEFAULT, "advanced": {}}
    return list({**first, **last, **own}.values())


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


def test_the_goal_comes_out_again(form, world):
    config = world.config(forget=("disc/big",), goal="never-seen", method="unseen", settings={"steps": 3})
    assert again(form, config) == config


def test_a_draft_holds_what_was_changed_and_comes_out_of_an_address_again(form, world):
    config = world.config(forget=("disc/big", "square"), seed=3, nodes=9)
    draft = {"of": "run", "number": 1}
    shown, told = form.show(draft, *filled(form, config.as_dict()))
    kept = shown[0]
    assert kept["config"] == kept["base"] and kept["of"] == "run" and kept["config"]["nodes"] == 9
    assert "tolerance" not in kept["config"], "what differs from the defaults"
    assert RunConfig.read(kept["config"]) == again(form, config)
    lines = [line["summary"] for line in shown[1:-1]]
    assert lines[2] == "disc/big, square" and "seed 3" in lines[4] and "nodes 9" in lines[4]
    assert "estimate" in told[-1]
    other, _ = form.show(kept, *filled(form, {**kept["config"], "seed": 4}))
    assert other[0]["config"]["seed"] == 4 and other[0]["base"] == kept["base"], "a change is told from what was there"


@pytest.mark.parametrize("wrong", [[], {"seed": "x"}, {"forget": "disc"}, {"no": 1}, {"method": []}])
def test_an_address_that_holds_no_settings_leaves_the_form_as_it_is_at_first(form, wrong):
    assert form.config(*filled(form, wrong)) == form.config(*filled(form, {}))


def test_evaluation_sets_come_out_again_and_a_wrong_one_is_told(form, world):
    sets = {"eval": (f"a={world.data}", "b=x:c,d"), "eval_target": "forgotten", "eval_images": 20}
    config = world.config(**sets)
    found = again(form, config)
    assert {name: getattr(found, name) for name in sets} == sets
    values = filled(form, config.as_dict())
    assert "The evaluation set 'b': There is nothing at 'x'" in form.show_estimate(*values)["error"]
    del values[-1]["eval"]
    assert form.config(*values).eval == () and "estimate" in form.show_estimate(*values)


def test_a_selection_in_use_is_a_target_and_comes_out_again(form, world):
    service = form.workspace.choosing
    service.save(RunConfig(model=world.clip, data=world.data), "reds", "ball", range(60), [], {})
    *_, shown = form.show_chosen(world.data, AS_IT_IS, {"use": ["reds"], "data": ""})
    assert (
        shown[1]["value"] == {"superclass": "ball", "picked": ["reds"], "style": ANY}
        and "error" not in shown[-1]["about"]
    )
    assert again(form, world.config(selections=("reds",), forget=("ball/reds",))).selections == ("reds",)
    *_, sent = form.show_chosen("x", AS_IT_IS, {"use": [], "data": world.data})
    assert sent[0] == world.data, "what was just sent"
    *_, refused = form.show_chosen(world.data, AS_IT_IS, {"use": ["none"], "data": ""})
    assert "no selection 'none'" in refused[-1]["about"]["error"]


def test_what_is_retained_by_choice_comes_out_again(form, world):
    assert again(form, world.config(retain=("square",))).retain == ("square",)


@pytest.mark.parametrize("method", list(METHODS.load()))
def test_every_method_and_each_of_its_presets_can_be_chosen(form, world, method):
    for preset in [{"settings": {}}, *form.presets("clipforget-tiny")[method]]:
        config = world.config(method=method, settings=preset["settings"])
        assert again(form, config).checked() == config.checked()


def test_settings_of_another_version_are_left_out(form, world):
    assert again(form, world.config(settings={"rank": 2, "no_longer_known": 1})).settings == {"rank": 2}


def test_targets_beside_the_superclass():
    assert targets({"superclass": NONE, "picked": ["big"], "style": ANY}) == ()
    assert read_targets(["*/*/dark"]) == ({"superclass": NONE, "picked": [], "style": ANY}, ["*/*/dark"])
    pick, extra = read_targets(["a/x", "b", "a/y/s", "a/z"])
    assert pick["picked"] == ["x", "z"] and extra == ["b", "a/y/s"]


def test_the_whole_superclass_is_forgotten_only_where_it_is_picked(form, world):
    whole, nothing = ({**BIG, "picked": picked} for picked in (["*"], []))
    assert form.config(*values_of(world, pick=whole)).forget == ("disc",)
    for pick in (nothing, {**BIG, "superclass": NONE}):
        values = values_of(world, pick=pick)
        with pytest.raises(BadSetting, match="Nothing to forget"):
            form.config(*values).checked()
        assert "Nothing to forget" in form.show_estimate(*values)["error"]
    shown, retain = form.show_pick(
        world.data, AS_IT_IS, NOT_CHOSEN, {**nothing, "superclass": "square", "fresh": True}, []
    )
    assert len(shown["value"]["picked"]) == 1 and shown["items"], "another superclass: one of it is picked"
    assert retain["value"] and not set(retain["value"]) & set(targets(shown["value"]))
    shown, retain = form.show_pick(world.data, AS_IT_IS, NOT_CHOSEN, whole, [])
    assert shown == gr.skip() and retain["value"] == []


def test_presets_are_those_of_the_model(form):
    shown = form.show_presets("clipforget-tiny")["presets"]
    assert shown.keys() == form.methods.keys()
    assert "paper" in [preset["name"] for preset in shown["targeted"]]


def test_a_data_set_that_cannot_be_read_takes_the_old_choices_away_and_is_told_once(form, world):
    list(form.show_data(world.data))
    *_, shown = form.show_data("nowhere")
    assert "There is no data set" in shown[-1]["about"]["error"] and shown[0]["items"] is None
    assert form.show_estimate(*values_of(world, data="nowhere", pick={**BIG, "picked": []})) == {}
    assert form.show_pick("nowhere", AS_IT_IS, NOT_CHOSEN, BIG, []) == [gr.skip()] * 2
    *_, shown = form.show_data(world.data)
    assert shown[0]["items"] and "data" in shown[-1]["about"], "and a good one brings them back"


def test_a_folder_of_one_class_takes_others_and_can_be_read_otherwise(form, world, tmp_path):
    shutil.copytree(f"{world.data}/train/disc", tmp_path / "blobs")
    *_, shown = form.show_data(str(tmp_path / "blobs"))
    assert shown[-1]["about"]["data"]["options"] == ["superclass,style"] and shown[-1]["value"] == AS_IT_IS
    levels = {"others": "", "levels": "subgroup,style"}
    *_, shown = form.show_data(str(tmp_path / "blobs"), levels)
    about = shown[-1]["about"]["data"]
    assert shown[-1]["value"] == {**levels, "others": "sketchbook"} and about["needs_others"] and about["own"]
    assert any("one class, blobs" in text for text in about["sentences"])
    assert shown[0]["value"] == {"superclass": "blobs", "picked": ["big"], "style": ANY}
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
