"""open_clip in half the time: what its import brings along and hardly anything needs comes when it is needed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo.utils"


class Deferring:
    """A finder of open_clip that imports it, once, without transformers (1 s) and without torch's compiler (2 s)."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find open_clip, and nothing else."""
        if name != "open_clip":
            return None
        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                sys.meta_path.remove(cls)
                with _without_transformers(), _without_compiler():
                    load(module)

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def give_transformers() -> None:
    """Give open_clip the text towers of transformers, which its import left out."""
    from open_clip import hf_model, model

    if hf_model.transformers is None:
        model.HFTextEncoder = importlib.reload(hf_model).HFTextEncoder


@contextmanager
def _without_transformers() -> Iterator[None]:
    """As where it is not installed; open_clip's tokenizers import it by themselves."""
    with _standing_in("transformers", None):
        yield


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Answer for the compiler, which torchvision and timm import to ask a question and to keep it off a function."""
    import torch

    def real(name: str) -> Any:
        if name.startswith("__"):  # asked of every module there is, to see where it lies
            raise AttributeError(name)
        if sys.modules.get(COMPILER) is compiler:
            del sys.modules[COMPILER]
        return getattr(importlib.import_module(COMPILER), name)

    compiler: Any = ModuleType(COMPILER)
    compiler.is_compile_supported = lambda device: real("is_compile_supported")(device)
    compiler.__getattr__ = real
    interface: Any = torch.compiler
    disable, interface.disable = interface.disable, _as_it_is
    try:
        with _standing_in(COMPILER, compiler):
            yield
    finally:
        interface.disable = disable


def _as_it_is(function: Any = None, *_: Any, **__: Any) -> Callable[..., Any]:
    return function or _as_it_is


@contextmanager
def _standing_in(name: str, module: Any) -> Iterator[None]:
    """Let `import name` find `module`, unless it was imported before."""
    if sys.modules.setdefault(name, module) is not module:
        yield
        return
    try:
        yield
    finally:
        if sys.modules.get(name) is module:
            del sys.modules[name]
