"""When a file is rotated, and what it is called then."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.sinks.rotation import Rotation, next_name, rotated

DAY = 86_400.0
DAILY = Rotation(max_size=1_000, max_age=DAY, keep=2)


@pytest.mark.parametrize(
    ("size", "written", "now", "due"),
    [
        (999, 0.0, 1.0, False),
        (1_000, 0.0, 1.0, True),
        (1, DAY - 1, DAY, True),
        (1, DAY, 2 * DAY - 1, False),
        (0, 0.0, 30 * DAY, False),  # an empty file is as good as a new one
        (1, DAY, DAY - 1, False),  # the clock was set back
    ],
)
def test_a_file_is_rotated_when_it_is_full_or_of_another_day(
    size: int, written: float, now: float, due: bool
) -> None:
    assert DAILY.due(size=size, written=written, now=now) is due


@given(st.lists(st.floats(0, 4e9), min_size=1, max_size=8))
def test_names_sort_in_the_order_of_the_rotations_whatever_the_clock_does(
    times: list[float],
) -> None:
    path = Path("/folder/audit.jsonl")
    names: list[Path] = []
    for now in times:
        names.append(next_name(path, names, now))
    assert names == sorted(set(names))
    assert all(name.name.startswith("audit.jsonl.") for name in names)


def test_only_files_that_rotation_has_named_are_its_own(tmp_path: Path) -> None:
    ours = next_name(tmp_path / "audit.jsonl", [], 0.0)
    no_time = ("20260231T000000.000000Z", "99991231T235959.999999Z")
    foreign = ("audit.jsonl", "other.jsonl", *(f"audit.jsonl.{it}" for it in ("gz", *no_time)))
    for name in (ours.name, *foreign):
        (tmp_path / name).touch()
    assert rotated(tmp_path / "audit.jsonl") == [ours]


def test_the_oldest_beyond_what_is_kept_go_and_zero_keeps_all() -> None:
    files = [Path("1"), Path("2"), Path("3")]
    assert DAILY.surplus(files) == [Path("1")]
    assert Rotation(max_size=1, max_age=1.0, keep=0).surplus(files) == []
