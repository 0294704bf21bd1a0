"""Finding what is refused in a batch that was refused as a whole."""

from collections.abc import Sequence

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.audit.record import Entry
from exporter.audit.sinks.sifting import sift
from tests.audit.sinks.stage import entries


class Receiver:
    """Takes a lot whole or not at all; not if any of ``bad`` is in it."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.taken: list[int] = []
        self.attempts = 0

    async def __call__(self, lot: Sequence[Entry]) -> str | None:
        self.attempts += 1
        if any(e.sequence in self.bad for e in lot):
            return "bad"
        self.taken += [e.sequence for e in lot]
        return None


@settings(max_examples=30)  # each has a loop of its own
@given(st.sets(st.integers(1, 40)))
def test_exactly_the_bad_ones_are_refused_and_the_others_taken_once_in_order(
    bad: set[int],
) -> None:
    receiver = Receiver(bad)
    refused = anyio.run(sift, entries(1, 40), receiver)
    assert refused == dict.fromkeys(bad, "bad")
    assert receiver.taken == [n for n in range(1, 41) if n not in bad]


async def test_one_bad_record_of_a_thousand_costs_few_attempts() -> None:
    receiver = Receiver({500})
    await sift(entries(1, 1000), receiver)
    assert receiver.attempts <= 21


async def test_nothing_to_send_is_no_attempt() -> None:
    receiver = Receiver(set())
    assert await sift([], receiver) == {}
    assert receiver.attempts == 0
