"""Declared maintenance, and the doubt about losing everything at once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.collectors import agents, environments
from exporter.collectors.doubt import doubted
from exporter.settings.maintenance import Window
from tests.support.account import Bench, bench
from tests.support.loop import VirtualLoop

FAMILY = "flatfile_environment_maintenance"
UNTIL = Window("", VirtualLoop.EPOCH + 1800)
END = str(UNTIL).strip()


async def _held(it: Bench) -> set[str]:
    seen = (await it.samples(environments.COLLECTOR))[FAMILY]
    names = {e.id: e.name for e in it.emulator.world.truth().environments.values()}
    assert set(seen.values()) <= {0.0, 1.0}
    assert len(seen) == len(names)
    return {names[of] for (of,), value in seen.items() if value}


async def test_nothing_is_in_maintenance_unless_somebody_says_so() -> None:
    async with bench() as it:
        assert await _held(it) == set()


async def test_maintenance_in_the_configuration_holds_by_name_or_id_until_its_end() -> None:
    async with bench() as it:
        home = it.emulator.world.environment("production").id
    windows = {"maintenance": {"windows": [f"staging {END}", f"{home} {END}"]}}
    async with bench(settings=windows) as it:
        assert await _held(it) == {"staging", "production"}
        await asyncio.sleep(1801)
        assert await _held(it) == set()


async def test_a_pipeline_declares_maintenance_by_writing_a_file(tmp_path: Path) -> None:
    file = tmp_path / "maintenance"
    async with bench(settings={"maintenance": {"file": str(file)}}) as it:
        assert await _held(it) == set()
        file.write_text(f"# a deploy\n\nstaging {END}\n")
        assert await _held(it) == {"staging"}
        file.unlink()
        assert await _held(it) == set()


async def test_a_line_that_cannot_be_read_is_said_and_the_others_hold(tmp_path: Path) -> None:
    file = tmp_path / "maintenance"
    file.write_text(f"staging for ever\nproduction\n{END}\ndevelopment {END}\n")
    async with bench(settings={"maintenance": {"file": str(file)}}) as it:
        with capture_logs() as lines:
            assert await _held(it) == {"development"}
        said = [line["problem"] for line in lines if line["event"] == "maintenance_file_wrong"]
        assert [problem[:7] for problem in said] == ["line 1:", "line 2:", "line 3:"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "staging", END, "staging soon", "a\nb " + END),
        "staging 0001-01-01T00:00:00+14:00",
        "staging 9999-12-31T23:59:59-14:00",
    ],
)
def test_maintenance_without_an_environment_or_an_end_is_a_mistake(text: str) -> None:
    with pytest.raises(ValueError, match=r"write one|is empty|control"):
        Window.parse(text)


def test_a_name_may_hold_spaces_and_an_end_without_offset_is_utc() -> None:
    window = Window.parse("  our staging 2027-01-15T08:30:00 ")
    assert window == Window("our staging", VirtualLoop.EPOCH + 1800)
    assert Window.parse(str(window)) == window


@pytest.mark.parametrize(
    ("gone", "had", "before", "result"),
    [
        ("", "abcd", "", ""),
        ("a", "abcd", "", ""),
        ("ab", "abcd", "", ""),
        ("abc", "abcd", "", "abc"),
        ("abc", "abcd", "abc", ""),
        ("abcd", "abcd", "abc", "d"),
        ("a", "a", "", ""),
        ("ab", "ab", "", "ab"),
    ],
)
def test_more_than_half_at_once_must_be_seen_twice(
    gone: str, had: str, before: str, result: str
) -> None:
    assert doubted(set(gone), set(had), set(before)) == set(result)


async def _deployed(it: Bench) -> dict[tuple[str, ...], Any]:
    return dict((await it.samples(agents.COLLECTOR))["flatfile_environment_agents"])


async def test_when_all_agents_vanish_at_once_the_second_round_decides() -> None:
    async with bench() as it:
        before = await _deployed(it)
        for environment in it.emulator.world.truth().environments:
            it.emulator.world.delete_agents(environment)
        assert await _deployed(it) == before
        assert set((await _deployed(it)).values()) == {0.0}


async def test_when_the_second_round_sees_them_again_nothing_ever_went_to_zero() -> None:
    async with bench() as it:
        before = await _deployed(it)
        world = it.emulator.world
        for environment in world.truth().environments:
            world.delete_agents(environment)
        await _deployed(it)
        for environment in world.truth().environments:
            world.restore_agents(environment)
        after = await _deployed(it)
        assert {of for of, n in after.items() if n} >= {of for of, n in before.items() if n}


async def test_one_environment_that_loses_its_agent_is_zero_on_the_next_round() -> None:
    async with bench() as it:
        await _deployed(it)
        home = it.emulator.world.environment("production").id
        it.emulator.world.delete_agents(home)
        assert (await _deployed(it))[home,] == 0
