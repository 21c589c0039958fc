"""Requests about chosen images and sent pictures: what they answer, what they refuse, and nothing half-kept."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient
from waiting import wait_for

from clipforget.web.routes import routes
from clipforget.workspace import upload_folders
from clipforget.workspace.public import PublicWorkspace
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def client(runs):
    with TestClient(Starlette(routes=routes(Workspace(runs, sample=False)))) as client:
        yield client


@pytest.fixture
def ask(client, world):
    """ask(path, body): GET, or POST where there is a body; status and answer."""

    def call(path, body=None, of=True):
        params = {"model": world.clip, "data": world.data, "device": "cpu"} if of else {}
        path, _, query = path.partition("?")
        params |= dict(pair.split("=") for pair in query.split("&") if query)
        url = f"/clipforget/{path}"
        reply = client.get(url, params=params) if body is None else client.post(url, params=params, json=body)
        return reply.status_code, reply.json()

    return call


def test_images_are_chosen_over_the_wire(ask, client, world):
    status, page = ask("choosing")
    assert status == 200 and page["work"]["state"] == "none" and "disc / big" in page["names"]
    assert ask("choosing/similar?text=disc")[0] == 400
    assert ask("choosing/start", {}) == (200, {"ok": True})
    wait_for(lambda: ask("choosing/work")[1]["state"] in ("done", "failed"))
    assert len(ask("choosing/similar?text=disc")[1]["cosines"]) > 1000
    assert len(ask("choosing/map")[1]["points"]) > 1000 and len(ask("choosing/clusters?count=5")[1]["clusters"]) == 5
    big = [i for i, place in enumerate(page["labels"]) if page["names"][place] == "disc / big"]
    proposal = ask("choosing/propose", {"images": big})[1]
    siblings = [entry["image"] for entry in proposal["siblings"]]
    body = {"name": "Ränder & more", "caption": "ball", "images": big, "siblings": siblings, "how": {"clicks": 3}}
    status, saved = ask("selections", body)
    assert status == 200 and saved["target"] == "ball/Ränder & more" and saved["images"] == len(big)
    assert ask("selections", body)[0] == 400 and ask("selections", {**body, "replace": True})[0] == 200
    assert ask("selections/Ränder & more")[1]["images"] == big
    described = client.get("/clipforget/setup/data", params={"name": world.data, "selection": ["Ränder & more"]}).json()
    assert "ball/Ränder & more" in described["targets"]
    file = client.get("/clipforget/selections/Ränder & more/file")
    assert 'filename="R-nder-more.json"' in file.headers["content-disposition"]
    loaded = client.post("/clipforget/selections/load?name=again", content=file.content)
    assert loaded.status_code == 200 and client.post("/clipforget/selections/load", content=b"x").status_code == 400
    assert ask("selections/again/rename", {"name": "once more"})[1]["name"] == "once more"
    assert ask("selections/once more/delete", {})[0] == 200
    assert [entry["name"] for entry in ask("selections", of=False)[1]["selections"]] == ["Ränder & more"]
    for path, wrong in (
        ("choosing/propose", {"images": ["x"]}),
        ("choosing/propose", {"images": []}),
        ("selections", {**body, "name": "a/b"}),
        ("selections", {**body, "name": 3}),
        ("selections", {**body, "how": {"x": []}}),
        ("selections/nobody/delete", {}),
        ("choosing/stop", {}),
    ):
        status, answer = ask(path, wrong)
        assert status == 400 and answer["error"].endswith("."), path
    assert ask("choosing/clusters?count=x")[0] == 400 and ask("selections/nobody")[0] == 404


def png(seed):
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(out, "PNG")
    return out.getvalue()


def send(client, files, name="my pics", piece=10**9):
    """Send files as the page does; the token and what was left out."""
    size = sum(len(data) for data in files.values())
    token = client.post("/clipforget/pictures", json={"name": name, "bytes": size}).json()["token"]
    left = {}
    for file, data in files.items():
        for start in range(0, len(data) or 1, piece):
            params = {"name": file, "offset": start, "last": int(start + piece >= len(data))}
            reply = client.post(f"/clipforget/pictures/{token}", params=params, content=data[start : start + piece])
            if reply.json().get("problem"):
                left[file] = reply.json()["problem"]
    return token, left


def test_sent_pictures_become_a_data_set(client, runs):
    files = {
        f"{split}/{name}/{i}.png": png(hash((split, name, i)) % 2**32)
        for split in ("train", "test")
        for name in ("a", "b")
        for i in range(6)
    }
    bad = {"../../out.png": b"no picture", "notes.txt": b"x", ".hidden.png": png(1), "train/a/cut.png": png(2)[:99]}
    token, left = send(client, {**files, **bad}, piece=300)
    assert set(left) == set(bad) and "cannot be read" in left["train/a/cut.png"]
    done = client.post(f"/clipforget/pictures/{token}/finish").json()
    assert done["images"] == len(files) and Path(done["data"]).name == "my pics"
    assert Path(done["data"]).is_relative_to(runs.resolve() / "uploads") and not (runs / "out.png").exists()
    token, _ = send(client, files)
    assert client.post(f"/clipforget/pictures/{token}/finish").json()["data"] == done["data"], "the same once only"
    assert client.get("/clipforget/setup/data", params={"name": done["data"]}).json()["count"] == len(files)


@pytest.mark.parametrize("name", ["few.zip", "few.tar.gz"])
def test_a_sent_archive_becomes_a_data_set(client, name):
    pictures = {f"{kind}/{i}.png": png(i + 10 * len(kind)) for kind in ("bird", "car", "house") for i in range(9)}
    packed = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(packed, "w") as archive:
            for file, data in {**pictures, "../../out.png": png(99)}.items():
                archive.writestr(file, data)
    else:
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for file, data in {**pictures, "../../out.png": png(99)}.items():
                member = tarfile.TarInfo(file)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
    token, left = send(client, {name: packed.getvalue()}, piece=1000)
    done = client.post(f"/clipforget/pictures/{token}/finish").json()
    read = client.get("/clipforget/setup/data", params={"name": done["data"]}).json()
    assert left == {} and done["images"] == read["count"] == len(pictures)
    assert set(read["superclasses"]) == {"bird", "car", "house"} and read["skipped"] == 1


def test_what_cannot_be_kept_leaves_nothing(client, runs, monkeypatch):
    folder = runs / "uploads"
    before = sorted(folder.iterdir()) if folder.is_dir() else []
    for files, words in (
        ({"a.txt": b"x"}, "None of these files"),
        ({"a.png": png(1), "b.zip": b"PK"}, "not both"),
        ({"b.zip": b"PK\3\4"}, "b.zip"),
    ):
        token, _ = send(client, files)
        reply = client.post(f"/clipforget/pictures/{token}/finish")
        assert reply.status_code == 400 and words in reply.json()["error"]
    token, _ = send(client, {"a.png": png(1)})
    assert client.post(f"/clipforget/pictures/{token}/cancel").status_code == 200
    assert client.post(f"/clipforget/pictures/{token}/finish").status_code == 400
    token, _ = send(client, {"a.png": png(1)})
    skipped = client.post(f"/clipforget/pictures/{token}", params={"name": "b.png", "offset": 5}, content=b"x")
    assert skipped.status_code in (400, 500) and client.post(f"/clipforget/pictures/{token}/cancel").status_code == 200
    monkeypatch.setattr(upload_folders, "LARGEST_PICTURE", 10)
    token, left = send(client, {"a.png": png(1)})
    assert "is larger than" in left["a.png"]
    assert client.post(f"/clipforget/pictures/{token}/cancel").status_code == 200
    for size in (0, 10**12, True):
        assert client.post("/clipforget/pictures", json={"name": "", "bytes": size}).status_code == 400
    assert (sorted(folder.iterdir()) if folder.is_dir() else []) == before


def test_a_server_for_strangers_has_none_of_it(tmp_path):
    with TestClient(Starlette(routes=routes(PublicWorkspace(tmp_path)))) as client:
        for path in ("choosing", "selections", "choosing/map"):
            assert client.get(f"/clipforget/{path}").status_code == 404
        for path in ("selections", "pictures", "choosing/start"):
            assert client.post(f"/clipforget/{path}", json={}).status_code == 404
        for where in ("estimate", "runs"):
            body = {"forget": ["airplane/biplane"], "selections": ["x"]}
            reply = client.post(f"/clipforget/{where}", json=body)
            assert reply.status_code == 400 and "offers the models" in reply.json()["error"], json.dumps(reply.json())
