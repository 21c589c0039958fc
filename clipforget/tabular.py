"""Plain tables: for a terminal, in Markdown, and texts made safe for CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence


def latex_escape(text: str) -> str:
    """Escape the signs that mean something to LaTeX."""
    for sign, safe in (("\\", r"\textbackslash "), *((sign, f"\\{sign}") for sign in "&%$#_{}")):
        text = text.replace(sign, safe)
    return text.replace("±", r"$\pm$").replace("·", r"$\cdot$").replace("~", r"\textasciitilde ").replace("^", r"\^{}")


def csv_safe(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th ... for a whole number from 0."""
    teens = number % 100 in (11, 12, 13)
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def with_article(prompt: str) -> str:
    """Return a prompt as it is read, "a photo of an airplane", whatever the template makes of the name."""
    return re.sub(r"\b(a) (?=[aeiou])(?!uni|use|eur|one\b)", r"\1n ", prompt, flags=re.IGNORECASE)


GAP = "  "  # between columns


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = (), width: int | None = None
) -> str:
    """Return aligned text columns; those whose index is in `numbers` are set to the right.

    Columns that do not fit into `width` signs stand beneath the others, the first one beside them again, without rows
    that are blank there.
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    parts = [[0]]
    for index in range(1, len(widths)):
        taken = sum(widths[i] + len(GAP) for i in parts[-1]) + widths[index]
        if width is not None and taken > width and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1].append(index)

    def line(row: Sequence[str], part: Sequence[int]) -> str:
        return GAP.join(row[i].rjust(widths[i]) if i in numbers else row[i].ljust(widths[i]) for i in part).rstrip()

    drawn = [[line(row, part) for row in (header, *rows)] for part in parts]
    return "\n\n".join("\n".join(text for text in lines if text or len(parts) == 1) for lines in drawn)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.strip().replace("|", "\\|") for cell in line) + " |" for line in lines)
