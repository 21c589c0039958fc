"""Downloads from a hub that runs in the test: progress, going on, the hash, and a sentence for each failure."""

import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import open_clip
import pytest
from safetensors.torch import save
from tiny_architecture import CONFIG, NAME, plain, refused

from clipforget.errors import FileProblem
from clipforget.generators import finish
from clipforget.models.downloads import Fetching
from clipforget.models.loading import load_clip
from clipforget.models.sources import fetch_model, model_config

pytestmark = pytest.mark.usefixtures("architectures")
CHUNK = 2**18  # bytes
TAG, REPOSITORY = f"{NAME}/published", "x/clip"


class Hub(ThreadingHTTPServer):
    """Files by repository and name; `broken` cuts the first answer there, `wrong` repositories answer with a code."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.wrong, self.asked = {}, {}, []
        self.broken = self.slow = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def refuse(self, status, code):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer(self, body):
        repository, _, name = self.path.removeprefix("/").partition("/resolve/main/")
        hub = self.server
        if not name:
            return self.refuse(200, "")
        if repository in hub.wrong:
            return self.refuse(*hub.wrong[repository])
        if repository not in {known for known, _ in hub.files}:
            return self.refuse(404, "RepoNotFound")
        if (repository, name) not in hub.files:
            return self.refuse(404, "EntryNotFound")
        content = hub.files[repository, name]
        start = int((self.headers.get("Range") or "bytes=0-")[6:].partition("-")[0])
        if body:
            hub.asked.append((name, start))
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        if body:
            content = content[start:] if not hub.wrong.get(name) else hub.wrong[name][start:]
            if hub.broken:
                content, hub.broken = content[: hub.broken], 0
                self.close_connection = True
            for at in range(0, len(content), CHUNK):
                time.sleep(hub.slow)
                self.wfile.write(content[at : at + CHUNK])


@pytest.fixture
def hub(tmp_path, monkeypatch, state):
    """A hub that has the weights of the tiny architecture under a tag, and an empty cache."""
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", CHUNK)
        published = {"hf_hub": f"{REPOSITORY}/", "mean": (0.5,) * 3, "std": (0.5,) * 3}
        monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, {"published": published})
        server.files[REPOSITORY, "open_clip_model.safetensors"] = save(dict(state))
        yield server
        server.shutdown()
        thread.join()


def test_a_tag_is_fetched_once_and_then_needs_no_hub(hub, state, monkeypatch):
    clip = load_clip(TAG)
    assert clip.fingerprint() == plain(state) and "std=(0.5, 0.5, 0.5)" in str(clip.transform)
    hub.files.clear()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    before = len(hub.asked)
    assert load_clip(TAG).fingerprint() == clip.fingerprint() and len(hub.asked) == before


def test_progress_is_told_while_it_runs(hub):
    hub.slow = 0.3
    seen = list(fetch_model(TAG))
    assert seen and all(record == Fetching(TAG, record.done, 2) for record in seen)
    assert seen[0].note == f"Fetching {TAG}: {seen[0].done} of 2 MB."


def starts(hub):
    return [start for name, start in hub.asked if name.endswith("model.safetensors")]


def test_a_connection_that_breaks_is_taken_up_again(hub, state):
    hub.broken = 300_000
    assert load_clip(TAG).fingerprint() == plain(state)
    assert len(starts(hub)) == 2 and starts(hub)[0] == 0 < starts(hub)[1] <= 300_000


def test_a_download_that_was_stopped_goes_on_there(hub, state, tmp_path):
    hub.slow = 0.2
    download = fetch_model(TAG)
    next(record for record in download if record.done)
    download.close()
    assert not list((tmp_path / "hub").rglob("snapshots/*/*"))
    hub.slow = 0
    assert load_clip(TAG).fingerprint() == plain(state)
    assert len(starts(hub)) == 2 and starts(hub)[1] > 0


def test_what_arrives_with_another_hash_is_deleted(hub, tmp_path):
    content = bytearray(hub.files[REPOSITORY, "open_clip_model.safetensors"])
    content[-1] ^= 1
    hub.wrong["open_clip_model.safetensors"] = bytes(content)
    assert "arrived damaged (another SHA-256 than the hub's) and was deleted; try again" in refused(TAG)
    assert not list((tmp_path / "hub").rglob("blobs/*"))
    del hub.wrong["open_clip_model.safetensors"]
    load_clip(TAG)


def test_each_failure_has_its_own_sentence(hub, tmp_path, monkeypatch):
    sentences = {"wrong": refused("hf-hub:x/clipp"), "no model": refused("hf-hub:x/clip")}
    for status, code in ((403, "GatedRepo"), (401, ""), (403, ""), (503, "")):
        hub.wrong[REPOSITORY] = (status, code)
        sentences[f"{status} {code}"] = refused(TAG)
    hub.wrong.clear()
    load_clip(TAG)
    weights = next((tmp_path / "hub").rglob("snapshots/*/*.safetensors"))
    weights.resolve().write_bytes(b"\xff" * 1000)
    sentences["damaged"] = refused(TAG)
    weights.resolve().unlink()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    sentences["set offline"] = refused(TAG)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    sentences["offline"] = refused(TAG)
    beginnings = {
        "wrong": "There is no model x/clipp on the hub that you may see; check the name",
        "no model": "x/clip on the hub holds no CLIP that can be read here",
        "403 GatedRepo": f"The hub refuses {TAG}: its owner has to let you in. Ask for it at {hub.url}/x/clip",
        "401 ": "The hub refuses",
        "403 ": "The hub refuses",
        "503 ": f"The hub cannot serve {TAG} now (it answers 503); try again",
        "damaged": f"The weights file {weights.resolve()} is damaged or cut off: delete it and get it again",
        "set offline": f"Cannot fetch {TAG}: the hub is out of reach, and",
        "offline": f"Cannot fetch {TAG}: the hub is out of reach, and",
    }
    for kind, beginning in beginnings.items():
        assert sentences[kind].startswith(beginning), kind
    assert "(HF_HUB_OFFLINE is set)" in sentences["set offline"]


def test_a_disk_without_room_is_told_before(hub, tmp_path, monkeypatch):
    from collections import namedtuple

    monkeypatch.setattr("shutil.disk_usage", lambda path: namedtuple("usage", "total used free")(1, 1, 100))
    with pytest.raises(FileProblem, match="0 MiB are free, and test-tiny/published needs 3 MiB"):
        finish(fetch_model(TAG))
    assert not list((tmp_path / "hub").rglob("snapshots/*/*"))


def test_a_repository_of_open_clips(hub, state):
    described = {"model_cfg": CONFIG, "preprocess_cfg": {"std": [0.25] * 3}}
    hub.files[REPOSITORY, "open_clip_config.json"] = json.dumps(described).encode()
    clip = load_clip(f"hf-hub:{REPOSITORY}")
    assert clip.name == f"hf-hub:{REPOSITORY}" and clip.fingerprint() == plain(state)
    assert tuple(clip.transform.transforms[-1].std) == (0.25,) * 3 and model_config(clip.name) == CONFIG


def test_a_repository_of_transformers(hub, state):
    from clipforget.models.tensor_names import to_transformers

    towers = {"num_hidden_layers": 1, "hidden_act": "gelu"}
    text = {**towers, "hidden_size": 8, "num_attention_heads": 1, "intermediate_size": 32, "max_position_embeddings": 8}
    vision = {**towers, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 64}
    vision |= {"image_size": 16, "patch_size": 8}
    config = {
        "model_type": "clip",
        "projection_dim": 8,
        "text_config": text,
        "vision_config": {**vision, "patch_size": 8},
    }
    prepared = {"size": 16, "crop_size": 16, "image_mean": [0.5] * 3, "image_std": [0.25] * 3, "do_center_crop": True}
    weights = {name: value.contiguous() for name, value in to_transformers(state, 1, 1).items()}
    for name, content in (("config.json", config), ("preprocessor_config.json", prepared)):
        hub.files["y/clip", name] = json.dumps(content).encode()
    hub.files["y/clip", "model.safetensors"] = save(weights)
    clip = load_clip("hf-hub:y/clip")
    assert clip.fingerprint() == plain(state) and tuple(clip.transform.transforms[-1].std) == (0.25,) * 3
    assert model_config(clip.name)["vision_cfg"]["width"] == 16


def test_a_name_that_is_none(hub):
    assert "'hf-hub:clip' is no name on the hub; write owner and model, as in hf-hub:" in refused("hf-hub:clip")
