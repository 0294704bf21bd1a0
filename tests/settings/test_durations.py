import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import duration, seconds


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("30s", 30.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1d", 86_400.0),
        ("500ms", 0.5),
        ("1s500ms", 1.5),
        ("0s", 0.0),
    ],
)
def test_a_duration_is_read_as_seconds_and_written_back(text: str, value: float) -> None:
    assert seconds(text) == value
    assert duration(value) == text


@given(st.integers(min_value=0, max_value=10**12))
def test_what_is_written_reads_as_the_same_number_of_seconds(milliseconds: int) -> None:
    assert seconds(duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.text())
def test_any_text_is_a_duration_or_a_short_explained_mistake(text: str) -> None:
    message = ""
    try:
        assert seconds(text) >= 0
    except ValueError as error:
        message = str(error)
    assert not message or "write" in message
    assert len(message) < 800


@pytest.mark.parametrize("text", ["30", "1.5", "0", "9" * 5000])
def test_a_bare_number_is_a_mistake_that_says_how_to_write_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"has no unit; write .*s for seconds"):
        seconds(text)


@pytest.mark.parametrize("text", ["", "s", "1w", "30m1h", "1m1m", "-1s", "1 h", "1.5h", "٣s"])
def test_anything_else_is_not_a_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        seconds(text)
