"""Retry-After in every form that is sent, and in those that should not be."""

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.flatfile.retry_after import LONGEST, retry_after

NOW = 1_800_000_000.0
WAITS = st.integers(min_value=0, max_value=3000)


@given(st.lists(st.text(), max_size=4))
def test_whatever_is_sent_the_wait_is_none_or_within_its_bounds(lines: list[str]) -> None:
    wait = retry_after(lines, NOW)
    assert wait is None or 0.0 <= wait <= LONGEST


@given(st.lists(st.tuples(WAITS, st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_the_longest_of_seconds_and_dates_counts_in_lines_and_in_lists(
    waits: list[tuple[int, bool, bool]],
) -> None:
    lines = [""]
    for wait, as_date, new_line in waits:
        value = formatdate(NOW + wait, usegmt=True) if as_date else str(wait)
        if new_line or not lines[-1]:
            lines.append(value)
        else:
            lines[-1] += f", {value}"
    assert retry_after(lines, NOW) == max(wait for wait, _, _ in waits)


@pytest.mark.parametrize(
    ("line", "wait"),
    [
        ("120", 120.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("999999999", LONGEST),
        ("9" * 400, LONGEST),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Friday, 15-Jan-27 08:01:00 GMT", 60.0),
        ("Fri Jan 15 08:01:00 2027", 60.0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Fri,", None),
    ],
)
def test_each_form_is_understood(line: str, wait: float | None) -> None:
    assert retry_after([line], NOW) == wait


@pytest.mark.parametrize("ours", [-86_400.0, 0.0, 86_400.0])
def test_a_moment_is_counted_from_what_the_server_calls_now(ours: float) -> None:
    date, until = "Sun, 06 Nov 1994 08:49:07 GMT", "Sun, 06 Nov 1994 08:49:37 GMT"
    assert retry_after([until], 784_111_747.0 + ours, date) == 30.0
    assert retry_after(["5"], 784_111_747.0 + ours, date) == 5.0
    assert retry_after([until], 784_111_747.0, "no date") == 30.0


def test_no_header_is_no_wait_at_all() -> None:
    assert retry_after([], NOW) is None
