"""The vendor's own client reads the emulator: an opinion on the shapes that is not ours.

It is the npm package `@flatfile/api`, pinned beside this file. `vendor/read.mjs` walks the account
with it, and parses every raw answer again with the client's schemas made strict.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from exporter.emulator import Emulator, Fault, Scale, World
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.emulator.server import serve

VENDOR = Path(__file__).parent / "vendor"
pytestmark = pytest.mark.peers


@pytest.fixture
def anyio_backend() -> str:
    """Real time: the client is another process."""
    return "asyncio"


@pytest.fixture
def world(clock: Any) -> World:
    return World(Scale(spaces=30, guests=30, events_per_minute=20), 11, clock)


async def _read(emulator: Emulator, need: Any) -> Any:
    node = need("node", "the vendor's client runs on Node.js")
    if not (VENDOR / "node_modules").is_dir():
        message = "tests/emulator/vendor/node_modules: run npm ci --prefix tests/emulator/vendor"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    async with serve(emulator) as url:
        process = await asyncio.create_subprocess_exec(
            *(node, str(VENDOR / "read.mjs"), f"{url}/v1", CLIENT_ID, SECRET),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_vendors_client_reads_the_whole_account(emulator: Emulator, need: Any) -> None:
    told = await _read(emulator, need)
    truth = emulator.world.truth()
    seen = told["seen"]
    assert told["mistakes"] == []
    assert seen["account"] == truth.account_id
    assert list(seen["environments"]) == list(truth.environments)
    for id_, expected in truth.environments.items():
        one = seen["environments"][id_]
        assert one["spaces"] == list(expected.space_ids)
        assert len(one["archived"]) == expected.archived_spaces
        assert one["agents"] == list(expected.agent_ids)
        assert one["systemAgents"] == list(expected.system_agent_ids)
        assert set(one["guests"]) == set(expected.guest_ids)
        assert (one["executions"] > 0) == (expected.agents > 0)
    assert seen["users"] == list(truth.last_seen)
    assert seen["events"] == [event.id for event in emulator.world.events()][::-1]
    assert seen["jobs"] > 0
    assert emulator.dangerous_calls == []


async def test_the_strict_reading_notices_a_wrong_type(emulator: Emulator, need: Any) -> None:
    """Otherwise its silence would prove nothing."""
    emulator.faults.add(Fault("wrong_types", route="/accounts/current"))
    told = await _read(emulator, need)
    assert any(mistake.startswith("AccountResponse") for mistake in told["mistakes"])


async def test_the_vendors_client_reads_nulls_for_optional_fields(
    emulator: Emulator, need: Any
) -> None:
    emulator.quirks.optional_as_null = True
    told = await _read(emulator, need)
    assert told["mistakes"] == []
    assert told["seen"]["users"] == list(emulator.world.truth().last_seen)
