"""What one process reads and shares: data sets, models, pixels. Each is read once and kept within bounds.

A worker gives its runs one Resources, the page has one for all it shows. Safe across threads. Nothing heavy is
imported before it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.data.catalogue import load_dataset, path_of
from clipforget.data.evaluation import read_paths, with_evaluation_sets
from clipforget.data.others import with_others
from clipforget.data.selection import apply_selections, read_selection
from clipforget.data.splits import EVALUATION
from clipforget.runs.cache import Cache
from clipforget.runs.originals import load_original

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset
    from clipforget.models.clip import Clip
    from clipforget.models.pixels import Pixels
    from clipforget.soup.path import Floats

CLASSIFIERS = 2**28  # bytes of text features of class names, of original models
PIXELS = 2**29  # bytes of preprocessed images; those of the last target stay, however large they are


class Resources:
    """A small memory of what runs and views read.

    `runs` is the folder of the runs, whose results are models too. At most `datasets` data sets and `models` models
    stay. With `follow` a data set whose file or folder has another time of change is read again, as a page needs it;
    without, all runs of a comparison see the same images.
    """

    def __init__(self, runs: Path = Path("runs"), *, datasets: int = 1, models: int = 1, follow: bool = False) -> None:
        self.runs = runs
        self._follow = follow
        self._datasets: Cache[Dataset] = Cache(datasets)
        self._composed: Cache[Dataset] = Cache(3 * datasets)  # with others, with selections, with sets
        self._clips: Cache[tuple[Clip, str]] = Cache(models)
        self.classifiers: Cache[Floats] = Cache(CLASSIFIERS, lambda classifier: classifier.nbytes)
        self.pixels: Cache[Pixels] = Cache(PIXELS, lambda pixels: pixels.nbytes)

    def dataset(
        self,
        name: str,
        evaluation: Sequence[str] = (),
        most: int = EVALUATION,
        selections: Sequence[str] = (),
        others: str = "",
        levels: str = "",
    ) -> Dataset:
        """Return a data set by name or path, composed as a run's configuration says; see `images_of`.

        That is with the superclasses of `others` beside its own, with the images that the files of `selections` chose
        as subgroups, and at most `most` images of each of the evaluation sets NAME=PATH. Raises as `load_dataset`,
        `with_others`, `apply_selections` and `with_evaluation_sets`.
        """
        alone = self._read(name, levels)
        if others:
            first, second = alone, self._read(others)
            joined = (first.fingerprint, second.fingerprint)
            alone = self._composed.get(joined, lambda: with_others(first, second))
        if selections:
            alone = self._with_selections(alone, selections)
        if not evaluation:
            return alone
        stamps = tuple(_changed_at(path.path) if self._follow else 0 for path in read_paths(evaluation))
        key = (alone.fingerprint, tuple(evaluation), most, stamps)
        return self._composed.get(key, lambda: with_evaluation_sets(alone, evaluation, most))

    def _read(self, name: str, levels: str = "") -> Dataset:
        stamp = _changed_at(name) if self._follow else 0
        return self._datasets.get((name, levels, stamp), lambda: load_dataset(name, levels))

    def _with_selections(self, dataset: Dataset, paths: Sequence[str]) -> Dataset:
        read = [read_selection(Path(path)) for path in paths]
        key = (dataset.fingerprint, *(selection.digest for selection in read))
        return self._composed.get(key, lambda: apply_selections(dataset, read))

    def clip(self, name: str, device: str, verify: bool = True) -> Clip:
        """Return an original model. Raises as `load_original`.

        Its weights are hashed and it is read again should anybody have changed them; `verify` False spares that, for
        those who only ever change copies.
        """
        key = (name, device)
        kept = self._clips.peek(key)
        if verify and kept is not None and kept[0].fingerprint() != kept[1]:
            self._clips.drop(lambda other: other == key)
        return self._clips.get(key, lambda: _load(name, device, self.runs))[0]


def _changed_at(name: str) -> int:
    """The time of change of a data set's file or folder, ns; 0 where there is none or it cannot be told."""
    try:
        path = path_of(name)
        return path.stat().st_mtime_ns if path is not None else 0
    except (OSError, RuntimeError, ValueError):
        return 0


def _load(name: str, device: str, runs: Path) -> tuple[Clip, str]:
    from clipforget.models.precision import repeat_exactly, set_thread_count

    clip = load_original(name, device, runs)
    set_thread_count(clip)
    repeat_exactly(clip.device)
    return clip, clip.fingerprint()
