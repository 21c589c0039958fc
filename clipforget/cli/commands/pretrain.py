"""`pretrain`: train the embedded model from scratch."""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_setting, settings_of
from clipforget.cli.terminal import Bar
from clipforget.settings import options, parse


def add_options(parser: Parser) -> None:
    """Add the folder and the settings of pretraining."""
    from clipforget.models.pretrain.settings import PretrainSettings

    parser.add_argument("out", metavar="OUT", help="the folder to write the model to")
    for entry in options(PretrainSettings):
        add_setting(parser, entry)


@command("pretrain", add_options, order=12)
def pretrain(args: argparse.Namespace) -> None:
    """Train the embedded model from scratch."""
    from clipforget.models.pretrain.settings import PretrainSettings
    from clipforget.models.pretrain.training import pretrain as train

    bar, start = Bar(), time.monotonic()
    begun = {"": start}
    try:
        for record in train(parse(PretrainSettings, settings_of(args)), Path(args.out)):
            now = time.monotonic()
            spent = now - begun.setdefault(record.stage, now)
            event = {"kind": "step", "t": now - start, "stage": record.stage, "step": record.step}
            event |= {"total": record.total, "losses": {"loss": record.loss} if math.isfinite(record.loss) else {}}
            event["eta"] = spent / (record.step - 1) * (record.total - record.step) if record.step > 1 else None
            bar.show(event | {"note": ", ".join(f"{name} {share:.1%}" for name, share in record.accuracies.items())})
        bar.show({"kind": "end", "t": time.monotonic() - start, "note": f"Wrote {args.out}."})
    finally:
        bar.close()
