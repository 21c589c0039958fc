"""The published data sets of the catalogue; ImageNet has its validation images here, as an evaluation set."""

from __future__ import annotations

from clipforget.benchmark.paper.prepare import SOURCES
from clipforget.data.catalogue import DATASETS

OWN = ("imagenet",)

for name, entry in DATASETS.load().items():
    if entry.published and name not in OWN:
        SOURCES[name] = entry.published
