"""Wording: dozens of ways to say the target. What "a photo of a ..." no longer finds, a synonym or a plural may.

Precision of a text's first results and recall among as many results as there are images of the target, of the worst
of at least 40 prompts: templates x coarse name, fine name, synonyms, what it is a kind of, a slip of the pen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clipforget.audits import AuditStep, AuditTask, Figure, Figures, Measurement, Measuring, Subject, audit
from clipforget.models.pretrain.captions import NEUTRAL, SYNONYMS, an, plural
from clipforget.soup.path import TOP_K
from clipforget.tabular import with_article
from clipforget.unlearning.task import BOTH

if TYPE_CHECKING:
    from torch import Tensor

LABELS = {"forget": "target", "siblings": "siblings"}
# Written by us for the embedded sketchbook, beside the synonyms that clipforget-tiny was taught. Names of other data
# have what can be derived from them: templates, plural and slip.
OTHER_WORDS = {
    "airplane": ("aircraft", "flying machine"), "bird": ("feathered animal",), "car": ("motor vehicle",),
    "fish": ("swimming animal",), "flower": ("blossom", "plant"), "house": ("home", "dwelling"), "ship": ("vessel",),
    "tree": ("woody plant",), "airliner": ("passenger jet",), "biplane": ("double-decker plane", "two-winged plane"),
    "fighter jet": ("warplane",), "seaplane": ("flying boat",), "flamingo": ("pink wading bird",),
    "owl": ("night bird",), "parrot": ("macaw",), "penguin": ("flightless bird",), "convertible": ("open car",),
    "minibus": ("small bus",), "pickup truck": ("small truck",), "sports car": ("racing car",),
    "clownfish": ("anemone fish",), "pufferfish": ("blowfish",), "shark": ("big fish",), "swordfish": ("billfish",),
    "daisy": ("white flower",), "rose": ("red flower",), "sunflower": ("yellow flower",), "tulip": ("spring flower",),
    "apartment block": ("tower block",), "castle": ("fortress",), "cottage": ("small house",), "igloo": ("snow house",),
    "container ship": ("freighter",), "rowing boat": ("dinghy",), "sailboat": ("yacht",), "submarine": ("u-boat",),
    "oak": ("broad tree",), "palm": ("coconut tree",), "pine": ("conifer",), "willow": ("weeping tree",),
}  # fmt: skip
CHANCES = 2  # so many times chance may be found
ROUNDS = 200  # of the bootstrap
AHEAD = 4  # so many times TOP_K results are looked through to fill TOP_K of a resample: by far enough


@dataclass(frozen=True)
class Row:
    """A prompt and what it finds of the `count` images of its target: among the first results, and among `count`."""

    text: str
    level: str
    first: int
    among: int
    count: int


def bound(figures: Figures) -> tuple[float | None, str]:
    """Return twice the share of the gallery that is of the target, which bounds nothing where that is all."""
    share = CHANCES * (figures["chance"]["value"] or 0.0)
    return None if share >= 1 else share, f"twice chance {100 * share:.0f} %"


@audit(
    "wording",
    title="Wording",
    question="Does any other wording still find the target?",
    source="Prompts as in Radford et al., Learning Transferable Visual Models, 2021; the worst of them counts",
    reference_url="https://arxiv.org/abs/2103.00020",
    finds="its worst wording finds {}",
    hidden="another wording finds it",
    bound=bound,
    compared=("worst", "fine-names"),
    looks_at=BOTH,
    follows=True,
)
def wording(subject: Subject, task: AuditTask) -> Measuring:
    """Search by at least 40 prompts that mean the target, and report the one that finds the most of it.

    A prompt that the model refuses finds nothing; words that the original was never taught are left out.
    """
    import torch

    yield AuditStep(0, 1)
    roles = [role for role, images in task.test.items() if len(images)]
    features = torch.cat([subject.features(task.test[role]) for role in roles])
    kinds = torch.cat([task.test[role].kinds for role in roles])
    rows: list[Row] = []
    drawn = []
    for number, target in enumerate(task.targets):
        relevant = kinds == number
        if not relevant.any():  # of several targets one that the gallery lacks
            continue
        labels = task.test["forget"].labels[task.test["forget"].kinds == number].unique()
        coarse = [] if target.superclass == "*" else [task.names[i] for i in labels]
        for name in dict.fromkeys((target.short, *coarse)):
            texts = task.known(wordings(name))
            found, resampled = _found(subject, texts, features, relevant)
            drawn.append(resampled)
            count = int(relevant.sum())
            level = "coarse" if name in coarse else "fine"
            rows += [Row(text, level, *hits, count) for text, hits in zip(texts, found, strict=True)]
    k = min(TOP_K, len(kinds))
    worst = max(rows, key=lambda row: row.first)
    label = f"worst of {len(rows)} prompts, precision at {k}"
    low, high = torch.stack(drawn).max(dim=0).values.quantile(torch.tensor([0.025, 0.975])).tolist()
    figures = [  # the worst of each resample, as it is the worst that is told
        Figure("worst", label, worst.first / k, low, high, k, note=f"“{with_article(worst.text)}”"),
        Figure.share("recall", "the same prompt, recall", worst.among, worst.count),
    ]
    for level in ("fine", "coarse"):
        hits = [row.first for row in rows if row.level == level]
        if hits:
            figures.append(Figure.share(level, f"worst with the {level} name", max(hits), k))
    figures.append(Figure.mean("mean", "mean of all prompts", [row.first / k for row in rows]))
    share = float((kinds < len(task.targets)).float().mean())
    figures.append(Figure("chance", "share of the gallery", share, count=len(kinds)))
    figures += _among_fine_names(subject, task)
    prompts = [
        {"text": row.text, "level": row.level, "precision": row.first / k, "recall": row.among / row.count}
        for row in rows
    ]
    yield AuditStep(1, 1)
    return Measurement(tuple(figures), {"k": k, "prompts": prompts})


def wordings(name: str) -> list[str]:
    """Return prompts that mean a name: every template with it, its other words, and a slip of the pen."""
    words = (name, *SYNONYMS.get(name, ()), *OTHER_WORDS.get(name, ()), slip(name))
    texts = (t.replace("{a}", an(w)).replace("{s}", plural(w)).replace("{}", w) for w in words for t in NEUTRAL)
    return list(dict.fromkeys(texts))


def slip(name: str) -> str:
    """Return the name with two letters in its middle swapped, as fingers do."""
    middle = max(len(name) // 2, 1)
    return name[: middle - 1] + name[middle : middle + 1] + name[middle - 1] + name[middle + 1 :]


def _found(
    subject: Subject, texts: Sequence[str], features: Tensor, relevant: Tensor
) -> tuple[list[tuple[int, int]], Tensor]:
    """How many relevant images a text finds among its first TOP_K results, and among as many as there are of them.

    Also the largest share of any text among the first TOP_K results in ROUNDS resamples of the N images.
    """
    import torch

    count, k = int(relevant.sum()), min(TOP_K, len(relevant))
    order = (subject.texts(texts) @ features.T).argsort(dim=1, descending=True)
    hits = relevant[order].cumsum(dim=1)
    answered = torch.tensor([subject.refusal.word(text) is None for text in texts])
    first, among = (answered * hits[:, most - 1] for most in (k, count))
    draws = torch.randint(len(relevant), (ROUNDS, len(relevant)), generator=torch.Generator().manual_seed(0))
    copies = torch.zeros(draws.shape).scatter_add_(1, draws, torch.ones(draws.shape))
    ahead = order[answered, : AHEAD * k].cpu()
    drawn = copies[:, ahead]  # ROUNDS x texts x results
    taken = torch.minimum(drawn, (k - drawn.cumsum(dim=2) + drawn).clamp(min=0))
    shares = (taken * relevant[ahead].cpu()).sum(dim=2) / k
    worst = shares.max(dim=1).values if shares.shape[1] else torch.zeros(ROUNDS)
    return list(zip(first.tolist(), among.tolist(), strict=True)), worst


def _among_fine_names(subject: Subject, task: AuditTask) -> list[Figure]:
    """Accuracy among all fine names of the target and of its siblings, as a control."""
    if not task.subgroup_names:
        return []
    names = [task.template.replace("{}", name) for name in task.subgroup_names]
    figures = []
    for role, key in (("forget", "fine-names"), ("siblings", "siblings-fine-names")):
        images = task.test[role]
        if len(images):
            hits = int((subject.cosines(images, names).argmax(dim=1) == images.subgroups).sum())
            figures.append(Figure.share(key, f"{LABELS[role]} among all fine names", hits, len(images)))
    return figures
