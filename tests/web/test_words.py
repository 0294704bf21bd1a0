"""Numbers and times in words."""

import pytest

from exporter.web.words import count, distance, duration, listing, moment


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (0.004, "0.00 seconds"), (0.314, "0.31 seconds"), (1, "1 second"),
     (59.6, "1 minute"), (60, "1 minute"), (61, "1 minute 1 second"), (3600, "1 hour"),
     (3_605, "1 hour"), (90_061, "1 day 1 hour"), (86_400 * 400, "400 days"),
     (float("inf"), "unknown"), (float("nan"), "unknown")],
)  # fmt: skip
def test_a_duration_is_its_two_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("then", "words"),
    [(1000, "just now"), (1000.5, "just now"), (997.6, "2 seconds ago"), (1060, "in 1 minute"),
     (-86_400 * 3 + 1000, "3 days ago"), (float("nan"), "unknown")],
)  # fmt: skip
def test_a_distance_says_its_direction(then: float, words: str) -> None:
    assert distance(then, 1000) == words


@pytest.mark.parametrize(
    ("words", "text"), [([], "nothing"), (["a"], "a"), (["a", "b", "c"], "a, b and c")]
)
def test_a_listing_reads_like_a_sentence(words: list[str], text: str) -> None:
    assert listing(words) == text


def test_a_moment_is_exact_or_unknown() -> None:
    assert moment(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    assert moment(float("nan")) == moment(1e20) == "unknown"


def test_one_is_singular() -> None:
    assert (count(1, "round"), count(0, "round"), count(1_000, "round")) == (
        "1 round", "0 rounds", "1,000 rounds",
    )  # fmt: skip
