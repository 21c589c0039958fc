"""What a gallery is searched by: one text, image or upload, and the uploads, kept in memory for a while."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from clipforget.data.images import decode
from clipforget.data.thumbnails import encode
from clipforget.errors import BadData, BadQuery
from clipforget.runs.cache import Cache

MIB = 2**20
LARGEST_UPLOAD = 10 * MIB  # bytes of a file
MEMORY = 64 * MIB  # bytes of all images together
SIDE = 640  # pixels
LONGEST_QUERY = 300  # characters


class Uploads(Cache[tuple[bytes, str]]):
    """The last uploads by token: the bytes of a JPEG and a label."""

    def __init__(self) -> None:
        super().__init__(MEMORY, lambda entry: len(entry[0]))

    def add(self, data: bytes, name: str = "") -> dict[str, str]:
        """Keep an image for queries; return its token and label. Raises BadData where it is no image or too large."""
        if len(data) > LARGEST_UPLOAD:
            raise BadData(f"The image is larger than {LARGEST_UPLOAD // MIB} MiB; reduce it first.")
        try:
            small = encode(decode(data, SIDE, frugal=True), SIDE)
        except BadData as error:
            raise BadData(f"The file {error}; choose another: a JPEG, PNG or WebP image.") from error
        label = "".join(c for c in Path(name.replace("\\", "/")).name if c.isprintable())[:80] or "uploaded image"
        token = hashlib.sha256(data).hexdigest()[:24]
        self.put(token, (small, label))
        return {"token": token, "label": label}


def read_query(
    uploads: Uploads, text: str | None = None, image: int | None = None, upload: str | None = None
) -> tuple[str, Any]:
    """Return the kind and the value of the one of these that is given. Raises BadQuery."""
    kinds = {"text": text, "image": image, "upload": upload}
    queries = [(kind, value) for kind, value in kinds.items() if value is not None]
    if len(queries) != 1:
        raise BadQuery("Search by one text, one image of the gallery or one upload.")
    kind, value = queries[0]
    if kind == "text" and not str(value).strip():
        raise BadQuery("Write what to look for.")
    if kind == "text" and len(str(value)) > LONGEST_QUERY:
        raise BadQuery(f"The query has more than {LONGEST_QUERY} characters; shorten it.")
    if kind == "upload" and uploads.peek(value) is None:
        raise BadQuery("The uploaded image is not kept any more; upload it again.")
    return kind, value
