"""The embedded image set: reproducible, complete, disjoint across splits, and equal to the shipped tar."""

from __future__ import annotations

import io
import itertools
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipforget.data import sketchbook

TAR = Path(__file__).resolve().parents[2] / "assets" / "sketchbook.tar"
WITHOUT_COLOUR = ("black-and-white drawing", "pencil sketch")
MEMBERS = sketchbook.members()


def _pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"), dtype=np.int16)


def test_names_are_as_many_as_promised() -> None:
    assert len(sketchbook.SUBGROUPS) == 8
    assert all(len(subgroups) == 4 for subgroups in sketchbook.SUBGROUPS.values())
    assert len({name for subgroups in sketchbook.SUBGROUPS.values() for name in subgroups}) == 32
    assert len(sketchbook.STYLES) == 4
    assert len(sketchbook.SHIFTED_SETS) == 2
    assert set(WITHOUT_COLOUR) < set(sketchbook.STYLES)


@pytest.mark.parametrize("style", sketchbook.STYLES)
@pytest.mark.parametrize("shifted_set", [None, *sketchbook.SHIFTED_SETS])
def test_same_arguments_same_picture_and_other_seed_other_picture(style: str, shifted_set: str | None) -> None:
    first = sketchbook.draw("bird", "owl", style, 7, shifted_set=shifted_set)
    again = sketchbook.draw("bird", "owl", style, 7, shifted_set=shifted_set)
    other = sketchbook.draw("bird", "owl", style, 8, shifted_set=shifted_set)
    assert first.tobytes() == again.tobytes()
    assert np.abs(_pixels(first) - _pixels(other)).mean() > 2


def test_a_shifted_set_changes_the_picture() -> None:
    arguments = ("car", "minibus", "poster", 3)
    pictures = {
        sketchbook.draw(*arguments, shifted_set=shifted_set).tobytes()
        for shifted_set in (None, *sketchbook.SHIFTED_SETS)
    }
    assert len(pictures) == 3


@pytest.mark.parametrize("superclass", sketchbook.SUBGROUPS)
def test_every_cell_draws_a_picture_with_something_in_it(superclass: str) -> None:
    for subgroup in sketchbook.SUBGROUPS[superclass]:
        for style in sketchbook.STYLES:
            picture = sketchbook.draw(superclass, subgroup, style, 11)
            assert (picture.mode, picture.size) == ("RGB", (96, 96))
            pixels = _pixels(picture)
            assert pixels.std() > 8, f"{subgroup} as {style} is nearly blank"
            coloured = bool((pixels.max(axis=2) != pixels.min(axis=2)).any())
            assert coloured == (style not in WITHOUT_COLOUR)


@pytest.mark.parametrize("shifted_set", sketchbook.SHIFTED_SETS)
@pytest.mark.parametrize("style", WITHOUT_COLOUR)
def test_shifted_sets_keep_drawings_without_colour(shifted_set: str, style: str) -> None:
    for seed in range(8):
        pixels = _pixels(sketchbook.draw("fish", "clownfish", style, seed, shifted_set=shifted_set))
        assert (pixels.max(axis=2) == pixels.min(axis=2)).all()


def test_size_is_honoured_and_shows_the_same_scene() -> None:
    small = sketchbook.draw("tree", "palm", "poster", 5)
    large = sketchbook.draw("tree", "palm", "poster", 5, size=192)
    assert large.size == (192, 192)
    assert np.abs(_pixels(large.reduce(2)) - _pixels(small)).mean() < 12


@pytest.mark.parametrize(
    ("arguments", "wrong", "known"),
    [
        (("boat", "sailboat", "poster"), "boat", "ship"),
        (("ship", "raft", "poster"), "raft", "submarine"),
        (("ship", "owl", "poster"), "owl", "submarine"),
        (("ship", "sailboat", "fresco"), "fresco", "pencil sketch"),
    ],
)
def test_unknown_names_are_refused_with_the_known_ones(arguments: tuple[str, str, str], wrong: str, known: str) -> None:
    with pytest.raises(ValueError, match=wrong) as error:
        sketchbook.draw(*arguments, 0)
    assert known in str(error.value)


def test_unknown_suite_and_size_are_refused() -> None:
    with pytest.raises(ValueError, match="foggy"):
        sketchbook.draw("ship", "sailboat", "poster", 0, shifted_set="foggy")
    for size in (0, 8, 4096):
        with pytest.raises(ValueError, match="size"):
            sketchbook.draw("ship", "sailboat", "poster", 0, size=size)


def test_seed_ranges_do_not_overlap_and_hold_the_shipped_pictures() -> None:
    ranges = sorted(sketchbook.SEED_RANGES.values())
    assert all(stop <= start for (_, stop), (start, _) in itertools.pairwise(ranges))
    for name, (_, _, _, seed, shifted_set) in MEMBERS:
        split = name.split("/")[1]
        start, stop = sketchbook.SEED_RANGES[split]
        assert start <= seed < stop
        assert shifted_set == (split if split in sketchbook.SHIFTED_SETS else None)


def test_member_names_follow_the_layout_and_are_sorted_and_unique() -> None:
    names = [name for name, _ in MEMBERS]
    assert names == sorted(set(names))
    per_split = {split: sum(name.split("/")[1] == split for name in names) for split in sketchbook.COUNTS}
    assert per_split == {split: count * 128 for split, count in sketchbook.COUNTS.items()}
    assert per_split["test"] >= 1200
    top, split, superclass, subgroup, style, file = names[0].split("/")
    assert top == "sketchbook" and split in sketchbook.COUNTS and file == "0001.webp"
    assert subgroup in sketchbook.SUBGROUPS[superclass] and style in sketchbook.STYLES


def test_build_writes_equal_bytes_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketchbook, "members", lambda: MEMBERS[::700])
    seen: list[tuple[int, int]] = []
    count = sketchbook.build(tmp_path / "new" / "a.tar", progress=lambda done, total: seen.append((done, total)))
    sketchbook.build(tmp_path / "b.tar")
    assert count == len(MEMBERS[::700]) == len(seen) and seen[-1] == (count, count)
    assert (tmp_path / "new" / "a.tar").read_bytes() == (tmp_path / "b.tar").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "new"]


def test_shipped_tar_is_complete_small_and_clean() -> None:
    assert TAR.stat().st_size <= 14_000_000
    with tarfile.open(TAR) as tar:
        infos = tar.getmembers()
    assert [info.name for info in infos] == [name for name, _ in MEMBERS]
    assert all((info.mtime, info.uid, info.gid, info.uname) == (0, 0, 0, "") for info in infos)


def test_shipped_pictures_equal_freshly_drawn_ones() -> None:
    with tarfile.open(TAR) as tar:
        for name, (superclass, subgroup, style, seed, shifted_set) in MEMBERS[5::331]:
            stored = tar.extractfile(name)
            assert stored is not None
            fresh = sketchbook.encode(sketchbook.draw(superclass, subgroup, style, seed, shifted_set=shifted_set))
            difference = np.abs(_pixels(Image.open(stored)) - _pixels(Image.open(io.BytesIO(fresh))))
            assert difference.mean() < 1.5, f"{name} differs from the code that draws it"
