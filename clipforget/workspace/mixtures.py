"""Several finished runs in one soup, opened to be explored: an alpha each, lines through the point, saving as a run.

Letters: N gallery images that all the runs have, k runs, A = 101 alphas.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from clipforget.benchmark.paper import EXPERIMENTS
from clipforget.data.dataset import Dataset
from clipforget.data.splits import FEWEST, Splits, read_targets, role_of
from clipforget.data.target import Target
from clipforget.errors import BadQuery, StaleIndex
from clipforget.evaluation.combined import combine
from clipforget.evaluation.evalset import EvalSet, Row, class_groups, gallery, suggestions
from clipforget.evaluation.refusal import LOWEST, Refusal
from clipforget.evaluation.retrieval import nearest
from clipforget.evaluation.scores import clusters_along, correct_along, score_row, tradeoff_at
from clipforget.generators import finish
from clipforget.methods import METHODS
from clipforget.runs.cache import Cache
from clipforget.runs.config import RunConfig, images_of, unique
from clipforget.runs.soups import check_parts, made_already, soup_config
from clipforget.runs.store import Run, Store
from clipforget.soup.error import ErrorMeter
from clipforget.soup.path import ALPHAS, TOP_K, Bound, Floats, Node, SoupPath, check_alpha
from clipforget.unlearning.task import IMAGE
from clipforget.workspace.annotations import read_annotations
from clipforget.workspace.documents import Hits, MixtureClass, MixtureLine, MixtureView
from clipforget.workspace.gallery import Gallery

if TYPE_CHECKING:
    from clipforget.models.clip import Clip
    from clipforget.soup.mixture import MixtureModel, Point
    from clipforget.workspace.explorer import FinishedRun

FEATURES = 2**28  # bytes of exact features that an open soup keeps
OPEN = 2  # soups that stay open


class Mixture:
    """k finished runs of one original and one data set, opened as one soup. Safe across threads.

    A point is an alpha for each run. Raises BadQuery where the runs share too few images, StaleIndex where the original
    or the images are not those of the runs any more.
    """

    def __init__(self, runs: Sequence[FinishedRun], dataset: Dataset, clip_of: Callable[[str, str], Clip]) -> None:
        self.runs, self.dataset, self._clip_of = list(runs), dataset, clip_of
        self.configs = [run.run.config for run in runs]
        self.targets, _ = read_targets(dataset, unique(text for config in self.configs for text in config.forget))
        tests = [{item: row for row, item in enumerate(run.evalset.items[run.start : run.stop])} for run in runs]
        items = sorted(set.intersection(*map(set, tests)))
        roles = tuple(role_of(dataset.items[item], self.targets) for item in items)
        splits = Splits(self.targets, (), {}, {}, tuple(items), ("test",) * len(items), roles)
        self.evalset = EvalSet.build(dataset, splits, goal=self.configs[0].goal)
        self.rows, self.start = self._rows(), (1.0,) * len(self.runs)
        self._reading = Lock()
        self.groups = class_groups(self.evalset, dataset, self.targets)
        self.paths = [
            _part(run.gallery.path, [rows[item] for item in items]) for run, rows in zip(runs, tests, strict=True)
        ]
        self._features: Cache[Floats] = Cache(FEATURES, lambda features: features.nbytes)
        self._texts: Cache[Floats] = Cache(FEATURES, lambda features: features.nbytes)
        self._lines: Cache[SoupPath] = Cache(32)
        self._models: Cache[MixtureModel] = Cache(1)

    def view(self) -> MixtureView:
        """Return what is shown of the soup whatever its point."""
        infos = [run.info for run in self.runs]
        first = [next(iter(suggestions(self.dataset, [target]))) for target in self.targets]
        return {
            "runs": [
                {
                    "id": info["id"], "title": info["title"], "best": info["best"] or 0.0,
                    "target": self._target(index), "method": info["config"]["method"],
                }
                for index, info in enumerate(infos)
            ],
            "gallery": gallery(self.evalset, self.dataset),
            "suggestions": list(unique([*first, *suggestions(self.dataset, self.targets)]))[:12],
            "chance": round(1 / len(self.evalset.class_names[self.evalset.own_levels[0]].names), 4),
            "classes": self._classes(),
            "approximate": METHODS[self.configs[0].method].changes == IMAGE,
        }  # fmt: skip

    def line(self, point: Sequence[float], slider: int, query: str | int, exact: bool) -> MixtureLine:
        """Return figures and a ranking along one slider, the others held; the query is a text or a gallery image.

        exact: with nodes that are embedded anew, the point among them; else from the runs' own paths, at once.
        Raises BadQuery for a point, a slider or an image that there is not.
        """
        if len(point) != len(self.runs) or not 0 <= slider < len(self.runs):
            raise BadQuery(f"The soup has {len(self.runs)} alphas, one a run; name a slider among them.")
        if isinstance(query, int) and query >= len(self.evalset):
            raise BadQuery(f"There is no image {query} in the gallery; it holds {len(self.evalset)}.")
        at = tuple(round(check_alpha(alpha), 2) for alpha in point)
        exact = exact or self.model.text_changed
        path = self._exact_line(at, slider) if exact else self._approximate_line(at, slider)
        levels = {
            level: named.classifier(self._along(path, at, slider, named.prompts))
            for level, named in self.evalset.class_names.items()
        }
        correct = correct_along(path, self.evalset, levels, Refusal())
        clusters = clusters_along(path, self.evalset, "test")
        rows = [score_row(row, correct, clusters) for row in self.rows]
        for row in rows:
            row["before"] = self._before[row["key"]]["before"]
        tradeoffs = [tradeoff_at(rows, index) for index in range(len(ALPHAS))]
        if isinstance(query, int):
            ranking = Gallery(path).pack(np.stack([node.features[query] for node in path.nodes]), query)
        else:
            ranking = Gallery(path).pack(combine(query, lambda text: self._along(path, at, slider, [text])[:, 0]))
        bounds = [path.bound(alpha) for alpha in ALPHAS]
        names = {row.key for row in self.shown}
        off = self._off(at, slider) if exact and not self.model.text_changed else None
        return {
            "point": list(at),
            "exact": exact,
            "nodes": list(path.alphas),
            "bound": {
                "agreement": [round(bound.agreement, 4) for bound in bounds],
                "accuracy": [round(bound.accuracy, 2) for bound in bounds],
            },
            "off": None if off is None else {"agreement": round(off.agreement, 4), "accuracy": round(off.accuracy, 2)},
            "rows": [row for row in rows if row["key"] in names],
            "h": [round(tradeoff.h, 2) for tradeoff in tradeoffs],
            "score": [round(tradeoff.score, 2) for tradeoff in tradeoffs],
            "classes": [_rounded(correct["superclass"][:, positions].mean(axis=1)) for _, _, positions in self.groups],
            "pack": {**ranking, "before": self._before_ranking(query)},
            "note": "" if isinstance(query, int) else self.runs[0].note(query),
        }  # fmt: skip

    @property
    def model(self) -> MixtureModel:
        """The model at any point. Raises StaleIndex where the original is not the runs' any more."""
        return self._models.get("model", self._load_model)

    def _load_model(self) -> MixtureModel:
        from clipforget.models.weights import load
        from clipforget.soup.mixture import MixtureModel

        clip = self._clip()
        if clip.fingerprint() != self.paths[0].original:
            raise StaleIndex("The original model is not the one of these runs any more; run the forgettings again.")
        return MixtureModel(clip, [load(run.run.path("delta.safetensors")) for run in self.runs])

    def _clip(self) -> Clip:
        return self._clip_of(self.configs[0].model, self.runs[0].info["device"])

    @property
    def shown(self) -> list[Row]:
        """The rows that the page shows: each run's target, siblings, others."""
        return [row for row in self.rows if row.key.startswith("run:") or row.key in ("siblings", "others")]

    def _rows(self) -> list[Row]:
        """Those of the scores, and before them one for what each run forgets."""
        rows = []
        for index, config in enumerate(self.configs):
            targets = [Target.parse(text, self.dataset) for text in config.forget]
            own = [any(t.matches(self.dataset.items[item]) for t in targets) for item in self.evalset.items]
            mask, levels = np.array(own, dtype=bool), self.evalset.own_levels
            if mask.sum() < FEWEST:
                name = ", ".join(config.forget)
                raise BadQuery(
                    f"The runs share {mask.sum()} test images of '{name}', too few; run them with one gallery."
                )
            rows.append(Row(f"run:{index}", self._target(index), "forget", levels[0], mask, levels[1:]))
        return rows + self.evalset.rows()

    def _target(self, index: int) -> str:
        return ", ".join(Target.read(text).short for text in self.configs[index].forget)

    @cached_property
    def _before(self) -> dict[str, Any]:
        """The rows at the original, by key."""
        path = self._approximate_line(self.start, 0)
        levels = {
            level: named.classifier(self._text(self.start, named.prompts))[None]
            for level, named in self.evalset.class_names.items()
        }
        correct = correct_along(path, self.evalset, levels, Refusal())
        clusters = clusters_along(path, self.evalset, "test")
        return {row.key: score_row(row, correct, clusters) for row in self.rows}

    def _before_ranking(self, query: str | int) -> Hits:
        features = self.paths[0].nodes[-1].features
        if isinstance(query, int):
            near = features @ features[query]
            near[query] = LOWEST
        else:
            near = features @ combine(query, lambda text: self._text(self.start, [text]))[0]
        ids, cosines = nearest(near, min(TOP_K, len(near) - isinstance(query, int)))
        return Hits(ids=[int(id) for id in ids], cosines=[round(float(cosine), 3) for cosine in cosines])

    def _classes(self) -> list[MixtureClass]:
        """Each class before, and by each run alone at every alpha."""
        named, alone = self.evalset.class_names["superclass"], []
        for run, path in zip(self.runs, self.paths, strict=True):
            if run.evalset.class_names["superclass"].names == named.names:  # so that no model need be loaded
                stack = np.stack([node.class_embeddings for node in path.nodes])
            else:
                stack = named.classifier(self._text(self.start, named.prompts))[None]
            cosines = path.cosines_along(stack)
            right = [Refusal().correct(each, named.labels, named.names, 1.0) for each in cosines]
            alone.append(np.stack(right))
        return [
            {
                "label": name,
                "role": role,
                "n": len(positions),
                "before": round(float(alone[0][-1, positions].mean()), 4),
                "alone": [_rounded(right[:, positions].mean(axis=1)) for right in alone],
            }
            for name, role, positions in self.groups
        ]

    def _along(self, path: SoupPath, at: Point, slider: int, texts: Sequence[str]) -> Floats:
        """Text features at the nodes of a line, L x M x D; 1 x M x D where they stay those of the original."""
        from clipforget.soup.mixture import moved

        points = [moved(at, slider, alpha) for alpha in path.alphas] if self.model.text_changed else [self.start]
        return np.stack([self._text(point, texts) for point in points])

    def _text(self, at: Point, texts: Sequence[str]) -> Floats:
        """M x D features of texts at a point."""
        return self._texts.get((at, tuple(texts)), lambda: self.model.texts(at, texts))

    def _approximate_line(self, at: Point, slider: int) -> SoupPath:
        from clipforget.soup.mixture import approximate_line

        return approximate_line(self.paths, at, slider)

    def _exact_line(self, at: Point, slider: int) -> SoupPath:
        from clipforget.soup.mixture import exact_line, moved, nodes_within

        def line() -> SoupPath:
            labels = self.evalset.class_names["superclass"].labels
            sets = {row.key: row.mask for row in self.rows if row.level == "superclass"}
            meter = ErrorMeter(labels, np.ones(len(labels), dtype=bool), sets)
            self._node(at)  # also to measure what a node takes
            return exact_line(at, slider, self._node, meter, nodes_within(self.model.seconds))

        return self._lines.get((slider, moved(at, slider, 0.0), at[slider]), line)

    def _node(self, at: Point) -> Node:
        """The exact node of a point; its alpha is set by the line it stands on."""
        from clipforget.soup.mixture import point_fingerprint

        features = self._features.get(at, lambda: self._embed(at))
        named = self.evalset.class_names["superclass"]
        embeddings = named.classifier(self._text(at if self.model.text_changed else self.start, named.prompts))
        name = point_fingerprint(self.model.original, [path.unlearned for path in self.paths], at)
        return Node(0.0, name, features, embeddings)

    def _embed(self, at: Point) -> Floats:
        from clipforget.runs.loading import read_pixels

        with self._reading:
            if not self.model.holds:
                for run in self.runs:
                    run.dataset()  # the images are still those of the run
                self.model.hold(finish(read_pixels(self.dataset, self.evalset.items, self._clip())))
        return self.model.embed(at)

    def _off(self, at: Point, slider: int) -> Bound:
        """How far the approximation at this point is off."""
        guess = self._approximate_line(at, slider)
        node = next(node for node in guess.nodes if node.alpha == at[slider])
        exact = replace(self._node(at), alpha=0.5)
        labels = self.evalset.class_names["superclass"].labels
        meter = ErrorMeter(labels, np.ones(len(labels), dtype=bool), {})
        queries = exact.class_embeddings
        return meter.error(replace(node, alpha=0.0), replace(node, alpha=1.0), exact, (queries, queries, queries))


class Space(Protocol):
    """What is needed of a workspace, with its bounds."""

    store: Store

    def run(self, id: str) -> Run:
        """Return a run that may be seen. Raises UnknownName."""

    def finished_run(self, id: str) -> FinishedRun:
        """Return it opened."""

    def dataset(self, name: str, **composed: Any) -> Dataset:
        """Return a data set, composed as `images_of` says."""

    def clip_of(self, name: str, device: str) -> Clip:
        """Return an original model."""

    def start(self, config: RunConfig) -> str:
        """Start a run; returns its id."""


class Mixtures:
    """The soups of a workspace, each opened once."""

    def __init__(self, space: Space) -> None:
        self._space, self._open = space, Cache[Mixture](OPEN)

    def open(self, ids: Sequence[str]) -> Mixture:
        """Return the soup of finished runs. Raises UnknownName, and as `Mixture`."""
        runs = [self._space.run(id) for id in ids]
        check_parts(runs)

        def make() -> Mixture:
            config = soup_config(runs, [0.0] * len(runs))
            return Mixture(
                [self._space.finished_run(run.id) for run in runs],
                self._space.dataset(**images_of(config, evaluation=False)),
                self._space.clip_of,
            )

        return self._open.get(tuple(ids), make)

    def check(self, config: RunConfig) -> None:
        """Raise unless the runs of a soup are there and fit."""
        if config.soup:
            check_parts([self._space.run(id) for id, _ in config.parts])

    def save(self, ids: Sequence[str], alphas: Sequence[float], name: str = "") -> str:
        """Start the run that mixes finished runs, under a name where one is given; returns its id.

        Raises as `soup_config`, BadSetting for a name that is too long, and what starting a run raises.
        """
        config = soup_config([self._space.run(id) for id in ids], alphas)
        titled = read_annotations({"title": name}, config.title)
        id = self._space.start(config)
        self._space.store.get(id).update(**titled)
        return id

    def drop(self, id: str) -> None:
        """Forget the soups with a run that is deleted."""
        self._open.drop(lambda key: isinstance(key, tuple) and id in key)

    def example(self) -> list[str]:
        """Start what is missing of the example's runs, one after the other; returns their ids. Raises QueueFull."""
        ids = []
        for config in example_configs():
            run = made_already(self._space.store, config)
            ids.append(run.id if run is not None else self._space.start(config))
        return ids


def example_configs() -> list[RunConfig]:
    """Return the runs of the example: table 6 of the paper on the shipped drawings, each class by itself."""
    targets = EXPERIMENTS.load()["table6"].sketchbook.targets
    return [RunConfig(forget=target).checked() for target in targets if len(target) == 1]


def _part(path: SoupPath, rows: Sequence[int]) -> SoupPath:
    """Return the path of some of its images alone."""
    return replace(path, nodes=tuple(replace(node, features=node.features[rows]) for node in path.nodes))


def _rounded(values: Any) -> list[float]:
    return [round(float(value), 4) for value in values]
