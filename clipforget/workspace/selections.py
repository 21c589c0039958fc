"""Choosing images that nobody labelled: look at them by words, pictures, groups and on a map, and save what is chosen.

All of it goes by features that a worker makes once for a data set and a model. No torch until a query is embedded.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from clipforget.data.dataset import Dataset
from clipforget.data.selection import (
    Selection,
    check_name,
    find_images,
    make_selection,
    parse_selection,
    read_selection,
)
from clipforget.data.target import label
from clipforget.errors import BadData, BadQuery, ClipforgetError, QueueFull, RunProblem, StaleIndex
from clipforget.runs.cache import Cache
from clipforget.runs.config import RunConfig, with_absolute_paths
from clipforget.runs.feature_work import FEATURES, FeatureInfo, Features, FeatureWork, FeatureWorks, load_features
from clipforget.runs.selections import SelectionStore
from clipforget.workspace.choosing import clusters, copies, nearest_words, plane, siblings
from clipforget.workspace.selection_documents import (
    Choosing,
    ChoosingWork,
    ImageCluster,
    ListedSelection,
    OpenedSelection,
    Proposal,
    SimilarImages,
)
from clipforget.workspace.uploads import LONGEST_QUERY, Uploads
from clipforget.workspace.workers import Workers

if TYPE_CHECKING:
    from clipforget.models.clip import Clip

MOST_CLUSTERS = 60  # groups
COSINE_STEPS = 10_000  # of a cosine, as the page gets it
CAPTIONS = 4  # words proposed of each kind
NAMED_ALIKE = 0.8  # share of the chosen images that makes their label the caption
LARGEST_FILE = 32 * 2**20  # bytes of a selection that is read


class SelectionService:
    """The selections of a runs folder and the features by which they are made.

    dataset_of gives a data set by name, clip_of a model by (name, device).
    """

    def __init__(
        self,
        runs: Path,
        dataset_of: Callable[[str], Dataset],
        clip_of: Callable[[str, str], Clip],
        workers: Workers,
        uploads: Uploads,
    ) -> None:
        self.store, self.works = SelectionStore(runs), FeatureWorks(runs)
        self._dataset_of, self._clip_of, self._workers, self._uploads = dataset_of, clip_of, workers, uploads
        self._features: Cache[Features] = Cache(2**29, lambda features: features.size)
        self._same: Cache[bool] = Cache(8)  # whether a loaded model made the features

    # the images and their features

    def choosing(self, config: RunConfig) -> Choosing:
        """Return what the page needs to show a data set's images, and how the work on their features stands."""
        dataset = self._dataset_of(config.data)
        names = [label(item.superclass, item.subgroup) for item in dataset.native]
        known = sorted(set(names))
        places = {name: place for place, name in enumerate(known)}
        return {
            "data": config.data,
            "title": dataset.name,
            "fingerprint": dataset.fingerprint,
            "images": len(names),
            "names": known,
            "labels": [places[name] for name in names],
            "work": self.work(config),
        }

    def work(self, config: RunConfig) -> ChoosingWork:
        """Return how the work on the features stands: "none" before it was begun, and so on, "done" where it is."""
        work = self.work_of(config)
        try:
            info = work.known()
        except RunProblem:
            info = None
        if info is None or (info["state"] == "done" and not work.path(FEATURES).exists()):
            return {"state": "none", "error": None, "event": None, "position": None}
        return self._described(work, info)

    def start(self, config: RunConfig) -> None:
        """Embed the images in a worker of its own, or put that in line; nothing happens where it is at work or done.

        Raises QueueFull, and what is wrong with the data set.
        """
        work = self.work_of(config)
        if self.work(config)["state"] in ("queued", "running", "done"):
            return
        work.write(with_absolute_paths(config), "queued")
        try:
            self._workers.start(work)
        except QueueFull as full:
            work.end(full)
            raise

    def stop(self, config: RunConfig) -> None:
        """Ask the worker to stop. Raises RunProblem where nothing is at work."""
        work = self.work_of(config)
        if work.known() is None:
            raise RunProblem("Nothing is at work on these images.")
        self._workers.stop(work)

    def features(self, config: RunConfig) -> Features:
        """Return the features of a data set by a model. Raises RunProblem where they have not been made yet."""
        path = self.work_of(config).path(FEATURES)
        key = (str(path), path.stat().st_mtime_ns if path.exists() else 0)
        found = self._features.peek(key) or load_features(path)
        if found is None:
            path.unlink(missing_ok=True)  # a damaged one: then they can be made anew
            raise RunProblem("The images have not been looked at by this model yet; prepare the search first.")
        self._features.put(key, found)
        return found

    # ways to choose

    def similar(
        self, config: RunConfig, text: str | None = None, image: int | None = None, upload: str | None = None
    ) -> SimilarImages:
        """Return the cosine of every image to a text, to one of the images or to an upload: exactly one of them.

        Raises BadQuery.
        """
        if [text, image, upload].count(None) != 2:
            raise BadQuery("Search by one text, one of the images or one upload.")
        cosines = self.cosines(config, text, image, upload)
        steps = np.rint(cosines * COSINE_STEPS).astype("<i2")
        note = "" if text is None else self._note(config, text)
        return {"cosines": base64.b64encode(steps.tobytes()).decode(), "steps": COSINE_STEPS, "note": note}

    def cosines(self, config: RunConfig, text: str | None, image: int | None, upload: str | None) -> Any:
        """Return the same as N numbers; upload may also be the path of a picture."""
        features = self.features(config)
        if image is not None:
            if not 0 <= image < len(features.images):
                raise BadQuery(f"There is no image {image}; there are {len(features.images):,}.")
            return features.images @ features.images[image]
        from clipforget.runs.features import image_features, text_features

        if text is not None:
            if not text.strip() or len(text) > LONGEST_QUERY:
                raise BadQuery(f"Write what to look for, in at most {LONGEST_QUERY} characters.")
            clip = self._clip(config, features)
            return features.images @ text_features(clip, text.strip(), self._dataset_of(config.data).template)
        sent = self._uploads.peek(upload or "")
        if sent is None:
            raise BadQuery("The uploaded image is not kept any more; upload it again.")
        return features.images @ image_features(self._clip(config, features), sent[0])

    def map(self, config: RunConfig) -> dict[str, Any]:
        """Return the images as points on a plane, as `EmbeddingMap` tells them, the same at both ends of alpha."""
        steps = np.rint(plane(self.features(config).images) * (2**16 - 1)).astype("<u2")
        points = base64.b64encode(np.stack([steps, steps]).tobytes()).decode()
        return {"by": "images", "alphas": [0.0, 1.0], "points": points}

    def clusters(self, config: RunConfig, count: int) -> list[ImageCluster]:
        """Group the images into `count` clusters, the largest first, each named by its nearest words."""
        if not 1 <= count <= MOST_CLUSTERS:
            raise BadQuery(f"There can be 1 to {MOST_CLUSTERS} groups.")
        features = self.features(config)
        of = clusters(features.images, count)
        groups = [np.flatnonzero(of == number).tolist() for number in range(int(of.max()) + 1)]
        return [
            {"words": nearest_words(features, group, 3), "images": group}
            for group in groups if group
        ]  # fmt: skip

    def propose(self, config: RunConfig, images: Sequence[int], caption: str = "") -> Proposal:
        """Return captions for the chosen images, those that nearly repeat one of them, and siblings of a caption.

        Without a caption the first of those proposed is taken.
        """
        features, dataset = self.features(config), self._dataset_of(config.data)
        chosen = sorted({i for i in images if 0 <= i < len(features.images)})
        if not chosen:
            raise BadQuery("Choose some images first.")
        words = list(
            dict.fromkeys(
                [*nearest_words(features, chosen, CAPTIONS, kinds=True), *nearest_words(features, chosen, CAPTIONS)]
            )
        )
        labels, (name, count) = dataset.superclasses, _most_common(dataset, chosen)
        if len(labels) > 1 and count >= NAMED_ALIKE * len(chosen):
            words = [name, *(word for word in words if word != name)]
        caption = check_name(caption or words[0], "caption")
        known = [i for i, item in enumerate(dataset.native) if item.superclass == caption]
        from clipforget.runs.features import text_features

        meant = text_features(self._clip(config, features), caption, dataset.template)
        alike = copies(features, chosen)
        found = siblings(features, meant, [*chosen, *alike], known)
        return {
            "caption": caption,
            "captions": words,
            "copies": alike,
            "siblings": [
                {"image": s.image, "to_caption": s.to_caption, "to_chosen": s.to_chosen, "labelled": bool(known)}
                for s in found
            ],
        }

    # selections by name

    def save(
        self,
        config: RunConfig,
        name: str,
        caption: str,
        images: Sequence[int],
        siblings: Sequence[int],
        how: dict[str, Any],
        replaced: bool = False,
    ) -> Selection:
        """Save a selection; near-duplicates of what is chosen are chosen too, where they are known, and counted in how.

        Raises BadSetting for a bad or taken name, BadData for an empty selection or one of all images.
        """
        more: list[int] = []
        if self.work(config)["state"] == "done":
            more = copies(self.features(config), images)
        how = {**how, "near_duplicates": len(more)} if more else how
        data = with_absolute_paths(config).data
        every = [*images, *more]
        selection = make_selection(self._dataset_of(config.data), data, name, caption, every, siblings, how)
        self.store.save(selection, replaced)
        return selection

    def target(self, text: str) -> tuple[str, str]:
        """Return class and name of a selection, by its name or file. Raises UnknownName, BadData."""
        selection = read_selection(self.store.locate(text))
        return selection.caption, selection.name

    def saved(self) -> list[ListedSelection]:
        """Return all selections by name; of a damaged one what is wrong with it."""
        return [
            {
                "name": name, "target": "", "data": "", "fingerprint": "", "images": 0, "siblings": 0, "created": "",
                "how": {}, "error": str(entry),
            }
            if isinstance(entry, ClipforgetError)
            else {
                "name": name, "target": entry.target, "data": entry.data, "fingerprint": entry.fingerprint,
                "images": len(entry.images), "siblings": len(entry.siblings), "created": entry.created,
                "how": entry.how, "error": "",
            }
            for name, entry in self.store.all()
        ]  # fmt: skip

    def open(self, config: RunConfig, name: str) -> OpenedSelection:
        """Return a selection as indices of a data set's images, with how many are missing. Raises BadData for all."""
        selection, dataset = self.store.get(name), self._dataset_of(config.data)
        chosen, others, lost = find_images(dataset, selection)
        if not chosen:
            raise BadData(
                f"None of the images of '{name}' is in {dataset.name}; it was made of '{selection.data}': open that."
            )
        return {
            "name": selection.name, "caption": selection.caption, "images": chosen, "siblings": others,
            "missing": len(lost), "how": selection.how,
        }  # fmt: skip

    def load(self, data: bytes, name: str = "") -> Selection:
        """Save a selection from a file that was exported, under its own name or another. Raises BadData, BadSetting."""
        if len(data) > LARGEST_FILE:
            raise BadData(f"The file is larger than {LARGEST_FILE // 2**20} MiB, so it is no selection.")
        selection = parse_selection(data)
        if name:
            selection = replace(selection, name=check_name(name))
        self.store.save(selection)
        return selection

    # plumbing

    def work_of(self, config: RunConfig) -> FeatureWork:
        """Return the folder of the features of a data set by a model."""
        return self.works.of(with_absolute_paths(config).model, self._dataset_of(config.data).fingerprint)

    def _described(self, work: FeatureWork, info: FeatureInfo) -> ChoosingWork:
        starting = info["state"] == "lost" and self._workers.starting(work)
        position = self._workers.queue.positions().get(work.id)
        state = "queued" if starting else info["state"]
        return {"state": state, "error": info["error"], "event": info["event"], "position": position}

    def _clip(self, config: RunConfig, features: Features) -> Clip:
        """The model that made the features. Raises StaleIndex where it is not the same any more."""
        clip = self._clip_of(config.model, config.device)
        if not self._same.get((id(clip), features.model), lambda: clip.fingerprint() == features.model):
            raise StaleIndex(
                f"The model '{config.model}' has changed since it looked at the images; prepare them again."
            )
        return clip

    def _note(self, config: RunConfig, text: str) -> str:
        known = self._clip_of(config.model, config.device).known_words(text)
        unknown = [word for word, knows in known.items() if not knows]
        return f"This model was never taught {', '.join(f'“{word}”' for word in unknown[:5])}." if unknown else ""


def _most_common(dataset: Dataset, images: Sequence[int]) -> tuple[str, int]:
    """The superclass that most of the images have, and how many."""
    return Counter(dataset.items[i].superclass for i in images).most_common(1)[0]


def as_json(selection: Selection) -> bytes:
    """Return a selection as the file that `SelectionService.load` takes."""
    return json.dumps(selection.as_dict(), indent=1, ensure_ascii=False).encode()
