"""A finished run as the page gets it: plain JSON with short floats. numpy only; no torch.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clipforget.data.target import Target
from clipforget.runs.store import Run


def view(run: Run, scores: Mapping[str, Any]) -> dict[str, Any]:
    """All that the page shows of a run apart from its queries, from its folder and its scores.json."""
    from clipforget.methods import METHODS
    from clipforget.settings import as_dict, parse

    info = run.info()
    config = info["config"]
    method = METHODS.load()[config["method"]]
    names = ["id", "title", "state", "created", "seconds", "device", "command", "config"]
    settings = as_dict(parse(method.settings, config["settings"]))
    steps = [event for event in run.events() if event["kind"] == "step" and event["stage"] in method.stages]
    layers: list[Any] = next((event["data"]["layers"] for event in steps if "layers" in event["data"]), [])
    hidden = ("evaluated",)
    return {
        **{name: value for name, value in info.items() if name in names},
        "target": ", ".join(Target.read(text).short for text in config["forget"]),
        "starred": info.get("starred", False),
        "cost": info.get("cost"),
        "settings": settings,
        "notes": [*method.notes, *alpha_warning(scores, config["tolerance"])],
        **{name: value for name, value in scores.items() if name not in hidden},
        "layers": layers,
        "steps": steps,
        "original_share": original_share(steps),
    }


def alpha_warning(scores: Mapping[str, Any], tolerance: float) -> list[str]:
    """Why alpha 0 is suggested although it does not pass on validation: a sentence, or none where an alpha passes."""
    limit, upper = max(scores["chance"], tolerance), scores["validation"]["upper"][0]
    if scores["best"] > 0 or upper <= limit:
        return []
    return [
        f"Alpha 0 is suggested because no alpha is surely at {limit:.1%} or less on validation: even there up to "
        f"{upper:.1%} of the target's images may still be found."
    ]


def original_share(steps: Sequence[Mapping[str, Any]]) -> float | None:
    """What the method says it left of the original in the unlearned model, b at most 1; None where it says nothing.

    The whole share of the original at an alpha is then alpha + (1 - alpha) b. b is below 0 where the unlearned model
    lies beyond what was trained.
    """
    said = [event["data"]["original_share"] for event in steps if "original_share" in event["data"]]
    return round(said[-1], 6) if said else None
