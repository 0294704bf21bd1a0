"""Times in whole milliseconds, there and back."""

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.audit.store.times import iso, quantized, unix

_FIRST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()


@given(st.integers(int(_FIRST * 1000), int(_LAST * 1000)))
@example(35_184_372_088_824)  # the year 3084, where a double is off by more
def test_a_time_of_the_server_comes_back_as_it_was(milliseconds: int) -> None:
    at = milliseconds / 1000
    assert unix(iso(at)) == quantized(at) == at


@given(st.floats(0, 4e9))
def test_a_finer_time_is_never_made_later(at: float) -> None:
    assert at - 0.001 <= quantized(at) <= at + 1e-6


def test_it_is_written_with_three_digits_and_a_z() -> None:
    assert iso(1_800_000_000) == "2027-01-15T08:00:00.000Z"
    assert iso(-0.001) == "1969-12-31T23:59:59.999Z"


@pytest.mark.parametrize("text", ["", "2027", "2027-13-01T00:00:00.000Z", "soon"])
def test_what_is_no_time_is_an_error(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        unix(text)
