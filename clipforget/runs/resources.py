"""What the runs of one process may share, so that one after the other need not load it again: data set, model, pixels.

Nothing heavy is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clipforget.runs.cache import Cache

if TYPE_CHECKING:
    from clipforget.data.dataset import Dataset
    from clipforget.models.clip import Clip

PIXELS = 2 * 2**30  # bytes of preprocessed images; those of the last target stay, however large they are


class Resources:
    """A small memory of what runs read. A data set is read once, so that all of a comparison sees the same images."""

    def __init__(self) -> None:
        self._datasets: Cache[Dataset] = Cache(1)
        self._clips: Cache[tuple[Clip, str]] = Cache(1)
        self.pixels: Cache[Any] = Cache(PIXELS, lambda pixels: pixels.nbytes)

    def dataset(self, name: str) -> Dataset:
        """A data set by name or path. Raises as `load_dataset`."""
        from clipforget.data.catalogue import load_dataset

        return self._datasets.get(name, lambda: load_dataset(name))

    def clip(self, name: str, device: str) -> Clip:
        """An original model, read again should anybody have changed its weights. Raises as `load_clip`."""
        clip, mark = self._clips.get((name, device), lambda: _load(name, device))
        if clip.fingerprint() != mark:
            self._clips.drop(lambda key: True)
            clip, _ = self._clips.get((name, device), lambda: _load(name, device))
        return clip


def _load(name: str, device: str) -> tuple[Clip, str]:
    from clipforget.models.loading import load_clip
    from clipforget.models.precision import repeat_exactly, set_thread_count

    clip = load_clip(name, device)
    set_thread_count(clip)
    repeat_exactly(clip.device)
    return clip, clip.fingerprint()
