"""What can be chosen before a run, field by field."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from clipforget.settings import SettingValue


class Named(TypedDict):
    """A model to choose: its name, and the title that people read."""

    name: str
    title: str


class LayoutDescription(TypedDict):
    """How the folders of a data set were understood, in sentences, and other ways to read them (`levels` of a run)."""

    sentences: list[str]
    options: list[str]


class DataDescription(Named):
    """A data set: images by split, subgroups by superclass; the other numbers count images. note may be empty.

    With samples: dataset indices of a few test images by target, and (file, reason) of the first files skipped.
    """

    count: int
    splits: dict[str, int]
    superclasses: dict[str, list[str]]
    styles: list[str]
    evaluation_sets: list[str]
    skipped: int
    note: str
    fingerprint: str
    layout: LayoutDescription
    sizes: dict[str, int]  # of the superclasses
    samples: NotRequired[dict[str, list[int]]]
    skipped_files: NotRequired[list[list[str]]]


class DownloadState(TypedDict):
    """A download of a data set: its name, whether it is at work, how far it is, and what went wrong."""

    name: str
    running: bool
    text: str
    error: str


class UnreadData(Named):
    """A data set that cannot be read, and a sentence on why; empty for one that is read when it is chosen."""

    error: str


class PresetDescription(TypedDict):
    """Settings that differ from a method's defaults, and a sentence on where they come from.

    One whose file is damaged has no settings, but says why: `error`.
    """

    name: str
    settings: dict[str, SettingValue]
    note: str
    error: NotRequired[str]


class OptionDescription(TypedDict):
    """A setting of a method; see settings.Option, whose type stands here by its name."""

    name: str
    kind: str
    default: SettingValue
    help: str
    low: float | None
    high: float | None
    choices: list[str]
    advanced: bool
    search: list[SettingValue]
    former: list[str]


class MethodDescription(Named):
    """A method: the stages of its run, its settings, presets for one model."""

    summary: str
    source: str
    reference_url: str
    tier: int
    uses: str
    notes: list[str]
    changes: str
    stages: list[str]
    options: list[OptionDescription]
    presets: list[PresetDescription]


class NumberOption(TypedDict):
    """An option that runs and comparisons share; of the seeds, `default` counts them, and the rest is absent."""

    default: float
    help: NotRequired[str]
    low: NotRequired[float | None]
    high: NotRequired[float | None]


class ExperimentDescription(Named):
    """A table of the paper, and what it takes on the embedded drawings."""

    rows: list[str]
    targets: list[list[str]]
    note: str


class RecentNames(TypedDict):
    """Models and data of earlier runs that do not come with the app."""

    models: list[str]
    data: list[str]


class AuditChoice(TypedDict):
    """An audit that a comparison may do of every run; `seconds`: a guess for one model of the shipped size."""

    name: str
    title: str
    question: str
    seconds: float


class SetupDescription(TypedDict):
    """All that can be chosen before a run; `goals` are names, each with what it means."""

    models: list[Named]
    data: list[DataDescription | UnreadData]
    methods: list[MethodDescription]
    devices: list[str]
    recent: RecentNames
    options: dict[str, NumberOption]
    first_methods: list[str]  # that a new comparison begins with
    experiments: list[ExperimentDescription]
    goals: dict[str, str]
    audits: list[AuditChoice]
    public: NotRequired[bool]  # only what is listed can be chosen


class RunEstimate(TypedDict):
    """What a run to come takes, and how many images it embeds, forgets, retains and searches.

    Seconds and bytes of memory are None where its model was not measured on the device. `few` says what too few test
    images of the target can show, and is empty where there are enough.
    """

    seconds: float | None
    memory: int | None
    device: str
    images: int
    forget: int
    retain: int
    gallery: int
    few: str
