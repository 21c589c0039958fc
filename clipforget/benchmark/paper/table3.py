"""Table 3: forgetting one style of a class."""

from __future__ import annotations

from clipforget.benchmark.paper import Case, compared_lines, experiment

ROWS = ("targeted", "targeted:paper")
LABELS = ("targeted", "targeted, paper's settings")
CARS = {"forget": 2.1, "siblings": 66.0, "others": 51.9, "score": 87.2}

experiment(
    "table3",
    title="one style of a class forgotten",
    rows=ROWS,
    paper=Case(
        targets=(("car/*/sketch",),),
        lines=compared_lines(LABELS, 0, "sketches of cars", CARS),
        note=(
            "The public text does not say what its second and third figure count; they stand here under siblings (cars "
            "in other styles) and others."
        ),
    ),
    sketchbook=Case(
        targets=(("airplane/*/pencil sketch",),),
        lines=compared_lines(LABELS, 0, "pencil sketches of airplanes", CARS),
        note="Pencil sketches of airplanes stand for sketches of cars: compare the shape, not the figures.",
    ),
    files=(
        ("train/car/car/sketch/*.jpg", "Sketches of cars, to be forgotten, e.g. of ImageNet-Sketch or DomainNet."),
        ("train/car/car/photo/*.jpg", "Photographs of cars and, in a folder each, other styles: its siblings."),
        ("train/<class>/<class>/<style>/*.jpg", "At least three other classes in the same styles."),
        ("test/...", "The same folders with images that are not among those of train."),
    ),
)
