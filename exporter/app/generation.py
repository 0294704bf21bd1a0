"""What a reload replaces: the schedule of the collectors that are on, and the token's timer."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from exporter.app.ahead import Ahead, directory_of
from exporter.board import Board, Record
from exporter.catalog import COLLECTORS
from exporter.collectors.contract import Collector, unheard
from exporter.collectors.directory import Directory
from exporter.flatfile.session import Session
from exporter.flatfile.whole import ignore
from exporter.jobs.hints import Follower
from exporter.jobs.rounds import Surroundings, play
from exporter.jobs.schedule import Job, Timetable, repeat
from exporter.precedence import GiveWay, never
from exporter.settings import Settings
from exporter.state.store import Store

if TYPE_CHECKING:
    from exporter.audit.service import Audit


async def collect(  # noqa: PLR0913 - what a generation takes over, each by its name
    session: Session,
    settings: Settings,
    *,
    board: Board,
    store: Store,
    timetable: Timetable,
    wall: Callable[[], float],
    audit: "Audit | None" = None,
    ahead: Ahead | None = None,
    give_way: GiveWay = never,
) -> None:
    """Play the rounds of all collectors that are on, and the audit log's, until cancelled.

    ``wall`` gives Unix seconds; ``ahead`` is what this session was asked already. Whatever is
    not expected comes out of here.
    """
    by_name = settings.collector.by_name()
    collectors = {collector.name: collector for collector in _switched_on(settings)}
    follower = Follower.beginning(collectors, wall())
    around = Surroundings(
        flatfile=session.flatfile,
        directory=ahead.directory if ahead else directory_of(settings),
        store=store,
        settings=settings,
        board=board,
        wall=wall,
        offer=audit.offer if audit else ignore,
        tell=follower.tell if settings.events.watch else unheard,
        give_way=give_way,
    )
    jobs = [
        Job(
            name=collector.name,
            interval=by_name[collector.name].interval,
            run=partial(play, collector, around),
            awaited=collector.essential,
        )
        for collector in collectors.values()
    ]
    if settings.events.watch:
        jobs.append(_watch_job(settings.events.watch_interval, follower, around))
    if audit is not None:
        jobs.append(_audit_job(session, audit))
    async with asyncio.TaskGroup() as group:
        if ahead is not None:
            group.create_task(_ended(ahead.listing), name="ahead")
        group.create_task(repeat(jobs, timetable), name="collectors")
        group.create_task(follower.run(around), name="hints")
        group.create_task(session.keeper.keep(), name="token")


async def until(endless: Coroutine[Any, Any, None], *events: asyncio.Event) -> None:
    """Run it until one of the events, and cancel it then. What ends it before comes out of here."""
    generation = asyncio.create_task(endless, name="generation")
    waits = [asyncio.create_task(event.wait(), name="wait") for event in events]
    try:
        await asyncio.wait({generation, *waits}, return_when=asyncio.FIRST_COMPLETED)
        ended_by_itself = generation.done()
    finally:
        for task in (generation, *waits):
            task.cancel()
        await asyncio.wait({generation, *waits})
    if ended_by_itself:  # it runs for ever, so this raises what went wrong
        await generation


async def _ended(task: "asyncio.Task[None]") -> None:
    await task


def _watch_job(interval: float, follower: Follower, around: Surroundings) -> Job:
    return Job(name="watch", interval=interval, run=lambda _due: follower.look(around))


def _audit_job(session: Session, audit: "Audit") -> Job:
    # Of its own, without the filter: the log is of the whole account, whatever is watched.
    directory = Directory(lambda _id, _name: True)

    async def environments() -> tuple[str, ...]:
        # Afresh: a new environment that is not asked would lose its first events.
        listed = await directory.environments(session.flatfile, max_age=0.0)
        return tuple(environment.id for environment in listed)

    return Job(
        name="audit",
        interval=audit.settings.interval,
        run=lambda _due: audit.round(session.flatfile, environments),
    )


def records(settings: Settings) -> dict[str, Record]:
    """An empty record for each collector that is on, in the order of the catalogue."""
    by_name = settings.collector.by_name()
    return {
        collector.name: Record(
            interval=by_name[collector.name].interval,
            retain=settings.collector.retention(by_name[collector.name].interval),
            essential=collector.essential,
            hints=0 if collector.again else None,
        )
        for collector in _switched_on(settings)
    }


def _switched_on(settings: Settings) -> Iterator[Collector[Any]]:
    by_name = settings.collector.by_name()
    for collector in COLLECTORS:
        if by_name[collector.name].enabled and collector.runs_on(settings.shard):
            yield collector
