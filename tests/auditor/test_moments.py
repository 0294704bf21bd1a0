"""Points in time as operators write them."""

import argparse
import time

import pytest

from exporter.auditor.moments import moment

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T08:00:00.250Z", NOW + 0.25),
        ("2027-01-15T09:00+01:00", NOW),
        ("2027-01-15 08:00", NOW),
        ("2027-01-15", NOW - 8 * 3600),
        ("7d", NOW - 7 * 86_400),
        ("1h30m", NOW - 5400),
    ],
)
def test_a_date_is_utc_and_a_duration_is_an_age(
    text: str, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Pacific/Auckland")
        time.tzset()
        found = moment(text).unix(NOW)
    time.tzset()
    assert found == expected


@pytest.mark.parametrize("text", ["", "yesterday", "7", "2027-13-01", "-7d", "7 days"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write ISO 8601"):
        moment(text)


@pytest.mark.parametrize(
    ("text", "same", "other"),
    [("90d", "2160h", "91d"), ("2027-01-15", "2027-01-15T00:00Z", "2027-01-16")],
)
def test_the_same_moment_has_the_same_name_whenever_it_is_asked(
    text: str, same: str, other: str
) -> None:
    assert moment(text).name == moment(same).name != moment(other).name
