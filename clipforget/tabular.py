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


def table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """Return aligned text columns; those whose index is in `numbers` are set to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (header, *rows)
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same as a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.strip().replace("|", "\\|") for cell in line) + " |" for line in lines)
