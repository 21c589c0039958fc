"""BREEDS (Santurkar et al., arXiv 2008.04859): superclasses of ImageNet, from the hierarchy that its authors publish.

Their two files class_hierarchy.txt (parent and child a line) and node_names.txt lie beside ImageNet. As in the authors'
library, a superclass is a node so many steps below the root by the longest way, with at least so many of ImageNet's
classes under it; of these a random choice of seed 2 makes all superclasses equally large (their split "rand").
Source and target domain are put together. ObjectNet's objects stand under the same superclasses, chosen or not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clipforget.data.imagenet import EXPECTS, class_names, imagenet_root
from clipforget.data.published import NotPublished, label, lines_of

HIERARCHY, NAMES = "class_hierarchy.txt", "node_names.txt"
FOLDERS = ("", "imagenet_class_hierarchy", "imagenet_class_hierarchy/modified", "modified")
ROOT = "n00001740"  # entity
SEED = 2
WITH_FILES = f"{EXPECTS}; and beside them imagenet_class_hierarchy/ with {HIERARCHY} and {NAMES}"
GET_FILES = f"{HIERARCHY} and {NAMES} are in imagenet_class_hierarchy/modified of https://github.com/MadryLab/BREEDS-Benchmarks."

Graph = dict[str, list[str]]


@dataclass(frozen=True)
class Task:
    """A benchmark of BREEDS: `count` nodes at `level` below the root and below `ancestor`, `each` classes of each."""

    count: int
    level: int
    each: int
    ancestor: str = ""


TASKS = {
    "entity13": Task(count=13, level=3, each=20),
    "entity30": Task(count=30, level=4, each=8),
    "nonliving26": Task(count=26, level=5, each=4, ancestor="n00021939"),  # artifact
}


def breeds(src: Path, task: Task) -> dict[str, tuple[str, str]]:
    """Return superclass and name of the wnids that a task chose, out of the files beside ImageNet at `src`.

    Raises NotPublished where the two files are not there, or give another number of superclasses.
    """
    root = imagenet_root(src)
    random = np.random.RandomState(SEED)
    labels = {}
    for superclass, leaves in superclasses([src, root, *src.absolute().parents[:3]], task).items():
        for wnid in random.choice(leaves, task.each, replace=False):
            labels[str(wnid)] = (superclass, class_names()[wnid])
    return labels


def superclasses(around: Iterable[Path], task: Task) -> dict[str, list[str]]:
    """Return the superclasses of a task with all wnids below each, out of the two files in or below these folders.

    Raises NotPublished where the two files are not there, or give another number of superclasses.
    """
    files = next((at for top in around for at in (top / f for f in FOLDERS) if (at / HIERARCHY).is_file()), None)
    if files is None:
        raise NotPublished(f"no {HIERARCHY} beside it; {GET_FILES.rstrip('.')}")
    edges = [line.split() for line in lines_of(files / HIERARCHY)]
    named = dict(line.split("\t", 1) for line in lines_of(files / NAMES) if "\t" in line)
    if any(len(edge) != 2 for edge in edges):
        raise NotPublished(f"a damaged {HIERARCHY}")
    children = _towards_classes(edges, class_names().keys())
    nodes = sorted(node for node, depth in _depths(children).items() if depth == task.level)
    if task.ancestor:
        below = _below(children, task.ancestor) | {task.ancestor}
        nodes = [node for node in nodes if node in below]
    leaves = {node: sorted((_below(children, node) | {node}) & class_names().keys()) for node in nodes}
    large = [node for node in nodes if len(leaves[node]) >= task.each]
    if len(large) != task.count:
        raise NotPublished(f"a {HIERARCHY} with {len(large)} such superclasses, not {task.count}")
    firsts = [label(named.get(node, node).split(",")[0]) for node in large]
    names = (
        f if firsts.count(f) == 1 else label(named[n].replace(",", " or")) for n, f in zip(large, firsts, strict=True)
    )
    return {name: leaves[node] for name, node in zip(names, large, strict=True)}


def _towards_classes(edges: list[list[str]], classes: Collection[str]) -> Graph:
    """The children of each node, without the branches that lead to no class of ImageNet."""
    parents: Graph = defaultdict(list)
    for parent, child in edges:
        parents[child].append(parent)
    children: dict[str, set[str]] = defaultdict(set)
    waiting = [wnid for wnid in classes if wnid in parents]
    seen = set(waiting)
    while waiting:
        child = waiting.pop()
        for parent in parents.get(child, ()):
            children[parent].add(child)
            if parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return {node: sorted(below) for node, below in children.items()}


def _depths(children: Graph) -> dict[str, int]:
    """The steps of the longest way from the root to each node. Raises NotPublished where a way runs in a circle."""
    depths = {ROOT: 0}
    layer, depth = {ROOT}, 0
    while layer:
        depth += 1
        layer = {child for node in layer for child in children.get(node, ())}
        depths |= dict.fromkeys(layer, depth)
        if depth > len(children):
            raise NotPublished(f"a {HIERARCHY} that runs in a circle")
    return depths


def _below(children: Graph, top: str) -> set[str]:
    """Every node under one, without itself."""
    found: set[str] = set()
    waiting = [top]
    while waiting:
        new = set(children.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found
