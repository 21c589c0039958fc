"""The trials of a tuning: which settings are tried, and the files of the finished ones. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from clipforget.errors import BadSetting, ClipforgetError
from clipforget.files import read_regular, writing
from clipforget.methods import Method
from clipforget.settings import SettingValue, as_dict, options, parse, read_json, with_current_names


@dataclass(frozen=True)
class Trial:
    """One trial on one target. settings: those that differ from the defaults, `concrete` all of them.

    h in percent at the alpha chosen on calibrate images (0 where the trial failed, with `error`); before and after are
    calibrate accuracies by set, 0 to 1.
    """

    method: str
    number: int
    target: str
    settings: dict[str, SettingValue]
    concrete: dict[str, SettingValue]
    h: float
    alpha: float
    before: dict[str, float]
    after: dict[str, float]
    seconds: float
    error: str | None = None

    @property
    def figures(self) -> dict[str, object]:
        """What the provenance of a preset says of it."""
        values = {name: getattr(self, name) for name in ("alpha", "h", "before", "after", "seconds")}
        return values | ({"error": self.error} if self.error else {})


def draw(settings: type, count: int, seed: int) -> list[dict[str, SettingValue]]:
    """Draw the settings of up to `count` trials, as far as they differ from the defaults: first none, then random ones.

    All are distinct. Fewer where the `search` values allow no more; a smaller count gives the first ones of a larger.
    """
    searched = [option for option in options(settings) if option.search]
    combinations = math.prod(len(set(option.search)) for option in searched)
    combinations += any(option.default not in option.search for option in searched)
    generator, draws = random.Random(seed), [dict[str, SettingValue]()]
    while len(draws) < min(count, combinations):
        drawn = {option.name: generator.choice(option.search) for option in searched}
        differing = {o.name: drawn[o.name] for o in searched if drawn[o.name] != o.default}
        if differing not in draws:
            draws.append(differing)
    return draws


def trials_folder(runs: Path) -> Path:
    """Make the folder of the finished trials below that of the runs and return it. Raises FileProblem."""
    folder = runs / "tuning"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


class TrialStore:
    """The finished trials of one tuning, a file for each method and target.

    fingerprints are those of model and data, conditions what else determines how a trial ends.
    """

    def __init__(self, folder: Path, fingerprints: dict[str, str], *conditions: object) -> None:
        self.folder, self.fingerprints, self.conditions = folder, fingerprints, conditions

    def add(self, method: Method, target: tuple[str, ...], trial: Trial) -> None:
        """Append a finished trial to its file, in place of a last line that a crash has torn."""
        path = self._file(method, target)
        with writing(path), path.open("a+b") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(json.dumps(asdict(trial), ensure_ascii=False).encode() + b"\n")

    def finished(
        self, method: Method, target: tuple[str, ...], drawn: list[dict[str, SettingValue]]
    ) -> Iterator[Trial]:
        """Yield the finished trials among those drawn, numbered as they stand there; a torn last line is ignored.

        Raises BadSetting for a damaged line.
        """
        path = self._file(method, target)
        if not path.is_file():
            return
        drawn_concrete = [as_dict(parse(method.settings, settings)) for settings in drawn]
        for number, line in enumerate(read_regular(path).split(b"\n")[:-1], start=1):
            try:
                trial = read_json(Trial, json.loads(line), "trial")
            except (ValueError, RecursionError, ClipforgetError) as error:
                raise BadSetting(
                    f"Line {number} of the trials {path} cannot be read; delete the line or the file."
                ) from error
            settings, concrete = (with_current_names(method.settings, s) for s in (trial.settings, trial.concrete))
            if concrete in drawn_concrete:
                yield replace(trial, number=drawn_concrete.index(concrete), settings=settings, concrete=concrete)

    def _file(self, method: Method, target: tuple[str, ...]) -> Path:
        content = json.dumps([self.fingerprints, method.name, target, *self.conditions], sort_keys=True)
        key = hashlib.sha256(content.encode()).hexdigest()[:12]
        slug = re.sub(r"[^a-z0-9]+", "-", "-".join(target).lower()).strip("-")[:40]
        return self.folder / f"{method.name}-{slug}-{key}.jsonl"
