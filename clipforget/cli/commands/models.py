"""`models`: what can be made to forget."""

from __future__ import annotations

import argparse

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_json
from clipforget.cli.terminal import emit
from clipforget.tabular import table


def add_options(parser: Parser) -> None:
    """Add the name of a model."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="load this model and describe it; without it: the list")
    parser.add_argument("--all", action="store_true", help="also list every model/pretrained that open_clip knows")
    add_json(parser)


@command("models", add_options, order=7)
def models(args: argparse.Namespace) -> None:
    """List models, or describe one."""
    if args.name:
        model = _described(args.name)
        emit(args.json, model, table(("what", "value"), [[name, str(value)] for name, value in model.items()]))
        return
    from clipforget.workspace.setup import embedded_models

    embedded = {name: str(path) for name, path in embedded_models().items()}
    content: dict[str, object] = {"embedded": embedded}
    text = table(("name", "where"), list(embedded.items()))
    if args.all:
        import open_clip

        names = [f"{name}/{tag}" for name, tag in open_clip.list_pretrained()]
        content["open_clip"] = names
        text += "\n" + "\n".join(names)
    hint = "Also a local folder in open_clip's layout, or open_clip's model/pretrained (--all lists them)."
    emit(args.json, content, f"{text}\n\n{hint}")


def _described(name: str) -> dict[str, object]:
    from clipforget.models.loading import load_clip

    clip = load_clip(name)
    return {
        "name": clip.name,
        "parameters": sum(weight.numel() for weight in clip.model.parameters()),
        "embedding": clip.encode_text(["a photo"]).shape[-1],
        "image_size": getattr(clip.model.visual, "image_size", None),
        "logit_scale": round(clip.logit_scale, 3),
        "fingerprint": clip.fingerprint(),
    }
