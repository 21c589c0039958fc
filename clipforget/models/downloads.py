"""Fetch a model's files from the hub: with progress, to be stopped, and each failure in a sentence of its own.

The cache and the requests are those of the hub's own client (huggingface_hub). It forgets what a broken download has
brought, so what has arrived lies in a file of ours beside the cache's, the next download goes on from there, and only
what has the hub's SHA-256 gets into the cache. A file in the cache is taken as it is, without asking the hub.
"""

from __future__ import annotations

import hashlib
import re
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

from clipforget.errors import BadModel
from clipforget.files import FileLock, check_room

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
TIMEOUT = 5.0  # seconds to wait for the hub before it counts as out of reach
EVERY = 0.5  # seconds between two records of progress
SHA256 = re.compile(r"[0-9a-f]{64}")  # what the hub calls a large file by; small ones have another hash
LOGIN = "log in with 'hf auth login' or set HF_TOKEN"


@dataclass(frozen=True)
class Fetching:
    """How far a download is, in megabytes."""

    what: str
    done: int
    total: int

    @property
    def note(self) -> str:
        """Return it as a sentence."""
        return f"Fetching {self.what}: {self.done:,} of {self.total:,} MB."


def cached(repository: str, names: Sequence[str]) -> Path | None:
    """Return the first of these files of a repository that lies in the local cache."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(repository, name) for name in names)
    return next((Path(path) for path in found if isinstance(path, str)), None)


def fetch(repository: str, names: Sequence[str], what: str) -> Generator[Fetching, None, Path | None]:
    """Return the first of these files that a repository has, from the cache or else the hub; None where it has none.

    Closing the generator stops the download; what has arrived is kept and the next one goes on from there.
    Raises BadModel with what to do next, FileProblem where the disk is too full.
    """
    from huggingface_hub.errors import EntryNotFoundError

    found = cached(repository, names)
    if found is not None:
        return found
    check_reachable(what)
    for name in names:
        try:
            return (yield from _download(repository, name, what))
        except EntryNotFoundError:
            continue
        except failures() as error:
            raise explained(error, what, repository) from error
    return None


def _download(repository: str, name: str, what: str) -> Generator[Fetching, None, Path]:
    """Bring one file into the cache, by a part that has its name only once it is whole."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.file_download import repo_folder_name

    url = hf_hub_url(repository, name, endpoint=constants.ENDPOINT)
    known = get_hf_file_metadata(url, token=None)
    cache, folder = Path(constants.HF_HUB_CACHE), repo_folder_name(repo_id=repository, repo_type="model")
    blob, total = cache / folder / "blobs" / str(known.etag), known.size or 0
    part = blob.with_name(f"{blob.name}.part")
    lock = FileLock(cache / ".locks" / folder / part.name)
    for path in (blob, lock.path):
        path.parent.mkdir(parents=True, exist_ok=True)
    while not lock.acquire(wait=False):  # somebody else fetches the same
        yield _record(what, part, total)
        time.sleep(EVERY)
    with lock:
        if not blob.exists():
            if _size(part) > total:
                part.unlink()
            check_room(part.parent, total - _size(part), what)
            for _ in _fill(part, known, url):
                yield _record(what, part, total)
            _check_hash(part, blob.name, f"{name} of {what}")
            part.replace(blob)
    return Path(hf_hub_download(repository, name))  # finds the blob there and gives it its name


def _fill(part: Path, known: Any, url: str) -> Iterator[None]:
    """Append what is missing to the part, in a thread of its own; whatever went wrong there is raised here."""
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # as its documentation does

    stop, wrong = Event(), list[Exception]()
    headers = build_hf_headers()
    if urlsplit(known.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # the token is the hub's, not its storage's

    class Bar:
        """In place of a bar of tqdm's, which would draw on the terminal."""

        def __init__(self, **options: Any) -> None:
            pass

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def update(self, count: int) -> None:
            if stop.is_set():
                raise InterruptedError

    def work() -> None:
        bar: Any = Bar
        try:
            with part.open("ab") as file:
                http_get(
                    known.location,
                    file,
                    resume_size=file.tell(),
                    headers=headers,
                    expected_size=known.size,
                    tqdm_class=bar,
                )
        except Exception as error:  # for the thread that waits
            wrong.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    told = time.monotonic() - EVERY
    try:
        while thread.is_alive():
            if time.monotonic() - told >= EVERY:
                told = time.monotonic()
                yield
            thread.join(0.05)
    finally:
        stop.set()
    if wrong:
        raise wrong[0]


def _record(what: str, part: Path, total: int) -> Fetching:
    return Fetching(what, _size(part) // 10**6, -(-total // 10**6))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_hash(part: Path, etag: str, what: str) -> None:
    """Compare a file that has arrived with the hub's SHA-256 of it; one that differs is deleted."""
    if not SHA256.fullmatch(etag):
        return
    with part.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() == etag:
            return
    part.unlink()
    raise BadModel(f"{what} arrived damaged (another SHA-256 than the hub's) and was deleted; try again.")


def failures() -> tuple[type[Exception], ...]:
    """Return what the hub's client raises; its class of broken connections changed its name with its versions."""
    from huggingface_hub.errors import HfHubHTTPError

    connection: Any = HfHubHTTPError.__bases__[0]
    return connection, OSError, ValueError


def explained(error: BaseException, what: str, repository: str) -> BadModel:
    """Return the sentence for a download that failed: refused, wrong name, a fault of the hub, or out of reach."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else None
    if isinstance(error, GatedRepoError) or (status in (401, 403) and not isinstance(error, RepositoryNotFoundError)):
        page = f"{constants.ENDPOINT}/{repository}"
        return BadModel(f"The hub refuses {what}: its owner has to let you in. Ask for it at {page}, then {LOGIN}.")
    if isinstance(error, RepositoryNotFoundError):
        return BadModel(
            f"There is no model {repository} on the hub that you may see; check the name or, if it is private, {LOGIN}."
        )
    if status is not None:
        return BadModel(f"The hub cannot serve {what} now (it answers {status}); try again in a while.")
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return out_of_reach(what, reason[0][:160].rstrip(". "))


def out_of_reach(what: str, reason: str) -> BadModel:
    """Return the sentence for a hub that does not answer."""
    return BadModel(
        f"Cannot fetch {what}: the hub is out of reach, and the local cache does not hold it whole; try again online, "
        f"which goes on where it broke off, or use 'clipforget-tiny' or a local folder ({reason})."
    )


def check_reachable(what: str) -> None:
    """Raise BadModel where the hub does not answer at once: its client would try for most of a minute."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise out_of_reach(what, "HF_HUB_OFFLINE is set")
    if not is_reachable():
        raise out_of_reach(what, f"no answer within {TIMEOUT:g} s")


def is_reachable() -> bool:
    """Tell whether the hub answers."""
    from huggingface_hub import constants

    try:
        request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
        urllib.request.urlopen(request, timeout=TIMEOUT).close()
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True
