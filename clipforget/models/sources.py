"""What a model's name leads to: a folder, an architecture with published weights or a file, a repository on the hub."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip

from clipforget.errors import BadModel, UnknownName
from clipforget.files import ASSETS, refusal
from clipforget.models import huggingface
from clipforget.models.checkpoints import SUFFIXES, is_from_openai, shorten
from clipforget.models.downloads import NAME, Fetching, cached, fetch

EMBEDDED = {"clipforget-tiny": ASSETS / "clipforget-tiny"}
CONFIG = "open_clip_config.json"
HUB = "hf-hub:"  # stands before the name of a repository
HUB_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin")
TOKENIZERS = (  # what a tokenizer of transformers is made of, one of these
    "tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip
PREPARED = ("mean", "std", "interpolation", "resize_mode")  # what there is to say of how images are prepared


@dataclass(frozen=True)
class Source:
    """What open_clip is asked for: an architecture or `local-dir:` folder, a tag or file, the tag that prepares images.

    `tag` is the tag whose mean, std and resizing a file of weights takes, "" where all tags agree or there is none.
    """

    architecture: str
    pretrained: str = ""
    tag: str = ""

    @property
    def listed(self) -> bool:
        """Tell whether the weights are published ones, by a tag of open_clip's."""
        return self.pretrained in open_clip.list_pretrained_tags_by_model(self.architecture)

    def __str__(self) -> str:
        """Return the name that leads to the same model."""
        if not self.pretrained:
            return self.architecture.removeprefix("local-dir:")
        return f"{self.architecture}/{self.pretrained}" + (f":{self.tag}" if self.tag else "")


def find_source(name: str) -> Source:
    """Return architecture and pretrained tag or file of a name, checked before anything is downloaded or built.

    Raises BadModel or UnknownName.
    """
    if name.partition("/")[0] not in open_clip.list_models() and _is_file(name):
        raise BadModel(f"{name} is a file; write the architecture of its weights before it, as in ViT-B-32/{name}.")
    if name.startswith(("/", "./", "../", "~")):
        raise BadModel(f"There is no folder {name}; give one with {CONFIG} and open_clip_model.safetensors.")
    architecture, slash, pretrained = name.partition("/")
    if not slash:
        raise UnknownName("model", name, [*EMBEDDED, "RN50/openai", "ViT-B-32/openai"])
    if architecture not in open_clip.list_models():
        raise UnknownName("open_clip model", architecture, open_clip.list_models())
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if pretrained in tags:
        wants = bool((open_clip.get_pretrained_cfg(architecture, pretrained) or {}).get("quick_gelu"))
        return Source(_with_activation(architecture, wants), pretrained)
    file, tag = pretrained, ""
    if not _is_file(file):
        file, _, tag = pretrained.rpartition(":")
        if not _is_file(file):
            raise UnknownName(f"pretrained tag of {architecture}", pretrained, tags)
    file = str(Path(file).expanduser())
    if is_from_openai(file):
        architecture, tag = _with_activation(architecture, True), tag or ("openai" if "openai" in tags else "")
    return _with_preprocessing(Source(architecture, file, tag))


def _with_preprocessing(source: Source) -> Source:
    """Check the tag that says how the images of a file of weights are prepared, or ask for one where tags disagree."""
    ways = _published_ways(source.architecture)
    tags = [tag for way in ways.values() for tag in way]
    if source.tag and source.tag not in tags:
        raise UnknownName(f"pretrained tag of {source.architecture}", source.tag, tags)
    if not source.tag and len(ways) > 1:
        kinds = " or ".join(f"'{way[0]}'" for way in ways.values())
        raise BadModel(
            f"A file does not say how images are prepared, and published weights of {source.architecture} differ "
            f"there: add a tag whose way it was trained in, {kinds}, as in {source}:{tags[0]}."
        )
    return source


def _published_ways(architecture: str) -> dict[tuple[Any, ...], list[str]]:
    """The tags of an architecture by the way they prepare images: mean, std, interpolation, resize_mode."""
    ways: dict[tuple[Any, ...], list[str]] = {}
    for tag in open_clip.list_pretrained_tags_by_model(architecture):
        config = open_clip.get_pretrained_cfg(architecture, tag) or {}
        ways.setdefault(tuple(config.get(key) for key in PREPARED), []).append(tag)
    return ways


def _is_file(name: str) -> bool:
    try:
        path = Path(name).expanduser()
        return path.is_file() and not refusal(path)
    except (OSError, RuntimeError, ValueError):
        return False


def _with_activation(architecture: str, quick_gelu: bool) -> str:
    """The same architecture with the activation that weights were trained with, where there is one.

    The other one gives silently wrong features.
    """
    if quick_gelu == bool((open_clip.get_model_config(architecture) or {}).get("quick_gelu")):
        return architecture
    bare = architecture.removesuffix("-quickgelu")
    other = bare if bare != architecture else f"{bare}-quickgelu"
    return other if other in open_clip.list_models() else architecture


def fetch_model(name: str) -> Generator[Fetching, None, None]:
    """Bring what `load_clip` needs of a name into the local cache, yielding how far it is; nothing for local names.

    Closing the generator stops it. Raises as `fetch` and, for a name that is none, BadModel or UnknownName.
    """
    name = name.removeprefix("local-dir:")
    if name.startswith(HUB):
        yield from _fetch_repository(name)
    elif folder_of(name) is None and (source := find_source(name)).listed:
        check_texts(open_clip.get_model_config(source.architecture) or {}, name)
        config = open_clip.get_pretrained_cfg(source.architecture, source.pretrained) or {}
        repository, _, file = config.get("hf_hub", "").rpartition("/")
        if repository:
            names = [f"{file.rpartition('.')[0]}.safetensors", file] if file else list(HUB_WEIGHTS)
            if (yield from fetch(repository, list(dict.fromkeys(names)), name)) is None:
                raise BadModel(
                    f"{repository} on the hub does not hold the weights of {name} any more; take another tag."
                )


def _fetch_repository(name: str) -> Generator[Fetching, None, None]:
    repository = name.removeprefix(HUB)
    if not NAME.fullmatch(repository):
        raise BadModel(
            f"'{name}' is no name on the hub; write owner and model, as in {HUB}laion/CLIP-ViT-B-32-my-data."
        )
    config = yield from fetch(repository, [CONFIG, huggingface.CONFIG], name)
    weights = None
    if config is not None:
        theirs = config.name == huggingface.CONFIG
        if not theirs:
            check_texts(_model_cfg(config), name)
        weights = yield from fetch(repository, huggingface.WEIGHTS if theirs else HUB_WEIGHTS, name)
        for names in (huggingface.PREPROCESSING, huggingface.TOKENIZER) if theirs else ():
            yield from fetch(repository, names, name)
        yield from fetch(repository, [config.name], name)  # of the same revision as the weights
    if weights is None:
        raise BadModel(
            f"{repository} on the hub holds no CLIP that can be read here: it needs {CONFIG} and {HUB_WEIGHTS[0]}, or "
            f"{huggingface.CONFIG} and {huggingface.WEIGHTS[0]} of transformers' CLIPModel."
        )


def folder_of(name: str) -> Path | None:
    """Return the folder that a name leads to, of a repository on the hub the one in the cache; None for other names."""
    if name in EMBEDDED:
        return EMBEDDED[name]
    if name.startswith(HUB):
        config = cached(name.removeprefix(HUB), [CONFIG, huggingface.CONFIG])
        return None if config is None else config.parent
    return _folder(name)


def _folder(name: str) -> Path | None:
    try:
        folder = Path(name).expanduser()
        return folder if name.strip() and folder.is_dir() and not refusal(folder) else None
    except (OSError, RuntimeError, ValueError):
        return None


def model_config(name: str) -> dict[str, Any]:
    """Return what open_clip calls the model_cfg of a model by its name, as `load_clip` takes it."""
    name = name.removeprefix("local-dir:")
    folder = folder_of(name)
    if folder is None:
        return dict(open_clip.get_model_config(find_source(name).architecture) or {})
    if is_transformers(folder):
        return huggingface.model_config(folder)
    check_folder(folder)
    return _model_cfg(folder / CONFIG)


def is_transformers(folder: Path) -> bool:
    """Tell whether a folder is in the layout of transformers."""
    return not (folder / CONFIG).exists() and (folder / huggingface.CONFIG).is_file()


def check_folder(folder: Path) -> str:
    """Name a folder as open_clip does. Raises BadModel where it holds no configuration or no weights."""
    file = folder / CONFIG
    if not _is_file(str(file)):
        raise BadModel(f"The folder {folder} has no {CONFIG}; save the model there in open_clip's layout.")
    config = _model_cfg(file)
    check_texts(config, str(folder))
    tokenizer = config["text_cfg"].get("hf_tokenizer_name")
    if tokenizer and not any(_is_file(str(folder / name)) for name in TOKENIZERS):
        raise BadModel(f"The folder {folder} has no tokenizer; put tokenizer.json of {tokenizer} beside the weights.")
    if not any(path.suffix in SUFFIXES and _is_file(str(path)) for path in folder.glob("*")):
        raise BadModel(f"The folder {folder} has no weights; put open_clip_model.safetensors beside {CONFIG}.")
    return f"local-dir:{folder}"


def _model_cfg(file: Path) -> dict[str, Any]:
    """The model_cfg of open_clip's configuration file."""
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadModel(f"{file} is damaged, no JSON ({shorten(error)}); copy or save it again.") from error
    parts = config.get("model_cfg") if isinstance(config, dict) else None
    if not isinstance(parts, dict) or not all(isinstance(parts.get(part), dict) for part in ("vision_cfg", "text_cfg")):
        raise BadModel(
            f"{file} does not describe a CLIP: it needs 'model_cfg' with 'vision_cfg' and 'text_cfg', and "
            "'preprocess_cfg' beside it; take the one that open_clip saved with the weights."
        )
    return parts


def check_texts(config: dict[str, Any], name: str) -> None:
    """Refuse a text tower or tokenizer of transformers where that is not installed, before weights are fetched.

    config is a model_cfg. Raises BadModel.
    """
    if texts_of_transformers(config) and not importlib.util.find_spec("transformers"):
        raise BadModel(
            f"The texts of {name} need the extra 'transformers': pip install 'clipforget[transformers]', or only "
            "pip install transformers."
        )


def texts_of_transformers(config: dict[str, Any]) -> bool:
    """Tell whether the text tower or tokenizer of a model_cfg is one of transformers."""
    text = config.get("text_cfg", {})
    return bool(text.get("hf_model_name") or text.get("hf_tokenizer_name"))
