"""How much may wait, and what happens beyond that."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.backlog import Cap, Policy, blocked, excess

BLOCK, SKIP = Cap(limit=1_000), Cap(limit=1_000, policy=Policy.SKIP)


def test_the_feed_waits_from_the_limit_on_until_there_is_some_room_again() -> None:
    waiting = [0, 1_000, 1_001, 950, 901, 900, 950, 1_000, 1_001]
    state, seen = False, []
    for amount in waiting:
        state = blocked(BLOCK, amount, before=state)
        seen.append(state)
    assert seen == [False, False, True, True, True, False, False, False, True]


def test_nobody_waits_where_the_oldest_is_given_up_instead() -> None:
    assert not blocked(SKIP, 10**9, before=False)
    assert (excess(SKIP, 1_000), excess(SKIP, 1_100)) == (0, 200)


def test_nothing_is_given_up_where_the_feed_waits() -> None:
    assert excess(BLOCK, 10**9) == 0


@given(st.integers(1, 10**12), st.integers(0, 10**13))
def test_after_giving_up_there_is_room(limit: int, waiting: int) -> None:
    cap = Cap(limit=limit, policy=Policy.SKIP)
    assert excess(cap, waiting - excess(cap, waiting)) == 0


@given(st.lists(st.integers(0, 2_000), min_size=2))
def test_a_step_within_a_tenth_of_the_limit_never_stops_and_starts_the_feed(
    amounts: list[int],
) -> None:
    state, changes = False, []
    for amount in amounts:
        after = blocked(BLOCK, amount, before=state)
        if after != state:
            changes.append(amount)
        state = after
    assert all(abs(a - b) > 100 for a, b in pairwise(changes))
