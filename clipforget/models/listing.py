"""Every model that can be named, with what is known of it before it is loaded, and a search over them. No torch.

The facts of open_clip's architectures come from its own files and from architectures.json, see `architectures`.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypedDict

from clipforget.errors import BadModel
from clipforget.files import ASSETS, ID, open_regular, read_regular, refusal

ARCHITECTURES = Path(__file__).parent / "architectures.json"
CONFIG = "open_clip_config.json"
HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # where a repository's name is all there is
FLOAT = 4  # bytes of a weight in memory, and in most published files
BATCH = 16  # images of a batch of training: what methods take, and what `measure` measures
SCHEME = re.compile(r"hf-hub:.")  # of names that lead elsewhere
RUN = "run:"  # before the id of a run whose result is the model: run:ID@ALPHA
QUICKGELU = "-quickgelu"
BUFFERS = ("running_mean", "running_var", "num_batches_tracked", "attn_mask")  # tensors that are no parameters


class ArchitectureFacts(TypedDict):
    """What an architecture is made of: parameters of its towers, the norm of most layers, bytes kept an image.

    text_parameters is None where they are not known.
    """

    image_parameters: int
    text_parameters: int | None
    norm: str
    activations: int


@dataclass(frozen=True)
class ListedModel:
    """One model as page and command line list it; None or "" where a fact is not known.

    kind: embedded, open_clip, folder (a path of this machine), or run (the result of one). image_size: pixels a side.
    download: bytes to fetch, 0 where it is on disk. memory: bytes that a run takes at least, images left out.
    """

    name: str
    kind: str
    image_tower: str = ""
    text_tower: str = ""
    image_parameters: int | None = None
    text_parameters: int | None = None
    norm: str = ""
    image_size: int | None = None
    licence: str = ""
    on_disk: bool = False
    download: int | None = None
    memory: int | None = None
    title: str = ""  # of the run whose result it is


def embedded_models() -> dict[str, Path]:
    """Return the folders of the models that come with the app, by name."""
    return {path.parent.name: path.parent for path in sorted(ASSETS.glob(f"*/{CONFIG}"))}


def list_models(recent: Iterable[str] = ()) -> list[ListedModel]:
    """List the embedded models, those of `recent` that open_clip does not list, then open_clip's; on disk first.

    Of an architecture without published weights the name ends in a slash: a checkpoint's path is to follow.
    """
    listed = [_folder(name, path, "embedded") for name, path in embedded_models().items()]
    names = published_names()
    listed += [describe_model(name) for name in recent if name not in names]
    return listed + sorted(map(_published, names), key=lambda model: not model.on_disk)


def describe_model(name: str) -> ListedModel:
    """Describe one model by its name. Raises BadModel where there is none."""
    name = check_model_name(name)
    if name in embedded_models():
        return _folder(name, embedded_models()[name], "embedded")
    if not _exists(name) and not SCHEME.match(name):
        return _published(name)
    return _folder(name, Path(name), "folder")


def search(models: Iterable[ListedModel], query: str) -> list[ListedModel]:
    """Return the models that every word of a query fits, the nearest first.

    A word fits a part of the name or of a tower's name that begins with it, or that has three of its letters or more
    anywhere: "vit b 32 openai", "mobileclip2", "vitb32", "convnext".
    """
    words = _words(query)
    ranked = []
    for model in models:
        parts = _words(model.name)
        haystack = [*parts, *_words(model.image_tower), *_words(model.text_tower), *_words(model.title)]
        joined = "".join(haystack)
        if all(any(part.startswith(word) for part in haystack) or _within(word, joined) for word in words):
            exact = sum(word in parts for word in words)
            ranked.append(((-exact, not model.on_disk, model.name.endswith("/"), len(parts)), model))
    if words:  # with nothing asked the list's own order stays
        ranked.sort(key=lambda pair: pair[0])
    return [model for _, model in ranked]


def _within(word: str, joined: str) -> bool:
    """Whether a word of three letters or more stands anywhere, as a whole number where it ends in one."""
    return len(word) > 2 and bool(re.search(re.escape(word) + r"(?!(?<=\d)\d)", joined))


def check_model_name(name: str) -> str:
    """Return a model's name as it is kept. Raises BadModel for one that leads to nothing, with the nearest names.

    Whether a folder or a file holds a model, the loader finds out.
    """
    name = name.removeprefix("local-dir:")
    if name.startswith(RUN):
        read_run_name(name)
        return name
    if name in embedded_models() or SCHEME.match(name) or _exists(name):
        return name
    if name.startswith(("/", "./", "../", "~")):
        raise BadModel(f"There is no folder or file {name}; give the path of a model, or search the list of models.")
    architecture, _, tag = name.partition("/")
    file = tag if _exists(tag) else tag.rpartition(":")[0]  # a tag may say how images are prepared
    if architecture in model_configs() and tag and (tag in _table().get(architecture, {}) or _exists(file)):
        return name
    raise BadModel(f"There is no model '{name}'.{nearest(name)} Search the list of models, or give a folder's path.")


def read_run_name(name: str) -> tuple[str, float]:
    """Return the id and the alpha of `run:ID@ALPHA`, there or not. Raises BadModel for anything else."""
    id, _, written = name.removeprefix(RUN).partition("@")
    try:
        alpha = float(written)
    except ValueError:
        alpha = -1.0
    if not ID.fullmatch(id) or not 0 <= alpha <= 1:
        example = f"{RUN}{id if ID.fullmatch(id) else 'ID'}@0.3"
        raise BadModel(
            f"A run's result is named by its id and an alpha from 0 to 1, as in {example}; not '{name[:120]}'."
        )
    return id, alpha


def nearest(name: str, most: int = 3) -> str:
    """Return a sentence with the names most like one that does not exist, a space before it; "" where none is."""
    if not _words(name):
        return ""
    names = [*embedded_models(), *(known for known in published_names() if not known.endswith("/"))]
    fitting = [model.name for model in search((ListedModel(known, "") for known in names), name)]
    lower = {known.lower(): known for known in names}
    close = [lower[text] for text in difflib.get_close_matches(name.lower(), list(lower), n=most, cutoff=0.5)]
    near = ", ".join(list(dict.fromkeys([*fitting, *close]))[:most])
    return f" Nearest: {near}." if near else ""


def published_names() -> list[str]:
    """Return open_clip's architecture/tag names, and architecture/ where no weights are published.

    They stand in the order of open_clip's table, those without weights last. Weights that were trained with QuickGELU
    are listed under the architecture that has it, others under the plain one.
    """
    names = []
    order = {architecture: place for place, architecture in enumerate(_table())}
    configs = model_configs()
    for architecture in sorted(configs, key=lambda name: order.get(name.removesuffix(QUICKGELU), len(order))):
        config = configs[architecture]
        tags = _table().get(architecture, {})
        twin = _table().get(_other_activation(architecture), {})
        names += [
            f"{architecture}/{tag}"
            for tag, published in tags.items()
            if tag not in twin or bool(published.get("quick_gelu")) == bool(config.get("quick_gelu"))
        ] or ([f"{architecture}/"] if not tags else [])
    return names


@cache
def model_configs() -> dict[str, dict[str, Any]]:
    """Return open_clip's configurations of architectures, by name."""
    paths = sorted((_package() / "model_configs").glob("*.json"), key=lambda path: _natural(path.stem))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


@cache
def facts() -> dict[str, Any]:
    """Return architectures.json: {"architectures": ArchitectureFacts by name, "licences": by architecture/tag}."""
    return dict(json.loads(ARCHITECTURES.read_text(encoding="utf-8")))


@cache
def _table() -> dict[str, dict[str, dict[str, Any]]]:
    """open_clip's table of published weights, by architecture and tag: the definitions of its file are run alone.

    Importing the package, or what the file itself tries to import, would import torch.
    """
    names: dict[str, Any] = {}
    for file in ("constants.py", "pretrained.py"):
        tree = ast.parse((_package() / file).read_text(encoding="utf-8"))
        imports = (ast.Try, ast.ImportFrom)
        tree.body = [node for node in tree.body if not isinstance(node, imports) or _from_typing(node)]
        exec(compile(tree, file, "exec"), names)
    return dict(names["_PRETRAINED"])


def _from_typing(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "typing"


@cache
def _package() -> Path:
    spec = find_spec("open_clip")
    assert spec is not None and spec.submodule_search_locations, "open_clip is not installed"
    return Path(spec.submodule_search_locations[0])


def _published(name: str) -> ListedModel:
    """An open_clip model, by architecture/tag or architecture/FILE."""
    architecture, _, tag = name.partition("/")
    known: ArchitectureFacts | None = facts()["architectures"].get(architecture)
    image, text = (known["image_parameters"], known["text_parameters"]) if known else (None, None)
    published = _table().get(architecture, {}).get(tag)
    on_disk = bool(_cached(published) if published else tag)
    whole = image + text if image and text else None
    return ListedModel(
        name,
        "open_clip",
        **_towers(model_configs()[architecture]),
        image_parameters=image,
        text_parameters=text,
        norm=known["norm"] if known else "",
        licence=facts()["licences"].get(name, ""),
        on_disk=on_disk,
        download=0 if on_disk else whole * FLOAT if whole and published else None,
        memory=run_memory(image, whole, known["activations"]) if image and whole and known else None,
    )


def _folder(name: str, path: Path, kind: str) -> ListedModel:
    """A model in a folder of open_clip's layout; of anything else only the name is known."""
    elsewhere = bool(SCHEME.match(name))
    plain = ListedModel(name, kind, on_disk=not elsewhere, download=None if elsewhere else 0)
    try:
        config = json.loads(read_regular(path / CONFIG))["model_cfg"]
        shapes = _shapes(next(path.glob("*.safetensors")))
        towers = _towers(config)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, StopIteration, struct.error):
        return plain
    sizes = {key: math.prod(shape) for key, shape in shapes.items() if not key.endswith(BUFFERS)}
    image, whole = sum(size for key, size in sizes.items() if key.startswith("visual.")), sum(sizes.values())
    batch = any(key.startswith("visual.") and key.endswith("running_mean") for key in shapes)
    return replace(
        plain,
        **towers,
        image_parameters=image,
        text_parameters=whole - image,
        norm="batch" if batch else "layer",
        memory=run_memory(image, whole, 0),
    )


def run_memory(image_parameters: int, parameters: int, activations: int) -> int:
    """Return the bytes that a run takes at least, images left out.

    The weights twice, as they were and as they change; a gradient for each weight of the image tower; and what a batch
    of BATCH images leaves for the backward pass.
    """
    return FLOAT * (2 * parameters + image_parameters) + BATCH * activations


def _towers(config: dict[str, Any]) -> dict[str, Any]:
    """Names of the towers, and the image size, of what open_clip calls a model_cfg."""
    vision, text = config["vision_cfg"], config["text_cfg"]
    layers, size = vision.get("layers"), vision.get("image_size", 224)
    tower = vision.get("timm_model_name") or (
        f"ResNet {'-'.join(map(str, layers))}" if isinstance(layers, list) else f"ViT {layers} x {vision.get('width')}"
    )
    words = text.get("hf_model_name") or f"transformer {text.get('layers')} x {text.get('width')}"
    return {"image_tower": tower, "text_tower": words, "image_size": max(size) if isinstance(size, list) else size}


def _cached(published: dict[str, Any]) -> Path | None:
    """The file of published weights on this disk: where the hub's client keeps it, or open_clip itself."""
    from huggingface_hub import try_to_load_from_cache

    repository, _, file = published.get("hf_hub", "").rpartition("/")
    names = (file, f"{file.rpartition('.')[0]}.safetensors") if file else HUB_FILES
    for name in names if repository else ():
        cached = try_to_load_from_cache(repository, name)
        if isinstance(cached, str):
            return Path(cached)
    path = Path.home() / ".cache" / "clip" / published.get("url", "").rpartition("/")[2]
    return path if not repository and path.is_file() else None


def _shapes(path: Path) -> dict[str, list[int]]:
    """Names and shapes of a safetensors file's tensors, from its header alone."""
    with open_regular(path) as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > 2**26:
            raise ValueError("the header is too long")
        header = json.loads(file.read(length))
    return {key: entry["shape"] for key, entry in header.items() if key != "__metadata__"}


def _exists(name: str) -> bool:
    try:
        return bool(name.strip()) and not refusal(Path(name).expanduser())
    except (OSError, RuntimeError, ValueError):
        return False


def _other_activation(architecture: str) -> str:
    bare = architecture.removesuffix(QUICKGELU)
    return bare if bare != architecture else architecture + QUICKGELU


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9.]+", text.lower().replace("_", " "))


def _natural(text: str) -> list[Any]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text.lower())]
