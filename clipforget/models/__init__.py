"""A CLIP: loading, fingerprints, stages, precision, low-rank updates, weights."""

import sys

from clipforget.models.deferred import Deferring

if "open_clip" not in sys.modules:
    sys.meta_path.insert(0, Deferring)
