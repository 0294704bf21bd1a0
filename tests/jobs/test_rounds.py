"""A round ends on the board and, if something changed, in one line of the log."""

import asyncio
import threading
from dataclasses import replace

from structlog.testing import capture_logs

from exporter.collectors import agents, environments, users
from exporter.collectors.contract import Amendment, Collector, Observation, Round
from exporter.emulator import Fault
from exporter.families import Sample, gauge
from exporter.jobs.amends import amend
from exporter.jobs.rounds import play
from tests.support.account import bench
from tests.support.freed import Label, Watch


async def test_a_round_puts_what_it_saw_on_the_board() -> None:
    async with bench() as it:
        await play(users.COLLECTOR, it.surroundings())
        record = it.board.snapshot.records["users"]
        assert (record.rounds, record.succeeded) == (1, True)
        shown = {family.name for family in it.board.snapshot.readings["users"].shown}
        assert shown == {"flatfile_users", "flatfile_active_users"}


async def test_families_that_are_polled_say_so_with_their_interval() -> None:
    async with bench() as it:
        await play(users.COLLECTOR, it.surroundings())
        (family, *_) = it.board.snapshot.readings["users"].shown
        assert family.help.endswith("Polled every 5m.")


async def test_failing_and_recovering_are_said_once_each() -> None:
    async with bench() as it:
        around = it.surroundings()
        with capture_logs() as lines:
            await play(users.COLLECTOR, around)
            it.emulator.faults.add(Fault("html", "/users"))
            for _ in range(5):
                await play(users.COLLECTOR, around)
                await asyncio.sleep(300)
            it.emulator.faults.clear()
            for _ in range(3):
                await play(users.COLLECTOR, around)
        mine = [line for line in lines if line.get("collector") == "users"]
        assert [line["event"] for line in mine] == [
            "collector_first_round",
            "collector_failing",
            "collector_recovered",
        ]
        assert mine[1]["reason"] == "malformed"
        assert it.board.snapshot.records["users"].failures["malformed"] == 5


async def test_a_failure_of_one_collector_leaves_the_others_alone() -> None:
    async with bench() as it:
        around = it.surroundings()
        it.emulator.faults.add(Fault("html", "/users"))
        await play(users.COLLECTOR, around)
        await play(agents.COLLECTOR, around)
        assert it.board.snapshot.records["users"].succeeded is False
        assert it.board.snapshot.records["agents"].succeeded is True


async def test_a_partial_failure_counts_as_one_and_its_data_is_shown() -> None:
    async with bench() as it:
        around = it.surroundings()
        home = it.emulator.world.environment("production").id
        it.emulator.faults.add(Fault("html", "/agents", environment_id=home))
        await play(agents.COLLECTOR, around)
        record = it.board.snapshot.records["agents"]
        assert record.succeeded is False
        assert record.last_success is None
        assert record.failures["malformed"] == 1
        shown = it.board.snapshot.readings["agents"].shown
        of = {
            v[0]
            for family in shown
            if family.labels == ("environment_id",)
            for v, _ in family.samples
        }
        assert home not in of
        assert len(of) == 4


async def test_an_environment_deleted_leaves_every_family_with_the_next_listing() -> None:
    async with bench() as it:
        around = it.surroundings()
        await play(environments.COLLECTOR, around)
        await play(agents.COLLECTOR, around)
        gone = it.emulator.world.environment("staging").id
        it.emulator.world.delete_environment(gone)
        await asyncio.sleep(60)
        await play(environments.COLLECTOR, around)
        for reading in it.board.snapshot.readings.values():
            assert all(gone not in values for f in reading.shown for values, _ in f.samples)


async def test_what_a_round_replaces_is_freed_off_the_event_loop() -> None:
    watch = Watch()

    async def look(_: Round[tuple[Label, ...]]) -> Observation[tuple[Label, ...]]:
        return Observation(data=tuple(watch.label(f"us_usr_{number}") for number in range(3)))

    def measured(data: tuple[Label, ...]) -> list[Sample]:
        return [((of,), 1.0) for of in data]

    family = gauge("flatfile_x", "X.", measured, ("id",))
    collector = Collector(name="users", look=look, families=(family,))
    async with bench() as it:
        around = it.surroundings()
        await play(collector, around)
        assert watch.threads == []
        await play(collector, around)
    assert len(watch.threads) >= 3
    assert threading.get_ident() not in watch.threads[:3]


async def test_what_asking_again_replaces_is_freed_off_the_event_loop() -> None:
    watch = Watch()

    async def look(_: Round[Label]) -> Observation[Label]:
        return Observation(data=watch.label("us_usr_1"))

    async def again(_: Round[Label], __: frozenset[str]) -> Amendment[Label]:
        return Amendment(patch=lambda _: watch.label("us_usr_2"), unchanged=frozenset())

    def measured(data: Label) -> list[Sample]:
        return [((data,), 1.0)]

    family = gauge("flatfile_x", "X.", measured, ("id",))
    collector = Collector(name="users", look=look, families=(family,), again=again)
    async with bench() as it:
        around = it.surroundings()
        await play(collector, around)
        await amend(collector, around, frozenset({"us_env_1"}))
        assert len(watch.threads) == 1
    assert threading.get_ident() != watch.threads[0]


async def test_a_round_gives_way_to_answers_while_it_measures() -> None:
    rests: list[int] = []
    async with bench() as it:
        around = replace(it.surroundings(), give_way=lambda: rests.append(threading.get_ident()))
        await play(users.COLLECTOR, around)
    assert len(rests) > 1  # one is of what the round itself held, which is freed
    assert threading.get_ident() not in rests  # the loop itself never rests
