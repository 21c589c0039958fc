"""What all tests share: one thread for torch, and the small world of tests/small.py."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported anywhere, the workers of tests among it
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

from small import finished, world  # noqa: E402, F401
