"""Refusing by name: no text that names one of the refused words is answered, while alpha is below 1. numpy only.

No weights are changed, so alpha is only a switch: every share below 1 refuses, the original (alpha 1) does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOWEST = -2.0  # what a refused name's cosine counts as: below every cosine, yet finite


@dataclass(frozen=True)
class Refusal:
    """The refused names, each matched as whole words in any case, also in its simple plural (-s, -es, -ies)."""

    names: tuple[str, ...] = ()

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        return {name: _pattern(name) for name in self.names}

    def word(self, text: str) -> str | None:
        """Return the first refused name that the text names, None where it names none."""
        return next((name for name, pattern in self._patterns.items() if pattern.search(text)), None)

    def mask(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Return C booleans: True for each of the names that names a refused one."""
        import numpy as np

        return np.array([self.word(name) is not None for name in names], dtype=bool)

    def correct(
        self, cosines: NDArray[Any], labels: NDArray[np.int64], names: Sequence[str], alpha: float
    ) -> NDArray[np.bool_]:
        """Return N booleans, of N x C cosines: the nearest name is the label's; below alpha 1 a refused one loses."""
        correct: NDArray[np.bool_] = self.allowed(cosines, names, alpha).argmax(axis=1) == labels
        return correct if alpha >= 1.0 or not self.names else correct & ~self.mask(names)[labels]

    def allowed(self, cosines: NDArray[Any], names: Sequence[str], alpha: float) -> NDArray[Any]:
        """Return N x C cosines with those of refused names at LOWEST below alpha 1; else the array itself."""
        if alpha >= 1.0 or not self.names:
            return cosines
        import numpy as np

        return np.where(self.mask(names), np.float32(LOWEST), cosines)


def refusal_message(word: str) -> str:
    """Say why there is no answer."""
    return f"Refused: this prompt names {word}."


def _pattern(name: str) -> re.Pattern[str]:
    """Whole words, whatever stands between them; the last one also in the plural."""
    *first, last = [re.escape(word) for word in re.split(r"[\s_-]+", name.strip()) if word] or [re.escape(name)]
    last = f"(?:{last[:-1]}(?:y|ies)|{last}s)" if last.lower().endswith("y") else f"{last}(?:s|es)?"
    words = r"[\s_-]+".join([*first, last])
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
