"""Storms of faults over the whole daemon, in virtual time."""

from typing import Any

import pytest

from tests.chaos.harness import play
from tests.chaos.loop import ChaosLoop

HOURS = 0.4
SEEDS = (2, 3, 9)
"""Fixed, so that each run is the same; between them they notice each invariant that was broken on
purpose. Others: ``python -m tests.chaos --seed N --hours H``."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": ChaosLoop}


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_storm_shows_no_wrong_number_and_all_is_well_after_it(seed: int) -> None:
    played = await play(seed, HOURS)
    print(played)
    assert played.failures > 3, "that was no storm"
    assert played.looks > 300
