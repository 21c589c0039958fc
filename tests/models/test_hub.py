"""Uploads to the hub, against a stand-in for its client; what fails is one sentence, and the token stays with it."""

from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub import errors

from clipforget.errors import BadModel
from clipforget.models.export.hub import check_name, push


@pytest.fixture
def hub(monkeypatch):
    """A client that writes down its calls, and fails with `hub.error` where there is one."""
    seen = SimpleNamespace(calls=[], error=None)

    class Api:
        def __init__(self, *given, **named):
            assert not given and not named, "a token is nothing of ours"

        def create_repo(self, name, **named):
            seen.calls.append(("create", name, named))

        def upload_folder(self, **named):
            if seen.error:
                raise seen.error
            seen.calls.append(("upload", named["repo_id"], named["folder_path"]))
            return SimpleNamespace(repo_url="https://hub/me/model")

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return seen


def refused(status):
    response = SimpleNamespace(status_code=status, headers={}, request=SimpleNamespace(method="POST", url="x"))
    return errors.HfHubHTTPError("No.\nMore of it", response=response)


def test_a_folder_is_uploaded_as_a_private_model(hub, tmp_path):
    assert push(tmp_path, "me/model") == "https://hub/me/model"
    assert hub.calls == [
        ("create", "me/model", {"private": True, "exist_ok": True}),
        ("upload", "me/model", tmp_path),
    ]


FAILURES = {
    "log in with 'hf auth login', or set HF_TOKEN": errors.LocalTokenNotFoundError("no token"),
    "while HF_HUB_OFFLINE is set; unset it": errors.OfflineModeIsEnabled("offline"),
    "does not know this token": refused(401),
    "does not let you write to me/model": refused(403),
    r"refused me/model \(No\)": refused(500),
    r"out of reach \(no route\); push again": OSError("no route"),
}


@pytest.mark.parametrize("sentence", FAILURES)
def test_a_failure_is_one_sentence_and_keeps_the_folder(sentence, hub, tmp_path):
    hub.error = FAILURES[sentence]
    with pytest.raises(BadModel, match=rf"{sentence}.* The folder .* is written and stays\.$"):
        push(tmp_path, "me/model")


def test_without_a_network_it_is_one_sentence(monkeypatch, tmp_path):
    """The real client, sent to a port of this machine that nobody listens on."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    with pytest.raises(BadModel, match="out of reach"):
        push(tmp_path, "me/model")


@pytest.mark.parametrize("name", ["model", "/x", "me/", "me/a/b", "https://hub/me/model", "me/mo del", ""])
def test_a_bad_name_is_refused_first(name):
    with pytest.raises(BadModel, match="is no name on the hub; write your user name and the model's"):
        check_name(name)
