"""Storms of faults over the whole daemon with an audit log, in virtual time."""

from typing import Any

import pytest

from tests.audit.soak import memory_disk
from tests.chaos.harness import play
from tests.chaos.loop import ChaosLoop

HOURS = 0.4
SEEDS = (2, 4)
"""Fixed, so that each run is the same. Others: ``python -m tests.chaos --audit --seed N``."""


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": ChaosLoop}


@pytest.mark.parametrize("seed", SEEDS)
async def test_after_a_storm_each_event_is_recorded_once_and_handed_on(seed: int) -> None:
    with memory_disk() as folder:
        played = await play(seed, HOURS, audit=folder)
    print(played)
    assert played.failures > 3, "that was no storm"
    assert played.records > 300
