"""What folders are called: codes in words, and for evaluation sets templates.txt, classnames.txt and usual captions.

A file templates.txt beside the class folders has a caption on each line, with {} for the name. In classnames.txt each
line is `folder = name`; a name whose folder is not there is one more to choose among.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from clipforget.data.dataset import Dataset, EvaluationSet, Item, Source, as_label
from clipforget.data.sources import printable
from clipforget.errors import BadData

CODE = re.compile(r"(n\d{8})(?:[ .-]+(.+))?")  # of WordNet, as ImageNet has them: n02691156, n02691156-airplane
NUMBERED = re.compile(r"\d+[.-]\s*(\D.*)")  # 001.Black footed Albatross
MAPPINGS = ("LOC_synset_mapping.txt", "synset_words.txt", "words.txt")  # as they come with ImageNet: n02691156 airplane
LONGEST_MAPPING = 2**23  # bytes
TEMPLATES, CLASS_NAMES = "templates.txt", "classnames.txt"
SINGLE = ("a photo of a {}.",)
LONGEST = 2**20  # bytes of such a file
PHOTOS = ("photo", "blurry photo", "black and white photo", "low contrast photo", "high contrast photo", "bad photo")
CIFAR = tuple(
    template
    for article in ("a", "the")
    for template in (
        *(f"a {kind} of {article} {{}}." for kind in (*PHOTOS, "good photo")),
        *(f"a photo of {article} {size} {{}}." for size in ("small", "big")),
    )
)
FOOD = ("a photo of {}, a type of food.",)
IMAGENET = tuple(
    """
a bad photo of a {}. | a photo of many {}. | a sculpture of a {}. | a photo of the hard to see {}. |
a low resolution photo of the {}. | a rendering of a {}. | graffiti of a {}. | a bad photo of the {}. |
a cropped photo of the {}. | a tattoo of a {}. | the embroidered {}. | a photo of a hard to see {}. |
a bright photo of a {}. | a photo of a clean {}. | a photo of a dirty {}. | a dark photo of the {}. |
a drawing of a {}. | a photo of my {}. | the plastic {}. | a photo of the cool {}. | a close-up photo of a {}. |
a black and white photo of the {}. | a painting of the {}. | a painting of a {}. | a pixelated photo of the {}. |
a sculpture of the {}. | a bright photo of the {}. | a cropped photo of a {}. | a plastic {}. |
a photo of the dirty {}. | a jpeg corrupted photo of a {}. | a blurry photo of the {}. | a photo of the {}. |
a good photo of the {}. | a rendering of the {}. | a {} in a video game. | a photo of one {}. |
a doodle of a {}. | a close-up photo of the {}. | a photo of a {}. | the origami {}. | the {} in a video game. |
a sketch of a {}. | a doodle of the {}. | a origami {}. | a low resolution photo of a {}. | the toy {}. |
a rendition of the {}. | a photo of the clean {}. | a photo of a large {}. | a rendition of a {}. |
a photo of a nice {}. | a photo of a weird {}. | a blurry photo of a {}. | a cartoon {}. | art of a {}. |
a sketch of the {}. | a embroidered {}. | a pixelated photo of a {}. | itap of the {}. |
a jpeg corrupted photo of the {}. | a good photo of a {}. | a plushie {}. | a photo of the nice {}. |
a photo of the small {}. | a photo of the weird {}. | the cartoon {}. | art of the {}. | a drawing of the {}. |
a photo of the large {}. | a black and white photo of a {}. | the plushie {}. | a dark photo of a {}. |
itap of a {}. | graffiti of the {}. | a toy {}. | itap of my {}. | a photo of a cool {}. |
a photo of a small {}. | a tattoo of the {}.
""".replace("\n", " ")
    .strip()
    .split(" | ")
)
# By the name of the set in lower case, letters and digits alone. Sources: https://github.com/openai/CLIP, in it
# data/prompts.md and, for ImageNet and the sets with its classes, notebooks/Prompt_Engineering_for_ImageNet.ipynb.
KNOWN = {
    "food": FOOD, "food101": FOOD, "cifar": CIFAR, "cifar10": CIFAR,
    "imagenet": IMAGENET, "imagenet1k": IMAGENET, "objectnet": IMAGENET,
}  # fmt: skip


def in_words(labels: Iterable[str], words: Mapping[str, str]) -> dict[str, str]:
    """Return labels that begin with a code, or all with a number, by what they are called in words.

    words has what codes stand for. Left out is what stays as it is, among it whatever would be called alike.
    """
    labels = set(labels)
    numbers = {label: match for label in labels if (match := NUMBERED.fullmatch(label))}
    named = {label: match[1] for label, match in numbers.items()} if len(numbers) == len(labels) else {}
    for label in labels:
        if (match := CODE.fullmatch(label)) and (word := match[2] or words.get(match[1])):
            named[label] = word
    taken = Counter(named.get(label, label) for label in labels)
    return {label: word for label, word in named.items() if taken[word] == 1}


def coded_note(dataset: Dataset) -> str:
    """Say in one sentence which classes have codes for names, which no CLIP knows as words; empty where none has."""
    labels = {i.superclass for i in dataset.items} | {i.subgroup for i in dataset.items if i.subgroup}
    codes = sorted(label for label in labels if label.isdecimal() or ((m := CODE.fullmatch(label)) and not m[2]))
    if not codes:
        return ""
    which = f"The class {codes[0]} has" if len(codes) == 1 else f"{len(codes):,} classes ({codes[0]}, ...) have"
    return (
        f"{which} a code for a name, which no CLIP knows: rename the folders, or lay {MAPPINGS[0]} beside the splits."
    )


def read_mapping(data: bytes) -> dict[str, str]:
    """Return what each code stands for, the first of its names, as a label."""
    lines = (line.split(maxsplit=1) for line in data[:LONGEST_MAPPING].decode("utf-8", "replace").splitlines())
    return {pair[0]: as_label(pair[1].split(",")[0]) for pair in lines if len(pair) == 2}


def named_set(
    name: str,
    rows: Sequence[tuple[Item, bytes]],
    folders: Iterable[str],
    source: Source,
    files: Sequence[str],
    target: Sequence[str] = (),
    note: str = "",
    templates: Sequence[str] = (),
) -> tuple[EvaluationSet, tuple[Item, ...]]:
    """Return an evaluation set with names of its own, and its items under these names, all of split `name`.

    rows are its items, still called as their folders, with the SHA-256 of their bytes; folders all labels of class
    folders, also of those whose images are not among them. files are the keys in `source`
    of its templates.txt and classnames.txt, as far as there are such; `templates` are the captions without such a file.
    Raises BadData where one of the files cannot be used or fewer than two names are there to choose among.
    """
    texts = {key.rpartition("/")[2]: source.read(key)[:LONGEST] for key in files}
    named = read_class_names(_lines(texts.get(CLASS_NAMES, b"")), name)
    known = templates or KNOWN.get("".join(c for c in name.lower() if c.isalnum()), SINGLE)
    templates = read_templates(_lines(texts[TEMPLATES]), name) if TEMPLATES in texts else tuple(known)
    items = tuple(replace(i, split=name, superclass=named.get(i.superclass, i.superclass)) for i, _ in rows)
    classes = tuple(sorted({named.get(folder, folder) for folder in folders} | set(named.values())))
    if len(classes) < 2:
        raise BadData(
            f"The evaluation set '{name}' has the single class '{classes[0]}'; give it a folder for each class, or "
            f"others to choose among in {CLASS_NAMES}, a line `folder = name` each."
        )
    digest = hashlib.sha256("\0".join([*templates, "", *classes, ""]).encode())
    for item, (_, content) in zip(items, rows, strict=True):
        digest.update(f"{item.superclass}\0{item.key}\0".encode() + content)
    return EvaluationSet(name, classes, templates, source, digest.hexdigest()[:16], tuple(target), note), items


def read_templates(lines: Sequence[tuple[int, str]], name: str) -> tuple[str, ...]:
    """Return the captions of a templates.txt. Raises BadData for one without {}, or where there is none."""
    for number, line in lines:
        if "{}" not in line:
            what = f"Line {number} of {TEMPLATES} of the evaluation set '{name}' is '{printable(line[:80])}'"
            raise BadData(f"{what}; write {{}} where the class name goes, e.g. a photo of a {{}}.")
    if not lines:
        raise BadData(f"{TEMPLATES} of the evaluation set '{name}' is empty; write captions with {{}}, or remove it.")
    return tuple(dict.fromkeys(line for _, line in lines))


def read_class_names(lines: Sequence[tuple[int, str]], name: str) -> dict[str, str]:
    """Return the names in a classnames.txt by folder, both as labels. Raises BadData for a line that is no pair."""
    named = {}
    for number, line in lines:
        folder, _, label = (as_label(part) for part in line.partition("="))
        if not folder or not label:
            what = f"Line {number} of {CLASS_NAMES} of the evaluation set '{name}' is '{printable(line[:80])}'"
            raise BadData(f"{what}; write each line as `folder = name`.")
        named[folder] = label
    return named


def _lines(data: bytes) -> list[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    lines = enumerate(data.decode("utf-8-sig", errors="replace").splitlines(), 1)
    return [(number, line.strip()) for number, line in lines if line.strip() and not line.startswith("#")]
