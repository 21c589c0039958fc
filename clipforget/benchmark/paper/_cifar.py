"""CIFAR-10 as tables 2 and 6 want it."""

from __future__ import annotations

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FILES = (
    ("train/<class>/*.png", f"CIFAR-10's training images, a folder for each class: {', '.join(NAMES)}."),
    ("test/<class>/*.png", "CIFAR-10's test images in the same ten folders."),
    ("imagenet/<class>/*.JPEG", "If you like, ImageNet images of these ten classes: a shifted test set beside them."),
)
PREPARE = ("cifar10 SRC ROOT", "stl10 SRC ROOT --evaluation")
NOTE = (
    "The shifted set imagenet is classified among the ten classes; the paper's figure for it is the accuracy over "
    "ImageNet's 1000 classes, so compare ratios."
)
