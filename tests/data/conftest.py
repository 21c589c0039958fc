"""The folder of pictures that the tests of data sets begin with, and a cache folder of their own."""

import pytest
from pictures import folder  # noqa: F401  a fixture


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    path = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    return path
