"""From the pictures of a source to folders: linked where they are files, written as PNG where they are not.

Can be stopped and repeated at any time: a file appears whole or not at all, one that is there already is kept, and
nothing that is not ours is written over.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clipforget.benchmark.paper.prepare import SOURCES
from clipforget.data.published import Picture, some
from clipforget.errors import BadData
from clipforget.files import atomic


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did: the folders at the top, how many classes and images they hold, and how many were there."""

    folders: tuple[str, ...]
    classes: int
    images: int
    kept: int


def prepare(
    name: str,
    src: str | Path,
    out: str | Path,
    evaluation: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Prepared:
    """Build the folders of a data set below `out` and return what was done.

    `train|test/<superclass>[/<subgroup>]/`, or as an evaluation set `<name>/<class>/` with the test images alone.
    `progress` is called with the images done and their number. Raises UnknownName for the name, BadData where src is
    not that data set, where out and src lie inside each other, or where out holds other classes or files.
    """
    entry = SOURCES.load()[name]
    src, out = Path(os.path.expanduser(src)), Path(os.path.expanduser(out))
    _check(src, out)
    evaluation = evaluation or entry.only_evaluation
    pictures = [picture for picture in entry.pictures(src) if picture.split == "test" or not evaluation]
    folders = [Path(name if evaluation else picture.split, *picture.labels) for picture in pictures]
    tops = tuple(dict.fromkeys(folder.parts[0] for folder in folders))
    ours = {path for folder in set(folders) for path in (folder, *folder.parents)}
    for top in tops:
        if foreign := sorted(str(path) for path in _below(out, Path(top)) - ours):
            instead = "" if evaluation else f" or add --evaluation, which puts the test images under {out / name}"
            raise BadData(
                f"{out} holds folders that are not of {entry.title} ({some(foreign)}); give another folder{instead}."
            )
    kept = done = 0
    made: set[Path] = set()
    for done, (picture, folder) in enumerate(zip(pictures, folders, strict=True), 1):
        if folder not in made:
            if _inside(out / folder, src):
                raise BadData(f"{out / folder} is a link into {src}, where nothing may be written; take it away.")
            (out / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        target = out / folder / picture.name
        if _is_there(picture, target):
            kept += 1
        elif picture.draw is None:
            _link(picture.file, target)
        else:
            _write(picture, target)
        progress(done, len(pictures))
    if evaluation:
        _write_texts(out / name, entry.texts())
    return Prepared(tops, len({picture.labels for picture in pictures}), done, kept)


def _check(src: Path, out: Path) -> None:
    if not src.is_dir():
        what = "is a file; unpack it first and give the folder" if src.is_file() else "does not exist"
        raise BadData(f"{src} {what}.")
    if _inside(out, src) or _inside(src, out):
        raise BadData(f"{out} and {src} lie inside each other; give a folder of its own to write to.")
    if out.exists() and not out.is_dir():
        raise BadData(f"{out} is a file; give a folder to write to.")


def _inside(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _below(out: Path, top: Path) -> set[Path]:
    """The folders down to the subgroups that are there already, relative to out."""
    found = {path.relative_to(out) for pattern in ("*", "*/*") for path in (out / top).glob(pattern) if path.is_dir()}
    return {path for path in found if not any(part.startswith(".") for part in path.parts)}


def _is_there(picture: Picture, target: Path) -> bool:
    """Whether the picture was placed before. Raises BadData where another file has its name.

    A link whose source has moved is taken away. Of a written file the time is that of its source.
    """
    if not target.exists():
        if target.is_symlink():
            target.unlink()
        return False
    if picture.draw is None:
        same = target.samefile(picture.file) or filecmp.cmp(target, picture.file, shallow=False)
    else:
        same = target.stat().st_mtime_ns == picture.file.stat().st_mtime_ns or target.read_bytes() == picture.content()
    if not same:
        raise BadData(f"{target} is there already and another file; take it away or give another folder.")
    return True


def _link(file: Path, target: Path) -> None:
    """A hard link, else a relative symbolic one, else a copy."""
    real = file.resolve()
    for link in (os.link, lambda real, target: os.symlink(os.path.relpath(real, target.parent.resolve()), target)):
        try:
            link(real, target)
            return
        except FileExistsError:
            raise
        except OSError:
            continue
    with atomic(target) as draft:
        shutil.copyfile(real, draft)


def _write(picture: Picture, target: Path) -> None:
    content, time = picture.content(), picture.file.stat().st_mtime_ns
    with atomic(target) as draft:
        draft.write_bytes(content)
        os.utime(draft, ns=(time, time))


def _write_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """The files beside the class folders. Raises BadData where another file has the name of one."""
    for name, text in texts.items():
        file, content = folder / name, text.encode()
        if file.exists():
            if file.read_bytes() != content:
                raise BadData(f"{file} is there already and another file; take it away or give another folder.")
            continue
        with atomic(file) as draft:
            draft.write_bytes(content)
