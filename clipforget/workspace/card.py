"""The model card of an exported model: what it forgot, how, how well, and on whose terms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clipforget.evaluation.documents import Estimate, found_sentence
from clipforget.methods import METHODS
from clipforget.runs.audited import HEADER, AuditsView, audit_rows, audit_sentences
from clipforget.runs.config import shown_command, without_folders
from clipforget.runs.selections import name_of
from clipforget.runs.soups import summary_of
from clipforget.tabular import markdown
from clipforget.workspace.documents import RunView

LIBRARIES = {"open_clip": "open_clip", "transformers": "transformers", "patch": "clipforget"}
LOADING = {
    "open_clip": """import open_clip

folder = "{schema}:{folder}"
model, _, preprocess = open_clip.create_model_and_transforms(folder)
tokenizer = open_clip.get_tokenizer(folder)""",
    "transformers": """from transformers import CLIPModel, CLIPProcessor

model = CLIPModel.from_pretrained("{folder}")
processor = CLIPProcessor.from_pretrained("{folder}")""",
    "patch": "python -m clipforget apply {folder} {model} -o OUT",
}


def write_card(
    view: RunView,
    index: int,
    format: str,
    folder: str,
    fingerprints: dict[str, str],
    terms: str,
    audits: AuditsView | None = None,
    lineage: Sequence[str] = (),
) -> str:
    """Return the card in Markdown, with the head that the hub reads, and audits where there are any.

    index is that of the alpha among view["alphas"]; folder is its name, or user/name on the hub. fingerprints are by
    what they belong to; `terms` is a sentence on the images, empty where nothing is known. lineage is that of run.json.
    """
    config, alpha = view["config"], view["alphas"][index]
    method = METHODS.load()[config["method"]]
    source = f"[{method.source}]({method.reference_url})" if method.reference_url else method.source
    chosen = "the suggested one" if alpha == view["best"] else f"chosen by hand; {view['best']:.2f} is suggested"
    share = f"{alpha:.0%} of the original and {1 - alpha:.0%} of the unlearned weights, averaged"
    settings = ", ".join(f"`{name}` {value}" for name, value in view["settings"].items()) or "none"
    retain = ", ".join(f"`{text}`" for text in config.get("retain") or ()) or "the siblings of what is forgotten"
    others = f", others from `{Path(config['others']).name}`" if config.get("others") else ""
    language = "sh" if format == "patch" else "python"
    rows = [
        [row["label"], f"{row['n']:,}", _interval(row["before"]),
         _interval(Estimate(value=row["after"][index], low=row["low"][index], high=row["high"][index]))]
        for row in view["rows"]
    ]  # fmt: skip
    return "\n".join(
        [
            "---",
            f"library_name: {LIBRARIES[format]}",
            "pipeline_tag: zero-shot-image-classification",
            "tags: [clip, machine-unlearning, clipforget]",
            "---",
            "",
            f"# {Path(config['model']).name} without {view['target']}",
            "",
            "A CLIP that was made to forget a part of what it knew, with ClipForget.",
            "",
            f"```{language}",
            LOADING[format].format(
                folder=folder, schema="hf-hub" if "/" in folder else "local-dir", model=config["model"]
            ),
            "```",
            "",
            "## What was done",
            "",
            f"- Original: {' made of '.join(f'`{without_folders(name)}`' for name in lineage or [config['model']])}",
            f"- Forgotten: {', '.join(f'`{text}`' for text in config['forget'])}",
            f"- Kept in view: {retain}",
            f"- Method: {method.title} ({source}). {summary_of(config)}",
            f"- Settings: {settings}; seed {config['seed']}",
            f"- Alpha: {alpha:.2f} ({chosen}): {share}",
            "",
            "```sh",
            shown_command(view["command"]),
            "```",
            "",
            "## What it reaches",
            "",
            "Accuracy on test images, which no choice has seen: the share whose name is the nearest of all names.",
            f"In brackets the 95 % interval; chance is {view['chance']:.1%}. H is {view['h'][index]:.1f} of 100.",
            "",
            markdown(("set", "images", "original", "this model"), rows),
            "",
            found_sentence(view["found"], view["target"], index),
            "",
            *([" ".join(view["notes"]), ""] if view["notes"] else []),
            "Forgotten means that names and searches no longer find it. It does not mean that no trace is left in the",
            "weights: a probe, a few training steps or another wording may bring some of it back.",
            "",
            *(_audits(audits) if audits else ()),
            "## Fingerprints",
            "",
            *(f"- {name}: `{value}`" for name, value in fingerprints.items()),
            "",
            "## Terms",
            "",
            f"- Images: `{Path(config['data']).name}`{others}. {terms or 'ClipForget knows no terms of theirs.'}",
            *(f"- Selection: `{name_of(path)}`, images that somebody chose" for path in config.get("selections") or ()),
            "- Weights: the terms of the original model hold for this one too.",
            "",
        ]
    )


def _audits(audits: AuditsView) -> list[str]:
    """The section on the audits that have been run, at the alpha they were run at."""
    rows = audit_rows(audits, controls=False)
    if not rows:
        return []
    about = f"Audits of the model at alpha {audits['alpha']:.2f}, with 95 % intervals. The last column is a model that"
    return [
        "## Is it gone, or only hidden?",
        "",
        f"{about} was trained again without the target, where there is one.",
        "",
        markdown(HEADER, rows),
        "",
        *(f"- {sentence}" for sentence in audit_sentences(audits)),
        "",
    ]


def _loading(format: str, folder: str, model: str) -> str:
    """How to load the folder; a name with a slash is one on the hub."""
    hub = "/" in folder
    if format == "patch" and hub:
        own = folder.rpartition("/")[2]
        return f"hf download {folder} --local-dir {own}\n{LOADING[format].format(folder=own, model=model)}"
    return LOADING[format].format(folder=folder, model=model, schema="hf-hub" if hub else "local-dir")


def _interval(accuracy: Estimate) -> str:
    return f"{accuracy['value']:.1%} [{100 * accuracy['low']:.1f}, {100 * accuracy['high']:.1f}]"
