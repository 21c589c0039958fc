"""Figures as the paper prints them: a block of text a table, and what its own arithmetic says of it.

    FT   2.5/4.9  87.1/100.0  25.6/42.8  51.6

is the row FT: accuracies in percent, each with its ratio to Original where the paper prints one below it, then Score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ORIGINAL = "Original"


@dataclass(frozen=True)
class PrintedRow:
    """One row, in percent, by column: ratios is empty and score None where the paper has none."""

    values: tuple[float, ...]
    ratios: tuple[float, ...] = ()
    score: float | None = None


Printed = Mapping[str, PrintedRow]  # the rows of a table by their labels


def read_printed(text: str) -> dict[str, PrintedRow]:
    """Return the rows of a block. A number without a ratio behind others with one is the Score."""
    rows = {}
    for line in text.strip().splitlines():
        label, *cells = line.split()
        pairs = [cell.partition("/") for cell in cells]
        ratios = tuple(float(ratio) for _, slash, ratio in pairs if slash)
        numbers = tuple(float(value) for value, _, _ in pairs)
        score = numbers[-1] if ratios and len(numbers) > len(ratios) else None
        rows[label] = PrintedRow(numbers if score is None else numbers[:-1], ratios, score)
    return rows


def ratio(after: float, before: float) -> float:
    """Return 100 after / before, at most 100; 0 where there was nothing to lose."""
    return min(100.0, 100 * after / before) if before else 0.0


def score(ratios: Mapping[str, float], target: str) -> float:
    """Return the paper's Score of ratios in percent: their mean, that of the target's column taken from 100."""
    return sum(100 - value if key == target else value for key, value in ratios.items()) / len(ratios)


def slips(rows: Printed, columns: Sequence[str], target: str, within: float = 0.15) -> list[str]:
    """Return what does not add up by more than rounding: "FT: STL 70.0 of 92.0 is 76.1, printed 77.1"."""
    found = []
    before = rows[ORIGINAL].values
    for label, row in rows.items():
        for column, value, first, printed in zip(columns, row.values, before, row.ratios, strict=False):
            low, high = (ratio(value + half, first - half) for half in (-0.05, 0.05))
            if not low - 0.05001 <= printed <= high + 0.05001:
                found.append(f"{label}: {column} {value} of {first} is {ratio(value, first):.1f}, printed {printed}")
        mean = score(dict(zip(columns, row.ratios, strict=False)), target) if row.ratios else 0.0
        if row.score is not None and abs(mean - row.score) > within:
            found.append(f"{label}: Score {row.score}, its ratios give {mean:.1f}")
    return found
