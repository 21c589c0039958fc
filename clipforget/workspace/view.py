"""A finished run as the page gets it: plain JSON with short floats. numpy only; no torch.

Letters: N gallery images, L nodes of the soup path, D embedding, A = 101 alphas, K = 24 neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from clipforget.data.target import Target
from clipforget.evaluation.curves import collapsed
from clipforget.evaluation.documents import Scores, ShownScores, StillFound, near_duplicates_note
from clipforget.evaluation.metrics import FEW, few_images_note, ratio
from clipforget.runs.config import RunConfig
from clipforget.runs.documents import StepEvent
from clipforget.runs.store import Run
from clipforget.settings import SettingValue
from clipforget.soup.path import index_of
from clipforget.unlearning.task import GOALS, NEVER_SEEN
from clipforget.workspace.documents import RunView


def view(run: Run, scores: Scores, found: StillFound) -> RunView:
    """Return all that is shown of a run apart from its queries: from its folder, its scores, what is still found."""
    from clipforget.methods import METHODS
    from clipforget.settings import as_dict

    info = run.info()
    config = info["config"]
    method = METHODS.load()[config["method"]]
    steps = [
        event
        for event in run.events()
        if event["kind"] == "step" and event["stage"] in method.stages and "watched" not in event["data"]
    ]
    scored = cast(ShownScores, {name: value for name, value in scores.items() if name != "evaluated"})
    return {
        **scored,
        "id": info["id"],
        "title": info["title"],
        "state": "done",
        "created": info["created"],
        "seconds": info["seconds"],
        "device": info["device"],
        "command": info["command"],
        "config": config,
        "target": ", ".join(Target.read(text).short for text in config["forget"]),
        "starred": info.get("starred", False),
        "cost": info.get("cost"),
        "settings": _soup_of(config) or as_dict(method.settings()) | config["settings"],  # also those it no longer has
        "notes": [*_notes(scores), *method.notes, *scores.get("evaluation_sets", ())],
        "layers": next((event["data"]["layers"] for event in steps if "layers" in event["data"]), []),
        "steps": steps,
        "original_share": original_share(steps),
        "found": found,
    }


def _soup_of(config: Mapping[str, Any]) -> dict[str, SettingValue]:
    """What takes the place of the settings in a soup of runs: the alpha of each."""
    return {f"alpha of {id}": alpha for id, alpha in RunConfig(soup=tuple(config.get("soup", ()))).parts}


def _notes(scores: Scores) -> Iterator[str]:
    """What to know of the scores first: whether the model has collapsed, why this alpha, what was left out."""
    index = index_of(scores["best"], scores["alphas"])
    siblings = next((row for row in scores["rows"] if row["key"] == "siblings"), None)
    share = ratio(siblings["after"][index], siblings["before"]["value"]) if siblings else None
    if reasons := collapsed(index, share, scores.get("collapse")):
        yield f"At the suggested alpha the model has collapsed: {', '.join(reasons)}."
    if scores["evaluated"].get("goal") == NEVER_SEEN:
        yield f"The goal is as if never seen. {GOALS[NEVER_SEEN]}"
    yield scores["choice"]["reason"]
    if note := few_images_note(next((row["n"] for row in scores["rows"] if row["key"] == "forget"), FEW)):
        yield note
    if count := scores.get("near_duplicates"):
        yield near_duplicates_note(count)


def original_share(steps: Sequence[StepEvent]) -> float | None:
    """Return the share b of the original that the method says it left in the unlearned model, at most 1, or None.

    The whole share of the original at an alpha is then alpha + (1 - alpha) b. b is below 0 where the unlearned model
    lies beyond what was trained.
    """
    shares = [event["data"]["original_share"] for event in steps if "original_share" in event["data"]]
    return round(shares[-1], 6) if shares else None
