"""CIFAR-10 as tables 2, 4, 5 and 6 want it."""

from __future__ import annotations

from clipforget.data.catalogue.cifar10 import NAMES

FILES = (
    ("train/<class>/*.png", f"CIFAR-10's training images, a folder for each class: {', '.join(NAMES)}."),
    ("test/<class>/*.png", "CIFAR-10's test images in the same ten folders."),
)
PREPARE = ("cifar10",)
