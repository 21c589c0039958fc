"""A run's figures at one alpha: what the command line prints and programs are given. No torch."""

from __future__ import annotations

from typing import NotRequired, cast

from typing_extensions import TypedDict

from clipforget.evaluation.documents import Estimate, FoundRow, HAndScore, Retrieval, RunCost, ScoreRow, Share
from clipforget.soup.path import check_alpha, index_of
from clipforget.workspace.documents import AuditsSummary, RunView


class SetFigures(TypedDict):
    """The accuracy of a set of n images before, and after at the alpha."""

    key: str
    label: str
    role: str
    n: int
    before: Estimate
    after: Estimate


class PromptFigures(TypedDict):
    """How prompts rank the gallery before, and after at the alpha; see evaluation.documents.RankedRow."""

    level: str
    role: str
    prompts: list[str]
    score: str
    n: int
    before: Share
    after: Share


class RetrievalFigures(TypedDict):
    """The rows over the first k results."""

    k: int
    rows: list[PromptFigures]


class FoundFigures(TypedDict):
    """How many of the first results are of the target, before and after at the alpha; see documents.FoundRow."""

    by: str
    name: str
    n: int
    before: float
    after: float


class RunFigures(TypedDict):
    """A finished run at one alpha. H and Score are 0 to 100; `retrieval` is None for runs scored before it existed."""

    id: str
    title: str
    state: str
    command: str
    device: str
    seconds: float | None
    cost: RunCost | None
    best: float
    chance: Share
    template: str
    do_nothing: HAndScore
    alpha: float
    h: float
    score: float
    bound: dict[str, float]
    rows: list[SetFigures]
    retrieval: RetrievalFigures | None
    target: str
    found: list[FoundFigures]
    audits: NotRequired[AuditsSummary]
    notes: list[str]


def alpha_index(view: RunView, alpha: float | None) -> int:
    """Return the index of the nearest of view["alphas"]; None takes the suggested alpha.

    Raises BadQuery for anything outside 0 to 1.
    """
    return index_of(view["best"] if alpha is None else check_alpha(alpha), view["alphas"])


def run_figures(view: RunView, alpha: float | None = None) -> RunFigures:
    """Return the figures of a finished run at an alpha. Raises BadQuery as `alpha_index` does."""
    index, retrieval = alpha_index(view, alpha), view.get("retrieval")
    figures: RunFigures = {
        "id": view["id"],
        "title": view["title"],
        "state": view["state"],
        "command": view["command"],
        "device": view["device"],
        "seconds": view["seconds"],
        "cost": view["cost"],
        "best": view["best"],
        "chance": view["chance"],
        "template": view["template"],
        "do_nothing": view["do_nothing"],
        "alpha": view["alphas"][index],
        "h": view["h"][index],
        "score": view["score"][index],
        "bound": {"agreement": view["bound"]["agreement"][index], "accuracy": view["bound"]["accuracy"][index]},
        "rows": [_at_alpha(row, index) for row in view["rows"]],
        "retrieval": _ranked_at_alpha(retrieval, index) if retrieval else None,
        "target": view["target"],
        "found": [_found_at_alpha(row, index) for row in view["found"]["rows"]],
        "notes": view["notes"],
    }
    if audits := cast(AuditsSummary | None, view.get("audits")):  # of a run of a workspace
        figures["audits"] = audits
    return figures


def _at_alpha(row: ScoreRow, index: int) -> SetFigures:
    after = Estimate(value=row["after"][index], low=row["low"][index], high=row["high"][index])
    return {
        "key": row["key"], "label": row["label"], "role": row["role"], "n": row["n"],
        "before": row["before"], "after": after,
    }  # fmt: skip


def _ranked_at_alpha(retrieval: Retrieval, index: int) -> RetrievalFigures:
    rows: list[PromptFigures] = [
        {
            "level": row["level"], "role": row["role"], "prompts": row["prompts"], "score": row["score"], "n": row["n"],
            "before": row["before"], "after": row["after"][index],
        }
        for row in retrieval["rows"]
    ]  # fmt: skip
    return {"k": retrieval["k"], "rows": rows}


def _found_at_alpha(row: FoundRow, index: int) -> FoundFigures:
    figures = {"by": row["by"], "name": row["name"], "n": row["n"], "before": row["before"]}
    return cast(FoundFigures, figures | {"after": row["after"][index]})
