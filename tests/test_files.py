import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from clipforget.files import FileLock, atomic, slug, write_json
from clipforget.models.weights import load, save


def test_nothing_takes_the_name_before_it_is_whole(tmp_path):
    path = tmp_path / "card.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="half"), atomic(path) as draft:
        draft.write_text("new")
        raise ValueError("half")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["card.txt"]
    with atomic(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old" and draft.suffix == ".txt"
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["card.txt"]


def test_two_writers_have_a_draft_each(tmp_path):
    path = tmp_path / "a.npy"
    with atomic(path) as first, atomic(path) as second:
        np.save(first, np.zeros(2))
        np.save(second, np.ones(2))
    assert np.load(path).tolist() == [0, 0] and os.listdir(tmp_path) == ["a.npy"]  # the outer block ends last


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_follow_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "a.json", {})
        save({"weight": torch.ones(2)}, tmp_path / "a.safetensors", {})
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o666 & ~umask}
    assert load(tmp_path / "a.safetensors")["weight"].tolist() == [1, 1]


def test_json_has_null_for_what_it_does_not_know(tmp_path):
    content = {"a": [1.5, float("nan"), (float("inf"),)], "ü": None}
    for indent in (1, None):
        write_json(tmp_path / "a.json", content, indent)
        text = (tmp_path / "a.json").read_text(encoding="utf-8")
        assert json.loads(text) == {"a": [1.5, None, [None]], "ü": None} and "ü" in text
        assert (text.count("\n") == 1) == (indent is None)


def test_a_lock_is_held_by_one(tmp_path):
    path = tmp_path / "a.lock"
    assert not FileLock(path).is_held() and not path.exists()
    with FileLock(path) as lock:
        other = FileLock(path)
        assert lock.acquire() and FileLock(path).is_held() and not other.acquire(wait=False)
    assert not FileLock(path).is_held() and other.acquire(wait=False)
    other.release()
    other.release()


def test_a_second_one_waits_for_the_lock(tmp_path):
    code = "import sys; from pathlib import Path; from clipforget.files import FileLock\nprint('here', flush=True)\n"
    code += "with FileLock(Path(sys.argv[1])): print('mine', flush=True)"
    with FileLock(tmp_path / "a.lock"):
        other = subprocess.Popen([sys.executable, "-c", code, tmp_path / "a.lock"], stdout=subprocess.PIPE)
        assert other.stdout.readline() == b"here\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    assert other.communicate(timeout=30)[0] == b"mine\n"


@pytest.mark.parametrize(("text", "expected"), [("Ink Sketch!", "ink-sketch"), ("../é", ""), ("a" * 30, "a" * 24)])
def test_slug(text, expected):
    assert slug(text) == expected
