"""A real, tiny open_clip CLIP for the tests, one thread, and nothing from the network."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any

import clipforget.models  # noqa: F401  before open_clip, which is then imported in half the time

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported, and for the worker processes that tests start
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
import torch
from open_clip.model import CLIP
from small import finished, parts, world  # noqa: F401  fixtures of whole runs
from torch import Tensor

from clipforget.models.clip import Clip

torch.set_num_threads(1)

TEXT = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
RESNET = {"layers": (1, 1, 1, 1), "width": 8, "image_size": 32, "head_width": 64}


WAITING = ("browser", "faults", "workspace", "models")  # folders of tests that take long: they begin
# The tests of the browser go to two cores, each with a server, a run and open tabs of its own. These files take about
# half of their time, which `pytest tests/browser --durations=0` tells.
SECOND = ("axe", "explorer", "gate", "models", "public", "query", "refused", "soup", "versus", "views")


def group(nodeid: str) -> str:
    """Name the tests that share a core: a file's, or half of the browser's."""
    path = nodeid.split("::")[0]
    if not path.startswith("tests/browser/"):
        return path
    return f"browser {1 + (path.split('test_')[1] in [f'{name}.py' for name in SECOND])}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no core stands idle at the end of a run on several."""
    folder = lambda item: item.nodeid.split("/")[1]  # noqa: E731
    rank = lambda item: WAITING.index(folder(item)) if folder(item) in WAITING else len(WAITING)  # noqa: E731
    items.sort(key=lambda item: (rank(item), group(item.nodeid) if rank(item) == 0 else ""))


@pytest.hookimpl(optionalhook=True)  # without pytest-xdist nobody asks
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A group goes to one core."""
    from xdist.scheduler import LoadFileScheduling

    class Groups(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return Groups(config, log)


def tokenize(texts: Sequence[str]) -> Tensor:
    """Words to numbers 1..62 by hash, 63 ends a text: B x 8."""
    rows = [[*[zlib.crc32(word.encode()) % 62 + 1 for word in text.split()][:7], 63] for text in texts]
    return torch.tensor([row + [0] * (8 - len(row)) for row in rows])


def build_clip(vision: dict, seed: int = 0) -> Clip:
    """A randomly initialised CLIP of embedding size 16, BatchNorm statistics included, in eval mode."""
    torch.manual_seed(seed)
    model = CLIP(16, dict(vision), dict(TEXT)).eval()
    generator = torch.Generator().manual_seed(seed)
    for module in model.visual.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for value in (module.weight, module.running_var):
                value.data.uniform_(0.5, 1.5, generator=generator)
            for value in (module.bias, module.running_mean):
                value.data.normal_(0.0, 0.2, generator=generator)
        elif isinstance(module, torch.nn.Conv2d):  # as large as keeps the image visible at the far end of the tower
            torch.nn.init.kaiming_normal_(module.weight, generator=generator)
    return Clip("tiny", model, None, tokenize, torch.device("cpu"))


@pytest.fixture
def tiny_clip() -> Clip:
    """A CLIP with a ModifiedResNet tower, 32 px, D = 16; a fresh one for each test."""
    return build_clip(RESNET)
