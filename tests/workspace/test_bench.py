"""What is measured on a machine."""

from clipforget.workspace.bench import agreement, speed
from clipforget.workspace.workspace import Workspace


def test_bench_measures_a_finished_run(world, finished):
    opened = Workspace(world.folder / "runs", sample=False).finished_run(finished.id)
    figures = {figure.name: figure for part in (speed, agreement) for figure in part(opened)}
    assert figures["whole tower / changed stages"].number > 0
    assert 0.9 <= figures["top-24 agreement"].number <= 1 and figures["accuracy difference"].number < 10
