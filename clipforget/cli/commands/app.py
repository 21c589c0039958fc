"""`app`: the page."""

from __future__ import annotations

import argparse
import os
from ipaddress import ip_address
from pathlib import Path

from clipforget.cli.commands import command
from clipforget.cli.options import Parser, add_runs

PUBLIC = (
    "Public mode, for strangers: everybody sees all runs on the models and images that come with ClipForget, and stops "
    "or deletes only their own. With --trusted people you trust may do everything."
)
TRUSTED = (
    "Trusted mode: whoever reaches this address can start, stop and delete every run, and have any model or image "
    "folder opened that you can read. Add --auth-file to ask for passwords, or use --public."
)


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
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--public", action="store_true",
        help="for strangers: listed models and images only, own runs only to stop or delete; the default on a network",
    )  # fmt: skip
    mode.add_argument("--trusted", action="store_true", help="on a network, but for people who may use all of it")
    add("--auth-file", metavar="FILE", help="ask for a name and a password: lines name:password")
    add("--mcp", action="store_true", help="let assistants use the functions of the API as tools, at /gradio_api/mcp/")
    add("--no-browser", action="store_true", help="do not open a browser")
    add("--no-sample", action="store_true", help="leave the sample run out")
    add_runs(parser)


@command("app", add_options, order=0)
def app(args: argparse.Namespace) -> None:
    """Start the page, and open it in a browser."""
    from clipforget.web.serve import serve
    from clipforget.web.visitors import read_users

    users = read_users(Path(args.auth_file)) if args.auth_file is not None else None
    network = "SPACE_ID" in os.environ or not is_loopback(args.host)
    public = args.public or (network and not args.trusted)
    notice = PUBLIC if public else TRUSTED if network else ""
    serve(
        Path(args.runs),
        host=args.host,
        port=args.port,
        allowed_hosts=args.allow_host,
        proxies=args.proxy,
        users=users,
        public=public,
        notice=notice,
        mcp=args.mcp,
        browser=not args.no_browser,
        sample=not args.no_sample,
    )


def is_loopback(host: str) -> bool:
    """Return True for an address that only this machine reaches."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
