"""MATLAB's .mat files, in which some data sets keep their labels; read by scipy, which is an extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clipforget.data.published import NotPublished
from clipforget.errors import BadData


def read_mat(file: Path, *names: str) -> list[Any]:
    """Return these variables of a .mat file, singleton axes removed.

    Raises NotPublished where the file or one of them is missing, BadData where scipy is.
    """
    try:
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError
    except ImportError as error:
        raise BadData(f"{file.name} needs scipy: pip install 'clipforget[datasets]', or pip install scipy.") from error
    if not file.is_file():
        raise NotPublished(f"no {file.name}")
    try:
        content = loadmat(str(file), squeeze_me=True, variable_names=names)
        return [content[name] for name in names]
    except (MatReadError, KeyError, TypeError, ValueError, NotImplementedError, EOFError, MemoryError) as error:
        raise NotPublished(f"a damaged {file.name}") from error
