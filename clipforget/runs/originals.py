"""The result of a finished run as the original of another: its name is run:ID@ALPHA, alpha the share of what it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clipforget.errors import BadModel, ClipforgetError, StaleIndex, UnknownName
from clipforget.files import ASSETS
from clipforget.methods import METHODS
from clipforget.models.listing import RUN, ListedModel, describe_model, read_run_name
from clipforget.runs.store import Run, Store
from clipforget.unlearning.task import NOTHING

if TYPE_CHECKING:
    from clipforget.models.clip import Clip

SAMPLES = ASSETS / "sample-run"


def lineage(name: str, runs: Path) -> list[str]:
    """Return a model's name, that of its own original, and so on to one that no run made.

    Raises BadModel, one sentence with what to do, where a run of them is gone, not finished or changed no weights.
    """
    names = [name]
    while names[-1].startswith(RUN):
        names.append(_source(names[-1], runs)[0].config.model)
    return names


def describe_original(name: str, runs: Path) -> ListedModel:
    """Describe a model by its name; one that a run made has the facts of what it was made of. Raises BadModel."""
    base = lineage(name, runs)[-1]
    found = describe_model(base)
    return found if base == name else replace(found, name=name, kind="run")


def load_original(name: str, device: str, runs: Path) -> Clip:
    """Load a CLIP by its name as `load_clip` does, or the soup that a run made of one.

    `Clip.name` is then that of the model which no run made. Raises as `load_clip` and `lineage`, and StaleIndex where
    the run's own original has changed.
    """
    from clipforget.models.loading import load_clip
    from clipforget.models.weights import load
    from clipforget.soup.arithmetic import soup

    if not name.startswith(RUN):
        return load_clip(name, device)
    run, alpha = _source(name, runs)
    clip = load_original(run.config.model, device, runs)
    if clip.fingerprint() != run.info()["fingerprints"]["original"]:
        raise StaleIndex(f"The model '{run.config.model}' is not that of the run {run.id} any more; run it again.")
    delta = load(run.path("delta.safetensors"))
    clip.model.load_state_dict(soup(clip.model.state_dict(), delta, alpha), strict=False)
    return clip


def can_be_original(config: dict[str, object]) -> bool:
    """Tell whether a run of this configuration changes weights, so that its result is another model."""
    method = METHODS.load().get(str(config.get("method")))
    return method is not None and method.changes != NOTHING


def _source(name: str, runs: Path) -> tuple[Run, float]:
    """The run of a name, checked, and the alpha."""
    id, alpha = read_run_name(name)
    samples = Store(SAMPLES)
    try:
        run = (samples if id in samples.ids() else Store(runs)).get(id)
        info = run.info()
    except UnknownName as error:
        raise BadModel(
            f"There is no run {id} whose result could be the original: it was deleted, or lies in another folder of "
            "runs; `runs` lists those that are here."
        ) from error
    except ClipforgetError as error:
        raise BadModel(str(error)) from error
    if info["state"] != "done":
        raise BadModel(f"The run {id} is {info['state']}; only a finished run has a result to start from.")
    if not can_be_original(info["config"]):
        raise BadModel(f"The run {id} changes no weights, so its result is {info['config']['model']}: start from that.")
    return run, alpha
