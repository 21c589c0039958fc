"""The path as data: interpolation, bounds, fingerprints, the file, threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from clipforget.errors import BadQuery, RunProblem, StaleIndex
from clipforget.soup.path import (
    ALPHAS,
    EXACT,
    Bound,
    Node,
    SoupPath,
    index_of,
    quantize_features,
    soup_fingerprint,
    unit,
)
from clipforget.soup.storage import load_path, save_path

ENDS = ("a" * 16, "b" * 16)


def build(count: int = 40, size: int = 16, alphas: tuple[float, ...] = (0.0, 0.25, 1.0)) -> SoupPath:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(count, size))
    texts = quantize_features(rng.normal(size=(5, size)))
    nodes = []
    for alpha in alphas:
        start = start + 0.3 * rng.normal(size=(count, size))
        nodes.append(Node(alpha, soup_fingerprint(*ENDS, alpha), quantize_features(start), texts))
    segments = tuple(Bound(0.99 - 0.01 * i, 0.1 * i, 0.9, 0.98, 1.0) for i in range(len(alphas) - 1))
    return SoupPath(tuple(nodes), segments, *ENDS, "float32", 1.5)


def test_features_are_interpolated_and_unit() -> None:
    path = build()
    for alpha in np.linspace(0, 1, 31):
        found = path.features(alpha)
        low, high = (path.nodes[0], path.nodes[1]) if alpha < 0.25 else (path.nodes[1], path.nodes[2])
        t = (alpha - low.alpha) / (high.alpha - low.alpha)
        np.testing.assert_allclose(found, unit((1 - t) * low.features + t * high.features), atol=1e-6)
        assert found.dtype == np.float32 and found.shape == (40, 16)
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_nodes_are_exact_bit_for_bit() -> None:
    path = build()
    for node in path.nodes:
        assert path.features(node.alpha) is node.features
        assert path.exact(node.alpha) and path.bound(node.alpha) == EXACT
        assert path.fingerprint(node.alpha) == node.fingerprint
    assert path.fingerprint(1.0) == ENDS[0] and path.fingerprint(0) == ENDS[1]


def test_between_nodes_the_bound_is_the_segments_and_the_name_its_own() -> None:
    path = build()
    assert not path.exact(0.3)
    assert path.bound(0.1) == path.segments[0] and path.bound(0.26) == path.segments[1]
    names = {path.fingerprint(alpha) for alpha in ALPHAS}
    assert len(names) == len(ALPHAS)


@pytest.mark.parametrize("alpha", [-0.01, 1.01, float("nan"), float("inf"), "half", None])
def test_an_alpha_that_makes_no_sense(alpha) -> None:
    for call in (build().features, build().bound, build().exact, build().fingerprint):
        with pytest.raises(BadQuery, match="alpha must be a number from 0"):
            call(alpha)


def test_texts_same_everywhere_or_moving() -> None:
    path, rng = build(), np.random.default_rng(1)
    moving = unit(rng.normal(size=(3, 7, 16)))
    assert np.array_equal(path.texts(moving[0], 0.4), moving[0])
    assert np.array_equal(path.texts(moving[:1], 0.4), moving[0])
    assert np.array_equal(path.texts(moving, 0.25), moving[1])
    np.testing.assert_allclose(path.texts(moving, 0.125), unit(moving[0] + moving[1]), atol=1e-6)
    assert np.array_equal(path.class_embeddings(0.3), path.nodes[0].class_embeddings) or np.allclose(
        path.class_embeddings(0.3), path.nodes[0].class_embeddings
    )
    with pytest.raises(ValueError, match="2 sets of text features for 3 nodes"):
        path.texts(moving[:2], 0.4)


def test_the_file_gives_back_the_same_bits(tmp_path) -> None:
    path = build()
    save_path(path, tmp_path / "path.npz")
    loaded = load_path(tmp_path / "path.npz", original=ENDS[0], unlearned=ENDS[1])
    for ours, theirs in zip(path.nodes, loaded.nodes, strict=True):
        assert np.array_equal(ours.features, theirs.features) and np.array_equal(
            ours.class_embeddings, theirs.class_embeddings
        )
        assert (ours.alpha, ours.fingerprint) == (theirs.alpha, theirs.fingerprint)
    assert (loaded.segments, loaded.precision, loaded.seconds) == (path.segments, path.precision, path.seconds)
    assert [file.name for file in tmp_path.iterdir()] == ["path.npz"]


def test_class_embeddings_that_move_are_all_kept(tmp_path) -> None:
    path = build()
    banks = [quantize_features(np.random.default_rng(i).normal(size=(5, 16))) for i in range(3)]
    path = replace(path, nodes=tuple(replace(n, class_embeddings=b) for n, b in zip(path.nodes, banks, strict=True)))
    save_path(path, tmp_path / "path.npz")
    loaded = load_path(tmp_path / "path.npz")
    assert all(np.array_equal(node.class_embeddings, texts) for node, texts in zip(loaded.nodes, banks, strict=True))


def test_a_path_of_other_weights_is_stale(tmp_path) -> None:
    save_path(build(), tmp_path / "path.npz")
    with pytest.raises(StaleIndex, match="another original"):
        load_path(tmp_path / "path.npz", original="c" * 16)
    with pytest.raises(StaleIndex, match="another unlearned model"):
        load_path(tmp_path / "path.npz", unlearned="c" * 16)


def test_damaged_missing_and_foreign_files(tmp_path) -> None:
    good = tmp_path / "good.npz"
    save_path(build(), good)
    data = good.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 0xFF
    contents = {"short": data[: len(data) // 2], "flipped": bytes(flipped), "empty": b"", "text": b"no path at all"}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    with (tmp_path / "foreign").open("wb") as file:
        np.savez(file, other=np.zeros(3))
    with (tmp_path / "pickled").open("wb") as file:
        np.savez(file, meta=np.array([{}], dtype=object))
    with (tmp_path / "array").open("wb") as file:
        np.save(file, np.zeros(3))
    for name in (*contents, "foreign", "pickled", "array", "missing"):
        with pytest.raises(RunProblem, match="missing or damaged; run the forgetting again"):
            load_path(tmp_path / name)


def test_a_node_under_a_wrong_name_is_refused(tmp_path) -> None:
    path = build()
    wrong = replace(path, nodes=(path.nodes[0], replace(path.nodes[1], fingerprint="f" * 16), path.nodes[2]))
    save_path(wrong, tmp_path / "path.npz")
    with pytest.raises(RunProblem):
        load_path(tmp_path / "path.npz")


@pytest.mark.parametrize("alphas", [(0.0,), (0.0, 0.5), (0.2, 1.0), (0.0, 1.0, 0.5)])
def test_a_path_goes_from_0_to_1(alphas) -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        build(alphas=alphas)


def test_many_threads_and_little_time() -> None:
    path = build(3000, 128)
    alone = [path.features(alpha) for alpha in ALPHAS]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(path.features, ALPHAS))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
    start = time.process_time()
    for alpha in ALPHAS:
        path.features(alpha)
    assert (time.process_time() - start) / len(ALPHAS) < 0.05  # seconds of processor; a few ms where nothing else runs


def test_the_nearest_stop_of_an_alpha() -> None:
    assert [index_of(alpha) for alpha in ALPHAS] == list(range(101)) and index_of(0.126) == 13
    assert index_of(0.5, (0.0, 0.25, 0.75, 1.0)) == 1, "the first of two as near"


@pytest.mark.parametrize("texts", [1, 3])
def test_cosines_along_alpha_are_those_of_the_interpolated_features(texts: int) -> None:
    rng = np.random.default_rng(0)
    features, names = unit(rng.normal(size=(3, 40, 16))), [soup_fingerprint("a", "b", alpha) for alpha in (0, 0.37, 1)]
    nodes = [
        Node(alpha, name, rows, rows[:2]) for alpha, name, rows in zip((0.0, 0.37, 1.0), names, features, strict=True)
    ]
    path, stack = SoupPath(tuple(nodes), (Bound(),) * 2, "a", "b"), unit(rng.normal(size=(texts, 5, 16)))
    for images in (slice(None), slice(7, 30), rng.random(40) < 0.5):
        for alpha, cosines in zip(ALPHAS, path.cosines_along(stack, images), strict=True):
            expected = path.features(alpha)[images] @ path.texts(stack, alpha).T
            np.testing.assert_allclose(cosines, expected, atol=2e-6)
            if path.exact(alpha):
                np.testing.assert_array_equal(cosines, expected)
