"""Who asks: a signed cookie for each browser on a public server, and a name with a password where there is a list.

What the gate finds out reaches our routes and Gradio's events in the header VISITOR_HEADER, which nobody else can set.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from clipforget.errors import BadSetting

VISITOR_HEADER = "x-clipforget-visitor"
COOKIE = "clipforget-visitor"
SIGNED = re.compile(rf"(?:^|;)\s*{COOKIE}=([0-9a-f]{{32}})\.([0-9a-f]{{64}})\s*(?:;|$)")
YEAR = 365 * 24 * 3600  # seconds
KEY = ".visitor-key"  # in the folder of runs, so that runs stay their visitors' after a restart
LARGEST_FILE = 2**20  # bytes of names and passwords


def visitor_key(runs: Path) -> bytes:
    """Return the key that signs the cookies of a runs folder, made where it is missing. Raises BadSetting."""
    try:
        runs.mkdir(parents=True, exist_ok=True)
        draft = runs / f"{KEY}-{secrets.token_hex(4)}"
        with suppress(FileExistsError), open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        with suppress(FileExistsError):
            os.link(draft, runs / KEY)  # whole or not at all, and never over the one of another server
        draft.unlink()
        return (runs / KEY).read_bytes()
    except OSError as error:
        raise BadSetting(f"Cannot keep the key of the visitors' cookies in {runs}: {error.strerror}.") from error


def new_visitor(key: bytes) -> str:
    """Return the value of a new visitor's cookie: a random name and its signature."""
    name = secrets.token_hex(16)
    return f"{name}.{_sign(name, key)}"


def visitor_of(cookies: str, key: bytes) -> str | None:
    """Return the visitor's name in a Cookie header; None where there is none that this server has signed."""
    found = SIGNED.search(cookies)
    return found[1] if found and hmac.compare_digest(_sign(found[1], key), found[2]) else None


def set_cookie(value: str, framed: bool) -> str:
    """Return the Set-Cookie header; framed for a page that is shown inside another site's."""
    where = "SameSite=None; Secure; Partitioned" if framed else "SameSite=Lax"
    return f"{COOKIE}={value}; Path=/; Max-Age={YEAR}; HttpOnly; {where}"


def read_users(path: Path) -> dict[str, bytes]:
    """Return the names in a file of lines name:password, with hashes of the passwords. Raises BadSetting."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_FILE:
            raise BadSetting(f"--auth-file {path} is no file of lines name:password.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise BadSetting(f"Cannot read --auth-file {path}: {reason}.") from None
    users: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, password = line.partition(":")
        if not (name.strip() and colon and password) or name in users:
            raise BadSetting(f"Line {number} of --auth-file {path} must be name:password, with a name of its own.")
        users[name] = _hash(password)
    if not users:
        raise BadSetting(f"--auth-file {path} names nobody; write lines name:password.")
    return users


def user_of(authorization: str, users: Mapping[str, bytes]) -> str | None:
    """Return the name of who logs in by HTTP Basic, None for anybody else; it takes the same time for any password."""
    kind, _, encoded = authorization.partition(" ")
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    right = hmac.compare_digest(users.get(name, b""), _hash(password))
    return name if right and kind.lower() == "basic" else None


def _sign(name: str, key: bytes) -> str:
    return hmac.new(key, name.encode(), hashlib.sha256).hexdigest()


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode()).digest()
