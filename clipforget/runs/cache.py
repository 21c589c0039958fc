"""A bounded memory of things that are slow to make, safe for threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Keeps the most recently used values, up to `limit` in the sum of their sizes (bytes, or counts by default).

    A value is made once: a second thread that asks for the same key waits, one that asks for another key does not.
    """

    def __init__(self, limit: float, size: Callable[[Value], float] = lambda value: 1) -> None:
        self.limit, self.size = limit, size
        self._values: OrderedDict[Hashable, tuple[Value, float]] = OrderedDict()
        self._total = 0.0
        self._lock = threading.Lock()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made where it is not known. What `make` raises is raised, and nothing is kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][0]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            try:
                value = self.peek(key)
                if value is None:
                    value = make()
                    self.put(key, value)
                return value
            finally:
                with self._lock:
                    self._making.pop(key, None)

    def peek(self, key: Hashable) -> Value | None:
        """Return the value of `key`, or None where it is not known (any more)."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Value) -> None:
        """Remember a value and let go of the least recently used ones beyond the limit (the new one always stays)."""
        size = self.size(value)
        with self._lock:
            if key in self._values:
                self._total -= self._values.pop(key)[1]
            self._values[key] = (value, size)
            self._total += size
            while self._total > self.limit and len(self._values) > 1:
                self._total -= self._values.popitem(last=False)[1][1]

    def drop(self, match: Callable[[Hashable], bool]) -> None:
        """Forget the values whose key matches."""
        with self._lock:
            for key in [key for key in self._values if match(key)]:
                self._total -= self._values.pop(key)[1]

    def values(self) -> list[Value]:
        """Return the values now kept, oldest first."""
        with self._lock:
            return [value for value, _ in self._values.values()]
