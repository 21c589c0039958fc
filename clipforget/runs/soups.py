"""Several finished runs of one original in one soup: which of them fit together, and the run that mixes them.

theta = theta_0 + sum_i (1 - alpha_i) (theta_i - theta_0), the arithmetic of the method `merged`, whose own training is
left out: the changes are those of the runs. Nothing here imports torch but `changes`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clipforget.errors import BadQuery, RunProblem, StaleIndex
from clipforget.methods import METHODS
from clipforget.runs.config import SOUP, RunConfig, unique
from clipforget.runs.documents import RunInfo
from clipforget.runs.originals import SAMPLES
from clipforget.runs.store import Run, Store
from clipforget.unlearning.task import NOTHING

if TYPE_CHECKING:
    from torch import Tensor

    from clipforget.models.clip import Clip

MOST = 6  # runs in one soup
SUMMARY = "Add up what finished runs changed, of each the share 1 - alpha; nothing is trained."


def part_runs(config: RunConfig, store: Store) -> list[Run]:
    """Return the runs that a soup is made of, from the store or those that ship with the app, checked."""
    samples = Store(SAMPLES)
    runs = [(samples if id in samples.ids() else store).get(id) for id, _ in config.parts]
    check_parts(runs)
    return runs


def check_parts(runs: Sequence[Run]) -> None:
    """Raise BadQuery or RunProblem, one sentence with what to do, unless the runs can be in one soup."""
    ids = [run.id for run in runs]
    if not 2 <= len(ids) <= MOST:
        raise BadQuery(f"A soup is made of 2 to {MOST} finished runs; {len(ids)} are named.")
    if twice := next((id for id in ids if ids.count(id) > 1), None):
        raise BadQuery(f"The run {twice} is named twice; name each run once and set its alpha instead.")
    first, *others = infos = [run.info() for run in runs]
    for info in infos:
        if info["state"] != "done":
            raise RunProblem(f"The run {info['id']} is {info['state']}; only finished runs can be in a soup.")
        if METHODS.load()[info["config"]["method"]].changes == NOTHING:
            raise BadQuery(f"The run {info['id']} changes no weights, so there is nothing to mix; leave it out.")
    for info in others:
        pair = f"{first['id']} and {info['id']}"
        if info["fingerprints"]["original"] != first["fingerprints"]["original"]:
            raise BadQuery(f"The runs {pair} changed different originals; pick runs of one model.")
        if not _same_images(first, info):
            raise BadQuery(f"The runs {pair} used different images; a soup is scored on one data set, so pick others.")
        if RunConfig.read(info["config"]).goal != RunConfig.read(first["config"]).goal:
            raise BadQuery(f"The runs {pair} have different goals, so no score fits both; pick runs of one goal.")
        towers = [METHODS[each["config"]["method"]].changes for each in (first, info)]
        if towers[0] != towers[1]:
            raise BadQuery(
                f"The runs {pair} changed the {towers[0]} and the {towers[1]}, each beside the other as it was; "
                "pick runs that changed the same."
            )


def _same_images(one: RunInfo, other: RunInfo) -> bool:
    """Tell whether two runs used the same images; selections give some of them other names, which does not count."""
    a, b = (RunConfig.read(info["config"]) for info in (one, other))
    return one["fingerprints"]["data"] == other["fingerprints"]["data"] or (
        (a.data, a.others, a.levels) == (b.data, b.others, b.levels) and bool(a.selections or b.selections)
    )


def soup_config(runs: Sequence[Run], alphas: Sequence[float]) -> RunConfig:
    """Return the configuration of the run that mixes finished runs, each with its share of the original, 0 to 1.

    What is forgotten is what any of them forgets; images and bounds are those of the first. Raises as `check_parts`,
    and BadQuery or BadSetting for alphas that do not go with the runs.
    """
    check_parts(runs)
    if len(alphas) != len(runs):
        raise BadQuery(f"{len(runs)} runs need {len(runs)} alphas, one each, in their order; {len(alphas)} are given.")
    if all(alpha == 1 for alpha in alphas):
        raise BadQuery("At alpha 1 everywhere the soup is the original itself; lower the alpha of a run.")
    configs = [run.config for run in runs]
    return replace(
        configs[0],
        forget=unique(target for config in configs for target in config.forget),
        retain=(),
        method=SOUP,
        seed=0,
        settings={},
        selections=unique(path for config in configs for path in config.selections),
        soup=tuple(f"{run.id}={alpha:g}" for run, alpha in zip(runs, alphas, strict=True)),
    ).checked()


def changes(
    runs: Sequence[Run], alphas: Sequence[float], original: Clip
) -> tuple[tuple[float, Mapping[str, Tensor]], ...]:
    """Return what `merge` takes: 1 - alpha of each run and the weights it changed.

    Raises StaleIndex where the original is not that of the runs any more, BadModel for damaged weights.
    """
    from clipforget.models.weights import load

    if runs[0].info()["fingerprints"]["original"] != original.fingerprint():
        raise StaleIndex("The original model is not the one of these runs any more; run the forgettings again.")
    return tuple((1 - alpha, load(run.path("delta.safetensors"))) for run, alpha in zip(runs, alphas, strict=True))


def summary_of(config: Mapping[str, Any]) -> str:
    """Say in a sentence what the run of a configuration does: what its method says, or what a soup is."""
    return SUMMARY if config.get("soup") else METHODS.load()[config["method"]].summary


def made_already(store: Store, config: RunConfig) -> Run | None:
    """Return the newest run of a configuration that is finished, at work or in line; None where there is none."""
    wanted = config.checked()
    for run, info in store.infos():
        if info["state"] in ("done", "queued", "running") and run.config == wanted:
            return run
    return None
