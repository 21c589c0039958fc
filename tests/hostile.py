"""What nobody should send, for the property tests, and how often they try: `pytest --hypothesis-profile=thorough`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("quick", settings(max_examples=3, derandomize=True, **ALWAYS))
settings.register_profile("thorough", settings(max_examples=300, **ALWAYS))
settings.load_profile("quick")

WORDS = [
    "", " ", "-", "--", "-1", "0", "1", "0.5", "1e999", "nan", "inf", "9" * 5000, "١٢", "0x10", "true", "null", "all",
    "\0", "a\0b", "\udcff", "\ud800", "é" * 300, "x" * 5000, "\x1b[31mred", "a\nb", "\u202eabc", "🐈", "=", "a=b", ":",
    "*", "*/*/*", "a/b/c/d", "..", "../..", "./.", "%s", "{}", "{0.x}", "${x}", "<b>", "'", '"', "\\",
    "/proc/self/mem", "/proc/self/fd/0", "/dev/tty", "/dev/null/x", "/sys/kernel", "/dev/../dev/tty",
    "~no-such-user/x", "file:///etc/passwd", "http://127.0.0.1:1/",
]  # fmt: skip


def words(*good: str) -> st.SearchStrategy[str]:
    """Return words that may be right, that are known to make trouble, or that are anything at all.

    None leads to a place that exists outside the working folder, where something could be written.
    """
    anything = st.text(max_size=12).filter(lambda text: not text.startswith(("/", "~")))
    return st.one_of(st.sampled_from([*good, *WORDS[:8]]), st.sampled_from(WORDS), anything)


def documents(*good: object) -> st.SearchStrategy[object]:
    """Return JSON of any shape, some of it right."""
    leaves = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(WORDS), st.text(max_size=8)
    )
    leaves = st.one_of(st.sampled_from(good), leaves) if good else leaves
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=4,
    )
