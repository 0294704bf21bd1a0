"""Killed with SIGKILL at any time, the log has what was acknowledged and nothing twice."""

from tests.audit.soak import EXACTLY, NOTHING, ONE_MORE, memory_disk, soak


def test_nothing_is_lost_or_doubled_whenever_the_writer_is_killed() -> None:
    with memory_disk() as folder:
        found = soak(folder, 50)
    assert found.kills == 50
    # Each way to end was met; else the kills came too early or too late to show anything.
    assert found.ends[EXACTLY] > 10
    assert found.ends[ONE_MORE] > 0
    assert found.ends[NOTHING] > 0
    assert found.records > 500
