"""A round's wall time against the ideal, and its requests against the least possible.

The account is another process, which answers with ready bytes after 50 ms; meanwhile a third one
scrapes 10,000 series of this one every second. With many in flight processor time shows: the bare
client (sockets, no HTTP library, no decoding) says how much of what is over the ideal belongs to
the account and to the machine.
"""

import asyncio
import re
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

from exporter.collectors import agentlist, agents
from exporter.collectors.contract import Round
from exporter.collectors.directory import Directory
from exporter.emulator.credentials import CLIENT_ID, PAT, SECRET
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.session import Session, connect
from exporter.settings import Settings
from exporter.state.store import Store
from tests.benchmarks.measure import Contestant, Effort, Figures, alternate, line
from tests.benchmarks.programs import python, replay
from tests.benchmarks.stage import stage

_LATENCY = 0.05  # seconds
_IN_FLIGHT = (8, 16, 32)
_PAGE = 100  # environments of one listing's page
_SCRAPER = """
import http.client, time
connection = http.client.HTTPConnection("127.0.0.1", {port})
while True:
    connection.request("GET", "/metrics", headers={{"Accept-Encoding": "gzip"}})
    connection.getresponse().read()
    time.sleep(1)
"""
_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


@dataclass
class Asker:
    """The collector of agents with a session of its own; counts what it sends."""

    session: Session
    directory: Directory
    settings: Settings
    store: Store
    previous: agentlist.Agents | None = None

    @property
    def sent(self) -> int:
        return sum(self.session.usage.reading().requests.values())

    async def round(self) -> None:
        this = Round(
            flatfile=self.session.flatfile,
            directory=self.directory,
            store=self.store,
            settings=self.settings,
            previous=self.previous,
            now=asyncio.get_running_loop().time(),
            wall=time.time(),
            interval=60.0,
            retain=600.0,
        )
        seen = await agents.COLLECTOR.look(this)
        assert seen.error is None
        self.previous = seen.data


async def run(effort: Effort) -> None:
    size = effort.size(2_000, 16)
    async with AsyncExitStack() as stack:
        url = stack.enter_context(replay(size, _LATENCY))
        made = await stack.enter_async_context(stage(effort.size(10_000, 1_000)))
        port = await stack.enter_async_context(made.served())
        stack.enter_context(python("-c", _SCRAPER.format(port=port)))
        contestants: list[Contestant] = []
        for workers in _IN_FLIGHT:
            asker = _asker(url, workers)
            stack.push_async_callback(asker.session.aclose)
            stack.push_async_callback(asker.store.aclose)
            await asker.round()
            assert asker.previous
            contestants.append(_ours(asker, workers))
            contestants.append(_bare(url, list(asker.previous.listings), workers))
        found = await alternate(effort.turns(3), *contestants, _first(url))
    least = 1 + -(-size // _PAGE) + size  # the token, the listing, each environment
    line(
        f"requests of a first round of {size} environments / least (token, listing, agents)",
        [sent / least for sent in found.of("sent first")],
        f"{found.median('sent first'):.0f} against {least}",
    )
    for workers in _IN_FLIGHT:
        ideal = size / workers * _LATENCY
        for who in ("ours", "bare"):
            name = f"round of {size} environments, {workers} in flight, {who} / ideal"
            line(name, [taken / ideal for taken in found.of(f"{who} {workers}")])
        sent = found.of(f"sent {workers}")
        line(f"requests of a later round, {workers} in flight, / least", [n / size for n in sent])


def _asker(url: str, workers: int) -> Asker:
    session = connect(
        f"{url}/api/v1",
        lambda: ClientPair(CLIENT_ID, SECRET),
        timeout=30.0,
        concurrency=workers,
        requests_per_second=1000.0,
        page_size=_PAGE,
        clock=time.time,
        rng=Random(1),
    )
    settings = Settings(layers=({"api": {"concurrency": str(workers)}},))
    return Asker(session, Directory(lambda *_: True), settings, Store(None, time.time))


def _ours(asker: Asker, workers: int) -> Contestant:
    async def contestant() -> Figures:
        before, began = asker.sent, time.perf_counter()
        await asker.round()
        return {
            f"ours {workers}": time.perf_counter() - began,
            f"sent {workers}": asker.sent - before,
        }

    return contestant


def _first(url: str) -> Contestant:
    """The first round of a session: it knows nothing yet."""

    async def contestant() -> Figures:
        asker = _asker(url, _IN_FLIGHT[-1])  # with many in flight, many may ask in vain
        await asker.round()
        await asker.session.aclose()
        await asker.store.aclose()
        return {"sent first": asker.sent}

    return contestant


def _bare(url: str, environment_ids: list[str], workers: int) -> Contestant:
    host, _, port = url.removeprefix("http://").partition(":")

    async def work(waiting: "asyncio.Queue[str]") -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        while not waiting.empty():
            path = f"/api/v1/agents?environmentId={waiting.get_nowait()}&pageSize={_PAGE}"
            head = f"GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {PAT}\r\n\r\n"
            writer.write(head.encode())
            found = _LENGTH.search(await reader.readuntil(b"\r\n\r\n"))
            assert found
            await reader.readexactly(int(found[1]))
        writer.close()
        await writer.wait_closed()

    async def contestant() -> Figures:
        waiting: asyncio.Queue[str] = asyncio.Queue()
        for environment_id in environment_ids:
            waiting.put_nowait(environment_id)
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(work(waiting))
        return {f"bare {workers}": time.perf_counter() - began}

    return contestant
