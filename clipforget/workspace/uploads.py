"""Images to search by, which somebody sent: reduced, and kept in memory for a while under a token."""

from __future__ import annotations

import hashlib
from pathlib import Path

from clipforget.data.images import decode
from clipforget.data.thumbnails import encode
from clipforget.errors import BadData
from clipforget.runs.cache import Cache

MIB = 2**20
LARGEST_UPLOAD = 10 * MIB  # bytes of a file
MEMORY = 64 * MIB  # bytes of all images together
SIDE = 640  # pixels


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
