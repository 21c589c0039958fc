"""The models that an audit measured, as charts of audits draw them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from clipforget.runs.audited import AuditsView
from clipforget.web.charts._style import ORIGINAL, OWN

REFERENCE = "#c07a1a"  # shows on light and dark, and is no role's


@dataclass(frozen=True)
class Model:
    """One model: `details` are those of its measurement, `name` is for the legend."""

    kind: str
    name: str
    details: dict[str, Any]
    colour: str
    dash: str


def models(view: AuditsView, audit: str) -> Iterator[Model]:
    """Yield the models that an audit measured with details for charts: original, chosen, zero, references."""
    entry = next((entry for entry in view["audits"] if entry["name"] == audit), None)
    if entry is None:
        return
    looks = {"original": ("original", ORIGINAL, "dash"), "chosen": (f"alpha {view['alpha']:.2f}", OWN, "solid"),
             "zero": ("alpha 0", OWN, "dot")}  # fmt: skip
    for kind, (name, colour, dash) in looks.items():
        if (found := entry["subjects"].get(kind)) and found["details"]:
            yield Model(kind, name, found["details"], colour, dash)
    for number, (form, found) in enumerate(entry["reference"].items()):
        if found["details"]:
            name = "never saw it" + (f" ({form})" if len(entry["reference"]) > 1 else "")
            yield Model("reference", name, found["details"], REFERENCE, "dot" if number else "solid")
