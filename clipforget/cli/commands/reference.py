"""`reference`: the audits' figures of a model that was retrained without a target."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from clipforget.audits import AUDITS, AuditStep
from clipforget.cli.commands import command
from clipforget.cli.options import Parser
from clipforget.cli.terminal import Bar
from clipforget.generators import finish, relay
from clipforget.runs.references import read_reference, with_model


def add_options(parser: Parser) -> None:
    """Add the model, the file and the audits."""
    parser.add_argument("model", metavar="MODEL", help="a folder that `pretrain --without TARGET` wrote")
    about = "the JSON file of the target, to write or to add the model to, e.g. assets/references/biplane.json"
    parser.add_argument("out", metavar="OUT", help=about)
    parser.add_argument("names", nargs="*", metavar="NAME", help="audits (default: all)")


@command("reference", add_options, order=12.5)
def reference(args: argparse.Namespace) -> None:
    """Measure a model that never saw a target, as the yardstick of audits."""
    from clipforget.files import write_json
    from clipforget.runs.retrained import measure_reference

    bar, start, out = Bar(), time.monotonic(), Path(args.out)

    def show(found: tuple[str, AuditStep]) -> None:
        stage, step = found
        bar.show({"kind": "step", "t": time.monotonic() - start, "stage": stage, "step": step.step,
                  "total": step.total, "losses": {}, "note": step.note})  # fmt: skip

    try:
        known = read_reference(out) if out.exists() else None
        document = finish(relay(measure_reference(args.model, args.names or list(AUDITS.load())), show))
        write_json(out, with_model(known, document), indent=None)
    finally:
        bar.close()
    print(f"Wrote {args.out}.")
