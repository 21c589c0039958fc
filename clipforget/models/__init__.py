"""A CLIP: loading, fingerprints, stages, precision, low-rank updates, weights."""
