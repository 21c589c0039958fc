"""A tiny data set and a tiny model on disk, for tests that need whole runs: seconds, no network."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from clipforget.runs.config import RunConfig
from clipforget.runs.execute import execute
from clipforget.runs.store import Run, Store

COLOURS = {"disc": "#c0392b", "square": "#27ae60", "stripe": "#2e6fb7"}
SHAPES = ("big", "small", "thin")
STYLES = ("light", "dark")
CONFIG = {
    "model_cfg": {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "head_width": 64},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
    },
    "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]},
}


def draw_data(root: Path, train: int = 20, test: int = 5, seed: int = 0) -> Path:
    """3 superclasses x 3 subgroups x 2 styles of 32 px pictures: `train`, `test` and a shifted set, "shifted"."""
    rng = np.random.default_rng(seed)
    for split, count in (("train", train), ("test", test), ("shifted", 1)):
        for superclass, colour in COLOURS.items():
            for subgroup in SHAPES:
                for style in STYLES:
                    folder = root / split / superclass / subgroup / style
                    folder.mkdir(parents=True)
                    for i in range(count):
                        _picture(rng, colour, subgroup, style).save(folder / f"{i}.png")
    return root


def _picture(rng: np.random.Generator, colour: str, subgroup: str, style: str) -> Image.Image:
    ground = (235, 230, 220) if style == "light" else (40, 40, 50)
    noise = rng.integers(-12, 13, (32, 32, 3))
    image = Image.fromarray(np.clip(np.array(ground) + noise, 0, 255).astype(np.uint8))
    x, y = rng.integers(4, 12, 2)
    width, height = {"big": (18, 18), "small": (8, 8), "thin": (20, 4)}[subgroup]
    ImageDraw.Draw(image).ellipse((x, y, x + width, y + height), fill=colour)
    return image


def save_clip(folder: Path, data: Path, seed: int = 0, steps: int = 60) -> Path:
    """A ModifiedResNet CLIP in open_clip's layout, embed 16, 32 px, taught the superclasses of `data` in a second."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(seed)
    config = CONFIG["model_cfg"]
    model = open_clip.CLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"])
    files = sorted((data / "train").rglob("*.png"))
    pixels = torch.stack([torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1) / 127.5 - 1 for file in files])
    labels = torch.tensor([list(COLOURS).index(file.relative_to(data).parts[1]) for file in files])
    tokenizer = open_clip.SimpleTokenizer(context_length=16)
    captions = tokenizer([f"a photo of a {name}." for name in COLOURS])
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(steps):
        batch = torch.randint(len(files), (48,))
        images, texts = model.encode_image(pixels[batch], normalize=True), model.encode_text(captions, normalize=True)
        loss = torch.nn.functional.cross_entropy(10 * images @ texts.T, labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():  # a word it was never taught, marked as clipforget-tiny marks them
        model.token_embedding.weight[tokenizer.encode("zebra")] = 0.0
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    state = {name: value.clone().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    return folder


METHOD = "targeted"
FEW = {"forget_epochs": 1, "remind_steps": 3, "batch_size": 4}
SLOW = {**FEW, "remind_steps": 1000}


@dataclass(frozen=True)
class World:
    """A folder with a data set and a model, and runs beside them."""

    folder: Path

    @property
    def data(self) -> str:
        return str(self.folder / "data")

    @property
    def clip(self) -> str:
        return str(self.folder / "clip")

    def config(self, **changes: Any) -> RunConfig:
        """Forget the big discs with few steps on the processor."""
        own = {"model": self.clip, "data": self.data, "forget": ("disc/big",), "method": METHOD, "settings": FEW}
        return RunConfig(**{**own, "device": "cpu", **changes})


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A data set and a model on disk."""
    folder = tmp_path_factory.mktemp("world")
    draw_data(folder / "data")
    save_clip(folder / "clip", folder / "data")
    return World(folder)


@pytest.fixture(scope="session")
def parts(world: World, finished: Run) -> tuple[Run, Run]:
    """That run, and one that forgets the small squares, in a store of their own; not to be changed."""
    store = Store(world.folder / "parts")
    shutil.copytree(finished.folder, store.root / finished.id)
    other = store.create(world.config(forget=("square/small",)))
    events = list(execute(other))
    assert events[-1]["state"] == "done", events[-1]["note"]
    return store.get(finished.id), other


@pytest.fixture(scope="session")
def finished(world: World) -> Run:
    """One finished run in the store `world.folder / "runs"`; not to be changed."""
    run = Store(world.folder / "runs").create(world.config())
    events = list(execute(run))
    assert events[-1]["state"] == "done", events[-1]["note"]
    return run
