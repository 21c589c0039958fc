"""`app`: the page."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_runs


def add_options(parser: Parser) -> None:
    """Add the address to listen on, which CLIPFORGET_HOST and CLIPFORGET_PORT may set too."""
    # Gradio's own names are those that Hugging Face Spaces sets.
    host = os.environ.get("CLIPFORGET_HOST") or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = os.environ.get("CLIPFORGET_PORT") or os.environ.get("GRADIO_SERVER_PORT", "7860")
    add = parser.add_argument
    add("--host", default=host, help="address to listen on; 0.0.0.0 for every network (default: %(default)s)")
    add("--port", type=int, metavar="N", default=port, help="port to listen on (default: %(default)s)")
    add("--allow-host", action="append", default=[], metavar="NAME", help="another name to answer for; may be repeated")
    add(
        "--proxy", action="append", default=[], metavar="ADDRESS",
        help="believe X-Forwarded-* headers that come from this address or network; may be repeated",
    )  # fmt: skip
    add("--no-browser", action="store_true", help="do not open a browser")
    add("--no-sample", action="store_true", help="leave the sample run out")
    add_runs(parser)


@command("app", add_options, order=0)
def app(args: argparse.Namespace) -> None:
    """Start the page, and open it in a browser."""
    from clipforget.web.serve import serve

    serve(
        Path(args.runs),
        host=args.host,
        port=args.port,
        allowed_hosts=args.allow_host,
        proxies=args.proxy,
        browser=not args.no_browser,
        sample=not args.no_sample,
    )
