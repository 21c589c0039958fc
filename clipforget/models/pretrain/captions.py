"""Captions for the drawn pictures: what is written about a picture, and of which other pictures it is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from clipforget.data import sketchbook

PLAIN = "a photo of a {}."
NEUTRAL = (  # templates that say nothing about the style
    "a photo of {a}.", "a photo of {a}", "{}", "{}", "{a}", "{a}.", "a {}",
    "a picture of {a}", "an image of {a}", "a photo of one {}.", "this is {a}.", "the {}", "my {}", "a small {}",
    "a big {}", "a nice {}", "a colourful {}", "show me {a}", "find {a}", "{s}", "pictures of {s}", "a photo of {s}.",
)  # fmt: skip
KINDS = ("{a}, a kind of {}", "{a}, a type of {}", "{}: {sub}", "{sub} {}", "a photo of {a}, a kind of {}.")
STYLED = (
    "{style} of {a}", "{style} of {a}.", "{style} of a {}.", "{a} as {style}", "{}, {style}", "{style}: {}",
    "{plain} of {a}", "{plain} {}", "{} {plain}",
)  # fmt: skip
STYLE_ONLY = ("{style}.", "{style}.", "{style}", "{plain}", "{plain}", "this is {style}", "{styles}")

SYNONYMS = {
    "airplane": ("plane", "aeroplane"),
    "ship": ("boat",),
    "car": ("automobile",),
    "house": ("building",),
    "palm": ("palm tree",),
    "pine": ("pine tree", "fir"),
    "oak": ("oak tree",),
    "willow": ("willow tree",),
    "rowing boat": ("rowboat",),
    "sailboat": ("sailing boat",),
    "pickup truck": ("pickup",),
    "minibus": ("van",),
    "pufferfish": ("puffer fish",),
    "clownfish": ("clown fish",),
    "colour painting": ("painting", "color painting", "coloured painting"),
    "poster": ("printed poster",),
    "black-and-white drawing": ("black and white drawing", "ink drawing"),
    "pencil sketch": ("sketch", "pencil drawing"),
}
STYLED_COUNT = 36  # captions a step that join a style with a superclass or a subgroup
OFTEN = 0.8  # share of the captions that use the name itself where there are synonyms


@dataclass(frozen=True)
class Caption:
    """A text and what it claims; None where it claims nothing on that level."""

    text: str
    superclass: str | None = None
    subgroup: str | None = None
    style: str | None = None

    def is_true_of(self, superclass: str, subgroup: str, style: str) -> bool:
        """Tell whether the caption is true of a picture with these three names."""
        claims = ((self.superclass, superclass), (self.subgroup, subgroup), (self.style, style))
        return all(claimed in (None, name) for claimed, name in claims)


def write_captions(
    cells: Sequence[tuple[str, str, str]], rng: Random, unnamed: tuple[str, str] | None = None
) -> list[Caption]:
    """Write a caption for every superclass, subgroup and style in the cells, and STYLED_COUNT that join two levels.

    Those that name the superclass and subgroup `unnamed` are left out; the others are the same without it.
    """
    superclasses = dict.fromkeys(cell[0] for cell in cells)
    subgroups = dict.fromkeys(cell[:2] for cell in cells)
    styles = dict.fromkeys(cell[2] for cell in cells)
    captions = [write(rng, superclass) for superclass in superclasses]
    captions += [write(rng, superclass, subgroup) for superclass, subgroup in subgroups]
    captions += [write(rng, style=style) for style in styles]
    for superclass, subgroup, style in rng.choices(cells, k=STYLED_COUNT):
        captions.append(write(rng, superclass, subgroup if rng.random() < 0.6 else None, style))
    return [caption for caption in captions if unnamed is None or (caption.superclass, caption.subgroup) != unnamed]


def write(rng: Random, superclass: str | None = None, subgroup: str | None = None, style: str | None = None) -> Caption:
    """Write a caption that claims the names given, in the words and the template that chance picks."""
    styled = _name(style, rng) if style else ""
    if superclass is None:
        return Caption(_fill(rng.choice(STYLE_ONLY), "", styled), style=style)
    name = _name(subgroup or superclass, rng)
    if style:
        text = _fill(rng.choice(STYLED), name, styled)
    elif subgroup and rng.random() < 0.15:
        text = rng.choice(KINDS).replace("{a}", an(name)).replace("{sub}", name).replace("{}", superclass)
    else:
        text = _fill(PLAIN if rng.random() < 0.3 else rng.choice(NEUTRAL), name, "")
    return Caption(text, superclass, subgroup, style)


def every_text(unnamed: tuple[str, str] | None = None) -> list[str]:
    """List texts that hold, between them, every word a caption may use that does not name the subgroup `unnamed`."""
    names = {level for sup, sub, style in sketchbook.cells() for level in (sup, sub, style) if (sup, sub) != unnamed}
    words = [word for name in sorted(names) for word in (name, *SYNONYMS.get(name, ()))]
    templates = [PLAIN, *NEUTRAL, *KINDS, *STYLED, *STYLE_ONLY]
    return [*(form for word in words for form in (word, an(word), plural(word), f"{word}.")), *templates]


def an(name: str) -> str:
    """Return the name with its indefinite article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def plural(name: str) -> str:
    """Return the plural of an English noun phrase, as far as the names here need it."""
    if name.endswith("fish"):
        return name
    if name.endswith("y") and name[-2] not in "aeiou":
        return name[:-1] + "ies"
    return name + ("es" if name.endswith(("s", "sh", "ch", "x")) else "s")


def _name(name: str, rng: Random) -> str:
    others = SYNONYMS.get(name, ())
    return rng.choice(others) if others and rng.random() > OFTEN else name


def _fill(template: str, name: str, style: str) -> str:
    values = {"{plain}": style, "{style}": an(style) if style else "", "{styles}": plural(style) if style else ""}
    values |= {"{a}": an(name) if name else "", "{s}": plural(name) if name else "", "{}": name}
    for placeholder, value in values.items():
        template = template.replace(placeholder, value)
    return template
