"""The commands `reproduce` and `ablate`: the paper's experiments, and those that it lacks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from clipforget.cli.terminal import emit
from clipforget.errors import BadSetting
from clipforget.tabular import markdown, table

ABSENT = "not in the public text"
NOTHING_DONE = 2


def reproduce(chosen: argparse.Namespace) -> int:
    """Repeat a table of the paper, its figures and ours side by side; without data, say what to put where."""
    from clipforget.benchmark.paper import EXPERIMENTS, MODEL
    from clipforget.benchmark.paper._measure import measured
    from clipforget.benchmark.rows import check_preset
    from clipforget.cli.compare import finish
    from clipforget.runs.config import RunConfig
    from clipforget.workspace.workspace import Workspace

    experiment = EXPERIMENTS.load()[chosen.name]
    if not chosen.data and not chosen.sketchbook:
        print(experiment.instructions())
        return NOTHING_DONE
    if chosen.data and chosen.sketchbook:
        raise BadSetting("Name either your own images with --data or the embedded drawings with --sketchbook.")
    if not 1 <= chosen.seeds <= 1000:
        raise BadSetting(f"--seeds is how many, a whole number from 1 to 1000; it is {chosen.seeds}.")
    case = experiment.sketchbook if chosen.sketchbook else experiment.paper
    model = chosen.model or (RunConfig.model if chosen.sketchbook else MODEL)
    config = RunConfig(model=model, data=chosen.data or RunConfig.data, device=chosen.device)
    workspace = Workspace(Path(chosen.runs))
    check_preset(chosen.preset, model, workspace.store.root)
    experiment.check(case, workspace.dataset(config.data))
    plan = experiment.plan(case, config, range(chosen.seeds), chosen.preset, Path(chosen.runs))
    compared = workspace.comparisons.create(plan)
    status = finish(compared, chosen.runs)
    if status:
        return status
    found = measured(experiment, case, compared.info()["cells"], workspace.view)
    found |= {"comparison": compared.id, "model": config.model, "data": config.data}
    emit(chosen.json, found, as_markdown(found) if chosen.markdown else text(found))
    return 0


def ablate(chosen: argparse.Namespace) -> int:
    """Compare targeted forgetting with one thing changed at a time."""
    from clipforget.benchmark.ablation import ablation_rows
    from clipforget.cli.compare import compare

    chosen.method = [*ablation_rows(chosen.preset), *chosen.method]
    return compare(chosen)


def text(found: dict[str, Any]) -> str:
    """The table for a terminal, with what to know about it below."""
    header, rows = _cells(found)
    return "\n".join([found["title"], "", table(header, rows, numbers=range(1, len(header))), "", *_notes(found)])


def as_markdown(found: dict[str, Any]) -> str:
    """The same in Markdown."""
    return "\n".join([markdown(*_cells(found)), "", *_notes(found)])


def _cells(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Header and rows: for each column what was measured, and before it the paper's figure if it printed any."""
    printed = {key for line in found["lines"] for key in line["paper"]}
    header = ["", "alpha"]
    for column in found["columns"]:
        header += [f"paper: {column['label']}"] if column["key"] in printed else []
        header.append(column["label"])
    rows = []
    for line in found["lines"]:
        row = [line["label"], _figure(line["alpha"], 2)]
        for column in found["columns"]:
            key = column["key"]
            row += [f"{line['paper'][key]:.1f}" if key in line["paper"] else "-"] if key in printed else []
            row.append(_figure(line["here"].get(key)))
        rows.append(row)
    return header, rows


def _figure(stat: dict[str, Any] | None, digits: int = 1) -> str:
    if stat is None:
        return ""
    spread = f" ±{stat['spread']:.{digits}f}" if stat["spread"] else ""
    return f"{stat['mean']:.{digits}f}{spread}"


def _notes(found: dict[str, Any]) -> list[str]:
    printed = any(line["paper"] for line in found["lines"])
    about = f"-: {ABSENT}." if printed else f"The paper's figures: {ABSENT}."
    return [
        f"Accuracies in percent, on {found['data']} with {found['model']}. {about}",
        found["note"],
        f"Behind it: the comparison {found['comparison']}.",
    ]
