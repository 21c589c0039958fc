"""A text query of several texts, added and subtracted: `a dog - a sketch`. numpy only.

L nodes of a soup path, D embedding.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np

from clipforget.errors import BadQuery
from clipforget.soup.path import Floats, unit

SIGN = re.compile(r'\s+([+\u2212-])\s+(?=(?:[^"]*"[^"]*")*[^"]*$)')  # between blanks, outside double quotes
CANCELLED = 1e-3  # a sum shorter than this has no direction


def terms(text: str) -> list[tuple[int, str]]:
    """Return the texts of a query in order, each with its sign, 1 or -1; double quotes keep a text in one piece.

    Raises BadQuery where a text is missing beside a sign.
    """
    first, *rest = SIGN.split(text.strip())
    signs = [1, *(1 if sign == "+" else -1 for sign in rest[::2])]
    texts = [_unquoted(piece) for piece in (first, *rest[1::2])]
    if not all(texts):
        raise BadQuery("Write a text on both sides of + and -.")
    return list(zip(signs, texts, strict=True))


def combine(text: str, embed: Callable[[str], Floats]) -> Floats:
    """Return the unit features of a query: the signed sum of those that `embed` gives for each of its texts.

    embed returns L x D unit features, or 1 x D where they are the same at every node. Raises BadQuery where the texts
    cancel each other out.
    """
    parts = [sign * embed(term) for sign, term in terms(text)]
    if len(parts) == 1:
        return parts[0]
    total = sum(parts[1:], parts[0])
    if (np.linalg.norm(total, axis=-1) < CANCELLED).any():
        raise BadQuery("These texts cancel each other out; subtract another one.")
    return unit(total)


def spoken(text: str) -> str:
    """Say how a query of several texts is understood; "" for a single text."""
    (_, first), *rest = terms(text)
    words = [f" {'plus' if sign > 0 else 'minus'} “{term}”" for sign, term in rest]
    return f"“{first}”{''.join(words)}." if words else ""


def _unquoted(text: str) -> str:
    quoted = re.fullmatch(r'"([^"]*)"', text.strip())
    return (quoted[1] if quoted else text).strip()
