from collections.abc import Generator

import pytest

from clipforget.generators import finish, relay


class Count:
    """Counts to three, returns the sum, and remembers that it was closed."""

    closed = False

    def run(self) -> Generator[int, None, str]:
        try:
            yield from (1, 2, 3)
        finally:
            self.closed = True
        return "six"


def test_records_are_changed_and_the_value_comes_through():
    relayed = relay(Count().run(), lambda number: f"{number}!" if number != 2 else None)
    shown = []
    with pytest.raises(StopIteration) as end:
        while True:
            shown.append(next(relayed))
    assert shown == ["1!", "3!"] and end.value.value == "six"


def test_what_is_false_is_a_record():
    assert list(relay(Count().run(), lambda number: number - 1)) == [0, 1, 2]


def test_finish_returns_the_value():
    count = Count()
    assert finish(count.run()) == "six" and count.closed
    assert finish(relay(Count().run(), str)) == "six"


def test_closing_the_relay_closes_the_generator():
    count = Count()
    relayed = relay(count.run(), str)
    assert next(relayed) == "1" and not count.closed
    relayed.close()
    assert count.closed


def test_an_error_of_the_transform_closes_the_generator():
    count = Count()
    with pytest.raises(ZeroDivisionError):
        list(relay(count.run(), lambda number: number / 0))
    assert count.closed
