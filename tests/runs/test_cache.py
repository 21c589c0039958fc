"""The cache keeps its bounds, makes each value once, and lets nobody wait for another key."""

import threading

import pytest

from clipforget.runs.cache import Cache


def test_the_least_recently_used_go_first_and_the_newest_always_stays():
    cache = Cache(10, len)
    for key in "abc":
        cache.get(key, lambda: "x" * 4)
    assert cache.peek("a") is None and cache.peek("b") and cache.peek("c")
    cache.peek("b")
    cache.put("d", "x" * 4)
    assert cache.peek("c") is None and cache.peek("b")
    cache.put("e", "x" * 99)
    assert cache.values() == ["x" * 99]


def test_a_value_is_made_once_while_other_keys_go_on():
    cache, made, gate = Cache(10), [], threading.Event()

    def slow():
        made.append(1)
        assert gate.wait(5)
        return "slow"

    threads = [threading.Thread(target=cache.get, args=("slow", slow)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert cache.get("quick", lambda: "quick") == "quick"
    gate.set()
    for thread in threads:
        thread.join(5)
    assert made == [1] and cache.peek("slow") == "slow"


def test_what_fails_is_tried_again():
    cache = Cache(10)
    with pytest.raises(ValueError, match="no"):
        cache.get("a", lambda: (_ for _ in ()).throw(ValueError("no")))
    assert not cache._making, "nothing is kept"
    assert cache.get("a", lambda: 1) == 1
    cache.drop(lambda key: key == "a")
    assert cache.peek("a") is None
