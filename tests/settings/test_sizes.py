"""Amounts of bytes."""

import pytest

from exporter.settings.sizes import Size, size


@pytest.mark.parametrize(
    ("written", "value"),
    [("1B", 1), ("64KiB", 65_536), ("3 MiB", 3 << 20), ("1GiB", 1 << 30), ("2TiB", 2 << 40)],
)
def test_a_size_is_read_in_powers_of_1024_and_shown_as_it_is_written(
    written: str, value: int
) -> None:
    assert size(written) == value
    assert Size("1B", "9TiB").show(value) == written.replace(" ", "")


@pytest.mark.parametrize("written", ["", "1", "1MB", "1.5GiB", "-1KiB", "1gib", "2TiB", "1KiB"])
def test_what_is_no_size_or_beyond_the_bounds_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(ValueError, match="such as 512MiB or 1GiB"):
        Size("1MiB", "1TiB").read(written)
