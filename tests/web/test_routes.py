"""The page's requests: agreed shapes, caching and compression, and everything hostile refused without a traceback."""

import gzip
import io
import json
import zipfile

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from clipforget.runs.config import RunConfig
from clipforget.web.routes import routes
from clipforget.workspace.workspace import Workspace


@pytest.fixture(scope="module")
def space(finished):
    return Workspace(finished.folder.parent, sample=False)


@pytest.fixture(scope="module")
def client(space):
    with TestClient(Starlette(routes=routes(space)), raise_server_exceptions=False) as client:
        yield client


def picture(size=(40, 30)):
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return out.getvalue()


def test_runs_view_query_exact_and_events_answer_as_agreed(client, finished):
    base = f"/clipforget/runs/{finished.id}"
    assert [run["id"] for run in client.get("/clipforget/runs").json()["runs"]] == [finished.id]
    view = client.get(f"{base}/view").json()
    assert len(view["alphas"]) == 101 and view["id"] == finished.id
    for query in ({"text": "disc"}, {"text": "naïve 猫 🐈 ${alert(1)} {{x}} <img onerror=1>"}, {"image": 3}):
        pack = client.get(f"{base}/query", params=query).json()
        assert pack["k"] == 24 and len(pack["after"]["ids"]) == len(pack["after"]["cosines"]) == 101
        assert pack["query"]["label"] == query.get("text", pack["query"]["label"])
        assert pack["before"] == {name: values[100] for name, values in pack["after"].items()}
    wanted = {"text": "disc - square", "first": 48, "count": 48, "role": "others"}
    page = client.get(f"{base}/query", params=wanted).json()
    assert page["k"] == page["total"] - 48 == len(page["after"]["ranks"][0]) and page["after"]["ranks"][0][0] >= 49
    assert client.post(f"{base}/warm").json() == {"ok": True}
    exact = client.get(f"{base}/exact", params={"alpha": 0.37, "text": "disc"}).json()
    assert exact["alpha"] == 0.37 and len(exact["ids"]) == 24 and set(exact["rows"]) >= {"forget", "siblings", "others"}
    events = client.get(f"{base}/events", params={"after": 2}).json()
    assert events["state"] == "done" and events["events"][0]["n"] == 2 and events["now"] > 0


def test_map_predictions_and_an_image_are_views_of_a_finished_run(client, finished):
    base = f"/clipforget/runs/{finished.id}"
    assert client.get(f"{base}/map").json()["by"] == "names"
    assert client.get(f"{base}/map", params={"by": "images"}).json()["by"] == "images"
    assert client.get(f"{base}/predictions").json()["levels"].keys() == {"superclass", "subgroup"}
    assert client.get(f"{base}/gallery/3").json()["id"] == 3
    for path, status in {"map?by=umap": 404, "gallery/90": 400, "gallery/-1": 400, "gallery/x": 400}.items():
        reply = client.get(f"{base}/{path}")
        assert reply.status_code == status and reply.json()["error"].endswith((".", "?"))
    assert client.get("/clipforget/runs/nobody/map").status_code == 404


def test_charts_and_exports_can_be_taken_away(client, finished):
    base = f"/clipforget/runs/{finished.id}"
    for name in ("alpha", "tradeoff", "classes", "layers", "losses"):
        assert client.get(f"{base}/charts/{name}").json().keys() >= {"data", "layout"}
    for name in ("scores.json", "delta.safetensors", "run.json", "scores.csv", "run.zip"):
        reply = client.get(f"{base}/export/{name}")
        assert reply.status_code == 200 and reply.content and name in reply.headers["content-disposition"] + "run.zip"
    assert client.get(f"{base}/export/run.zip").content[:2] == b"PK"
    lines = client.get(f"{base}/export/scores.csv").text.splitlines()
    assert lines[0].startswith("key,label") and len(lines) > 300
    for name in ("worker.lock", "..%2Frun.json", "%2Fetc%2Fpasswd", ".path-0a1b2c3d.npz"):
        assert client.get(f"{base}/export/{name}").status_code == 404


def test_the_model_can_be_taken_away_as_a_stream(client, space, finished):
    base = f"/clipforget/runs/{finished.id}"
    sizes = client.get(f"{base}/model").json()
    assert set(sizes) == {"open_clip", "transformers", "patch"}
    assert "image tower is a ResNet" in sizes["transformers"]["refused"] and sizes["transformers"]["bytes"] is None
    for format in ("open_clip", "patch"):
        with client.stream("GET", f"{base}/model.zip", params={"alpha": 0.4, "format": format}) as reply:
            assert reply.status_code == 200 and reply.headers["content-type"] == "application/zip"
            assert "content-length" not in reply.headers
            name = f"{finished.id}-alpha040-{format.replace('_', '')}"
            assert reply.headers["content-disposition"] == f'attachment; filename="{name}.zip"'
            archive = zipfile.ZipFile(io.BytesIO(reply.read()))
        assert archive.testzip() is None and all(entry.startswith(f"{name}/") for entry in archive.namelist())
        written = sum(entry.file_size for entry in archive.infolist() if not entry.filename.endswith("README.md"))
        assert sizes[format] == {"bytes": pytest.approx(written, abs=100), "refused": None}
    for query in ({"alpha": 0.4, "format": "transformers"}, {"alpha": 2, "format": "patch"}, {"format": "patch"}):
        assert client.get(f"{base}/model.zip", params=query).status_code == 400
    assert client.get(f"{base}/model.zip", params={"alpha": 0.4, "format": "../x"}).status_code == 404


def test_what_a_search_finds_can_be_taken_away(client, finished):
    base, asked = f"/clipforget/runs/{finished.id}/results", {"alpha": 0.4, "text": "disc"}
    replies = {name: client.get(f"{base}/{name}", params=asked) for name in ("results.png", "results.csv")}
    assert replies["results.png"].content.startswith(b"\x89PNG") and len(replies["results.csv"].text.split()) > 48
    assert f"{finished.id}-alpha040-results.png" in replies["results.png"].headers["content-disposition"]
    found = client.get(f"{base}/results.json", params={"alpha": 0.4, "image": 3}).json()
    assert found["alpha"] == 0.4 and len(found["after"]) == 24
    page = client.get(f"{base}/report.html", params=asked)
    assert page.headers["content-type"].startswith("text/html") and "attachment" in page.headers["content-disposition"]
    assert "“disc”" in page.text
    for name, query in (("x.png", asked), ("results.png", {"alpha": 0.4}), ("results.png", {**asked, "alpha": "x"})):
        assert client.get(f"{base}/{name}", params=query).status_code in (400, 404)


def test_answers_are_compressed_tagged_and_not_sent_twice(client, finished):
    path = f"/clipforget/runs/{finished.id}/view"
    plain = client.get(path, headers={"accept-encoding": "identity"})
    packed = client.get(path, headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in plain.headers and packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content and int(packed.headers["content-length"]) < len(plain.content) / 3
    again = client.get(path, headers={"if-none-match": packed.headers["etag"]})
    assert again.status_code == 304 and not again.content
    assert client.get("/clipforget/runs").headers["x-content-type-options"] == "nosniff"


def test_images_are_kept_by_the_browser_for_good(client, finished):
    mark = client.get(f"/clipforget/runs/{finished.id}/view").json()["gallery"]["data"]
    reply = client.get(f"/clipforget/images/{mark}/0?size=96")
    assert reply.headers["content-type"] == "image/png" and "immutable" in reply.headers["cache-control"]
    bad = [f"{mark}/0?size=97", f"{mark}/0?size=1e9", f"{mark}/-1", f"{mark}/99999", f"{'0' * 16}/0", "..%2F..%2Fetc/0"]
    for path in bad:
        assert client.get(f"/clipforget/images/{path}").status_code in (400, 404), path


def test_the_set_up_column_gets_its_choices(client, world):
    setup = client.get("/clipforget/setup").json()
    assert setup.keys() >= {"models", "data", "methods", "devices", "experiments"}
    assert setup["options"]["tolerance"]["default"] == RunConfig.tolerance
    assert setup["options"]["seeds"]["default"] == 1
    assert set(setup["first_methods"]) < {method["name"] for method in setup["methods"]}
    data = client.get("/clipforget/setup/data", params={"name": world.data}).json()
    assert data["superclasses"].keys() == {"disc", "square", "stripe"} and data["samples"]
    assert data["first_target"] == ["disc/big"] and {"disc", "square/thin", "*/*/dark"} <= set(data["targets"])
    found = client.post("/clipforget/estimate", json=world.config().as_dict()).json()
    assert found["seconds"] > 0 and found["forget"] == 26
    for name in ("", "/etc/passwd", "/etc", "no such", "x" * 5000, "a\0b"):
        reply = client.get("/clipforget/setup/data", params={"name": name})
        assert reply.status_code in (400, 404) and reply.json()["error"], name


def test_an_upload_is_searched_with(client, finished):
    for send in ({"files": {"file": ("mine.png", picture(), "image/png")}}, {"content": picture()}):
        sent = client.post("/clipforget/upload?name=mine.png", **send).json()
        assert sent["label"] == "mine.png"
        pack = client.get(f"/clipforget/runs/{finished.id}/query", params={"upload": sent["token"]}).json()
        assert pack["query"]["kind"] == "upload"
    shown = client.get(f"/clipforget/upload/{sent['token']}")
    assert shown.headers["content-type"] == "image/jpeg" and shown.content[:2] == b"\xff\xd8"
    assert client.get("/clipforget/upload/0123").status_code == 404


@pytest.mark.parametrize(
    "send",
    [
        {"content": b""},
        {"content": b"<svg/>"},
        {"content": picture()[:50]},
        {"files": {"other": ("a.png", picture())}},
        {"files": {"file": ("a.png", b"no image")}},
        {"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"no boundary", "headers": {"content-type": "multipart/form-data"}},
        {"content": picture((9000, 9000))},
    ],
)
def test_what_is_no_image_is_refused_with_a_sentence(client, send):
    reply = client.post("/clipforget/upload", **send)
    assert reply.status_code == 400 and reply.json()["error"].endswith((".", "!")), reply.text


def test_what_is_too_large_is_refused_before_it_is_read(client):
    def endless():
        for _ in range(11 * 16 + 2):
            yield b"\xff" * 2**16

    assert client.post("/clipforget/upload", content=b"x" * (11 * 2**20)).status_code == 413
    assert client.post("/clipforget/upload", content=endless()).status_code == 413
    assert client.post("/clipforget/runs", content=b"[" * (65 * 2**10)).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "query",
        "query?text=",
        f"query?text={'x' * 301}",
        "query?text=a&image=1",
        "query?image=x",
        "query?image=-1",
        "query?image=999999",
        "query?image=1e3",
        "query?text=a&count=49",
        "query?text=a&first=-1",
        "query?text=a&role=all",
        "query?text=a%20-%20a",
        "query?upload=..%2F..",
        "exact?text=a",
        "exact?alpha=&text=a",
        "exact?alpha=5&text=a",
        "exact?alpha=nan&text=a",
        "exact?alpha=inf&text=a",
        "exact?alpha=0.5",
        "events?after=-1",
        "events?after=x",
    ],
)
def test_bad_queries_are_refused_with_a_sentence(client, finished, path):
    reply = client.get(f"/clipforget/runs/{finished.id}/{path}")
    assert reply.status_code == 400 and reply.json()["error"] and "Traceback" not in reply.text


@pytest.mark.parametrize("id", ["nothing", "..", "%2e%2e", "..%2f..%2fetc", "a%00b", "UP", "x" * 400, ".lane-cpu"])
def test_bad_ids_lead_nowhere(client, id):
    for path in (f"runs/{id}/view", f"runs/{id}/query?text=a", f"runs/{id}/events", f"runs/{id}/export/run.json"):
        reply = client.get(f"/clipforget/{path}")
        assert reply.status_code == 404 and reply.json()["error"], path
    assert client.post(f"/clipforget/runs/{id}/delete").status_code in (400, 404)


@pytest.mark.parametrize(
    "name",
    [
        "..%2f__init__.py",
        "%2e%2e%2froutes.py",
        "lib%2f..%2f..%2froutes.py",
        "%2fetc%2fpasswd",
        ".hidden",
        "no.js",
        "%00",
        "a%2fb",
        "",
        "lib",
        "lib/",
        "x" * 400,
    ],
)
def test_static_files_come_from_one_folder_only(client, name):
    reply = client.get(f"/clipforget/static/{name}")
    assert reply.status_code == 404 and reply.json()["error"]


@pytest.mark.parametrize("name, media", [("lib/dom.js", "javascript"), ("css/tokens.css", "css"), ("icon.svg", "svg")])
def test_static_files_are_asked_for_again_but_not_sent_twice(client, name, media):
    reply = client.get(f"/clipforget/static/{name}")
    assert reply.status_code == 200 and media in reply.headers["content-type"] and reply.content
    assert reply.headers["cache-control"] == "no-cache" and reply.headers["x-content-type-options"] == "nosniff"
    again = client.get(f"/clipforget/static/{name}", headers={"if-none-match": reply.headers["etag"]})
    assert again.status_code == 304 and not again.content


def test_plotly_comes_from_the_installed_package(client):
    reply = client.get("/clipforget/plotly.js", headers={"accept-encoding": "gzip"})
    assert "javascript" in reply.headers["content-type"] and reply.headers["content-encoding"] == "gzip"
    assert b"plotly" in reply.content[:200].lower()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"forget": "air"}', b'{"magic": 1}', b"[" * 60000]
)
def test_bodies_that_are_no_configuration_are_refused(client, body):
    for path in ("runs", "estimate"):
        reply = client.post(f"/clipforget/{path}", content=body)
        assert reply.status_code == 400 and reply.json()["error"], body


def test_a_bug_shows_no_traceback(client, space, monkeypatch, caplog):
    monkeypatch.setattr(space, "runs", lambda: 1 / 0)
    reply = client.get("/clipforget/runs")
    assert reply.status_code == 500 and "ZeroDivision" not in reply.text and "ZeroDivision" in caplog.text


def test_it_works_below_a_sub_path(space, finished):
    with TestClient(Starlette(routes=[Mount("/sub", routes=routes(space))])) as client:
        assert client.get(f"/sub/clipforget/runs/{finished.id}/view").status_code == 200
    with TestClient(Starlette(routes=routes(space)), root_path="/proxied") as client:
        assert client.get("/proxied/clipforget/runs").status_code == 200


def test_a_compressed_answer_is_plain_gzip(client, finished):
    with client.stream("GET", f"/clipforget/runs/{finished.id}/view", headers={"accept-encoding": "gzip"}) as reply:
        assert json.loads(gzip.decompress(b"".join(reply.iter_raw())))["id"] == finished.id
