"""A finished run with path and scores in memory, and its models only once a query needs an embedding.

Letters: N evaluated images, G gallery images, L nodes, D embedding.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from clipforget.data.dataset import Dataset
from clipforget.data.splits import ROLES
from clipforget.errors import BadModel, BadQuery, ClipforgetError, RunProblem, StaleIndex
from clipforget.evaluation.combined import combine, spoken, terms
from clipforget.evaluation.documents import StillFound
from clipforget.evaluation.evalset import ClassNames, EvalSet, label_of
from clipforget.evaluation.found import by_picture, still_found
from clipforget.evaluation.refusal import Refusal
from clipforget.evaluation.scores import read_scores
from clipforget.files import open_regular
from clipforget.generators import finish
from clipforget.runs.audited import AuditsView, audits_of
from clipforget.runs.cache import Cache
from clipforget.runs.config import images_of
from clipforget.runs.store import Run
from clipforget.soup.path import Floats, index_of, unit
from clipforget.soup.storage import DAMAGE, load_path
from clipforget.workspace.documents import (
    EmbeddingMap,
    ExactResults,
    ImageDetails,
    Predictions,
    QueryPack,
    Ranking,
    RunView,
)
from clipforget.workspace.embedding_map import embedding_map
from clipforget.workspace.gallery import Gallery, apply_refusal, part_of
from clipforget.workspace.pages import FIRST_PAGE, Page
from clipforget.workspace.predictions import Level, image_names, predictions
from clipforget.workspace.view import view

if TYPE_CHECKING:
    from clipforget.models.clip import Clip
    from clipforget.soup.model import SoupModel


Upload = tuple[bytes, str]  # the file and its label


class FinishedRun:
    """A run with its soup path. Safe across threads.

    dataset_of gives a data set by name and, where the run has such, its evaluation sets and how many images of each;
    clip_of a model by (name, device); engines keeps what is large.
    Raises RunProblem where a file of the run is missing or damaged, StaleIndex where the path belongs to other weights
    than run.json says.
    """

    def __init__(
        self,
        run: Run,
        dataset_of: Callable[..., Dataset],
        clip_of: Callable[[str, str], Clip],
        engines: Cache[Any] | None = None,
    ) -> None:
        self.run, self._dataset_of, self._clip_of = run, dataset_of, clip_of
        self._engines = Cache(2) if engines is None else engines
        self.info = run.info()
        fingerprints = self.info["fingerprints"]
        self.scores = read_scores(run.path("scores.json"))
        self.path = load_path(
            run.path("path.npz"), original=fingerprints["original"], unlearned=fingerprints["unlearned"]
        )
        self.evalset = EvalSet.read(self.scores["evaluated"])
        self.refusal = Refusal(tuple(self.scores.get("refused", ())))
        if len(self.path) != len(self.evalset):
            raise RunProblem(f"The run {run.id} holds {len(self.path)} features for {len(self.evalset)} images.")
        self.start, self.stop = self.evalset.block("test")
        self.gallery = Gallery(part_of(self.path, self.start, self.stop))
        self.texts = _read_texts(run)
        self._classifiers: dict[str, Floats] = {}

    @property
    def size(self) -> int:
        """Bytes that the features take in memory, about; the FAISS copies of the gallery among it."""
        return 2 * sum(node.features.nbytes for node in self.path.nodes)

    @cached_property
    def found(self) -> StillFound:
        """What names and pictures still find of the target in the gallery, along alpha."""
        target = self.evalset.mask("test", "forget")[self.start : self.stop]
        pictures = by_picture(self.gallery.path, target)

        def search(text: str) -> list[float] | None:
            if text not in self.texts:  # the model would have to be loaded
                return None
            return [float(target[ids].sum()) for ids in self.pack("text", text)["after"]["ids"]]

        retrieval, template = self.scores.get("retrieval"), self.scores["template"]
        return still_found(retrieval, pictures, target, template, self.scores["best"], search)

    def view(self) -> RunView:
        """Return what is shown of the run apart from its queries."""
        return view(self.run, self.scores, self.found)

    def audits(self) -> AuditsView:
        """Return what audits found of the run."""
        return audits_of(self.run)

    def pack(self, kind: str, value: Any, upload: Upload | None = None, page: Page = FIRST_PAGE) -> QueryPack:
        """Rank the gallery at every alpha for a text, a gallery image (its number) or an upload (bytes, label).

        A text that names a refused word finds nothing below alpha 1, and the pack says which word: `refused`.
        Where it has words that the model does not know, `note` is a sentence on them; where it is a sum of texts, one
        on how it was understood. Raises BadQuery for a role that no image has.
        """
        label = self._label(kind, value, upload)
        ranking = self._ranking(kind, value, upload, page)
        word = self.refusal.word(value) if kind == "text" else None
        ranking = apply_refusal(ranking, word) if word else ranking
        note = self.note(value) if kind == "text" else ""
        pack = cast(QueryPack, {"query": {"kind": kind, "label": label}, **ranking})
        if note:
            pack["note"] = note
        return pack

    def _ranking(self, kind: str, value: Any, upload: Upload | None, page: Page) -> Ranking:
        """The ranking at every alpha, whatever is refused; an image leaves itself out."""
        features, leave_out = self._query_features(kind, value, upload), value if kind == "image" else None
        return self.gallery.pack(features, leave_out, page, self._images(page.role))

    def _images(self, role: str) -> NDArray[np.bool_] | None:
        """The gallery images of a role; None for all of them."""
        if not role:
            return None
        gallery = self.scores["gallery"]
        if role not in gallery["roles"]:
            raise BadQuery(f"role must be one of {', '.join(gallery['roles'])}; it is '{role[:40]}'.")
        shown: NDArray[np.bool_] = np.array([item[4] for item in gallery["items"]]) == gallery["roles"].index(role)
        return shown

    def note(self, text: str) -> str:
        """Say what to know of a text; "" for the suggested queries, for which no model need be loaded."""
        new = [term for _, term in terms(text) if term not in self.texts]
        words = {word: known for term in new for word, known in self._clip().known_words(term).items()}
        return " ".join(filter(None, [spoken(text), _unknown_words(words)]))

    def exact(
        self, alpha: float, kind: str, value: Any, upload: Upload | None = None, page: Page = FIRST_PAGE
    ) -> ExactResults:
        """Return scores and results at one alpha, all evaluated images embedded anew with the weights at that alpha.

        As in `pack`, a refused text has no results below alpha 1, and `refused` says the word.
        """
        from clipforget.evaluation.retrieval import Index

        self._label(kind, value, upload)
        soup_model = self.soup_model()
        features = soup_model.embed(alpha, self._all_pixels())
        classifiers = {
            level: named.classifier(soup_model.text(alpha, named.prompts))
            for level, named in self.evalset.class_names.items()
        }
        rows = self.evalset.values(features, classifiers, alpha, self.refusal)
        gallery = features[self.start : self.stop]
        query = gallery[value : value + 1] if kind == "image" else self._exact_query(alpha, kind, value, upload)
        index = Index(gallery, self.path.fingerprint(alpha))
        [ids], [cosines] = index.search(query, self.path.fingerprint(alpha), len(gallery))
        others = ids != (value if kind == "image" else None)
        hits = page.cut(ids[others], cosines[others], self._images(page.role))
        interpolated = self._ranking(kind, value, upload, page)["after"]["ids"][index_of(alpha)]
        both = set(hits["ids"]).intersection(interpolated)
        results: ExactResults = {
            "alpha": alpha,
            "rows": {key: round(number, 4) for key, number in rows.items()},
            "ids": hits["ids"],
            "cosines": hits["cosines"],
            "agreement": round(len(both) / max(len(hits["ids"]), 1), 4),
        }
        if "ranks" in hits:
            results["ranks"] = hits["ranks"]
        word = self.refusal.word(value) if kind == "text" else None
        if word and alpha < 1:
            results |= {"ids": [], "cosines": [], "agreement": 1.0, "refused": word}
        return results

    def soup_model(self) -> SoupModel:
        """Return the model for any alpha. Raises StaleIndex where the original is not the run's any more."""
        model: SoupModel = self._engines.get(("soup model", self.run.folder), self._load_soup_model)
        return model

    def _load_soup_model(self) -> SoupModel:
        from clipforget.models.weights import load
        from clipforget.soup.model import SoupModel

        clip = self._clip()
        if clip.fingerprint() != self.path.original:
            name = self.info["config"]["model"]
            raise StaleIndex(f"The model '{name}' is not the one of this run any more; run the forgetting again.")
        soup_model = SoupModel(clip, load(self.run.path("delta.safetensors")), self.path.precision)
        if soup_model.unlearned != self.path.unlearned:
            raise StaleIndex("The change of weights is not the one the soup path was made with; run it again.")
        return soup_model

    def dataset(self) -> Dataset:
        """Return the data set with its evaluation sets. Raises StaleIndex where images are not the run's any more."""
        config, before = self.run.config, self.info["fingerprints"]
        dataset = self._dataset_of(**images_of(config))
        now = dataset.fingerprints
        if now["data"] != before["data"]:
            raise StaleIndex(f"The images at '{config.data}' have changed since this run; run it again.")
        for key in now.keys() | before.keys() - {"original", "unlearned"}:
            if now.get(key) != before.get(key):
                name = key.removeprefix("eval:")
                raise StaleIndex(f"The evaluation set '{name}' has changed since this run; run it again.")
        return dataset

    def _clip(self) -> Clip:
        name, device = self.info["config"]["model"], self.info["device"]
        try:
            return self._clip_of(name, device)
        except BadModel:
            if device == "cpu":
                raise
            return self._clip_of(name, "cpu")  # a run from a machine with another accelerator

    def map(self, by: str) -> EmbeddingMap:
        """Return the gallery as points along the path; see `embedding_map`. A group is a superclass in one role."""
        items = self.scores["gallery"]["items"]
        groups = [superclass * len(ROLES) + role for _, superclass, _, _, role in items]
        return embedding_map(self.gallery.path, np.array(groups), by)

    def predictions(self) -> Predictions:
        """Return what every gallery image is called at every alpha, by level."""
        levels, note = self._levels()
        return {"levels": {name: predictions(self.gallery.path, level) for name, level in levels.items()}, "note": note}

    def image(self, image: int) -> ImageDetails:
        """Return a gallery image, by its number, among the names at every alpha. Raises BadQuery for no such image."""
        label = self._label("image", image, None)
        levels, note = self._levels()
        names = [image_names(self.gallery.path, image, name, level) for name, level in levels.items()]
        return {"id": image, "label": label, "levels": names, "note": note}

    def _levels(self) -> tuple[dict[str, Level], str]:
        """The levels that name what is seen, and a sentence on one whose names cannot be embedded any more."""
        levels, note = {}, ""
        for name in ("superclass", "subgroup"):
            if (names := self.evalset.class_names.get(name)) is None:
                continue
            own = replace(names, labels=names.labels[self.start : self.stop])
            try:
                levels[name] = Level(own, self._classifier(name, names), self.refusal)
            except ClipforgetError as error:
                note = f"The names of {name}s are left out. {error}"
        return levels, note

    def _classifier(self, level: str, names: ClassNames) -> Floats:
        """The classifier of a level along the path, from the run's files, else from its model, which is then kept."""
        if level not in self._classifiers:
            if level == "superclass":
                stored: Floats | None = np.stack([node.class_embeddings for node in self.path.nodes])
            else:
                size = self.path.nodes[0].features.shape[1]
                stored = _read_classifier(self.run, (len(self.path.nodes), len(names.names), size))
            self._classifiers[level] = (
                names.classifier(self.soup_model().texts(self.path.alphas, names.prompts)) if stored is None else stored
            )
        return self._classifiers[level]

    def _label(self, kind: str, value: Any, upload: Upload | None) -> str:
        if kind == "image":
            if not 0 <= value < self.stop - self.start:
                raise BadQuery(f"There is no image {value} in the gallery; it holds {self.stop - self.start}.")
            return label_of(self.scores["gallery"], value)
        return upload[1] if upload is not None else value

    def _query_features(self, kind: str, value: Any, upload: Upload | None) -> Floats:
        """The query as L x D unit features, or 1 x D where they are the same at every node."""
        if kind == "image":
            return np.stack([node.features[value] for node in self.gallery.path.nodes])
        if kind == "text":
            return combine(value, self._text_features)
        pixels = self._upload_pixels(upload)
        return np.concatenate([self.soup_model().embed(alpha, pixels) for alpha in self.path.alphas])

    def _text_features(self, text: str) -> Floats:
        """A text at the nodes, L x D, or 1 x D; from the run's folder where it lies there."""
        stored = self.texts.get(text)
        return self.soup_model().texts(self.path.alphas, [text])[:, 0] if stored is None else stored

    def _exact_query(self, alpha: float, kind: str, value: Any, upload: Upload | None) -> Floats:
        if kind == "text":
            return combine(value, lambda text: self.soup_model().text(alpha, [text]))
        return self.soup_model().embed(alpha, self._upload_pixels(upload))

    def _upload_pixels(self, upload: Upload | None) -> Any:
        from PIL import Image

        if upload is None:
            raise BadQuery("The uploaded image is not kept any more; upload it again.")
        return self.soup_model().clip.preprocess([Image.open(io.BytesIO(upload[0])).convert("RGB")])

    def _all_pixels(self) -> Any:
        """N x 3 x H x W pixels of every evaluated image; runs of one model and target share them."""
        from clipforget.runs.loading import read_pixels

        def read() -> Any:
            return finish(read_pixels(self.dataset(), self.evalset.items, self.soup_model().clip))

        fingerprints = self.info["fingerprints"]
        key = ("pixels", fingerprints["data"], fingerprints["original"], self.evalset.items)
        return self._engines.get(key, read)


def _unknown_words(words: Mapping[str, bool]) -> str:
    """A sentence on the words that a model does not know, "" where it knows all."""
    unknown = [word for word, known in words.items() if not known]
    if not unknown:
        return ""
    if len(unknown) == len(words):
        return "This model was never taught any of these words, so what it finds means nothing."
    named = ", ".join(f"“{word}”" for word in unknown[:5]) + (" and others" if len(unknown) > 5 else "")
    return f"This model was never taught {named}, and searches by the other words alone."


def _read_texts(run: Run) -> dict[str, Floats]:
    """Text features that the run's folder holds, so that its own queries need no model: L x D or 1 x D each."""
    try:
        with open_regular(run.path("queries.npz")) as raw, np.load(raw, allow_pickle=False) as file:
            texts = json.loads(str(file["texts"]))
            features = file["features"]
        return {text: features[:, index] for index, text in enumerate(texts)}
    except DAMAGE:
        return {}  # a convenience only: the model can make them again


def _read_classifier(run: Run, shape: tuple[int, int, int]) -> Floats | None:
    """The classifier of the subgroups in the run's folder, of this shape or 1 x C x D; None where there is none."""
    try:
        with open_regular(run.path("queries.npz")) as raw, np.load(raw, allow_pickle=False) as file:
            classifier = unit(file["subgroups"])
        return classifier if classifier.shape in (shape, (1, *shape[1:])) else None
    except DAMAGE:
        return None  # an older run, or a damaged file
