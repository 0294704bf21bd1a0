"""The daemon ends: killed in the middle of the work, or told to stop while everything is stuck."""

import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

from exporter.flatfile.topics import label
from tests.support.processes import (
    SMALL,
    Account,
    Exporter,
    Labels,
    Series,
    account,
    eventually,
    exporter,
    quick,
    spotless,
)

pytestmark = pytest.mark.peers
KILLS = 10
QUICK = quick("environments", "agents", "events")


@contextmanager
def under_load(emulated: Account) -> Iterator[list[int]]:
    """Bursts of events until the context is left, beside what happens by itself."""
    stop, sent = threading.Event(), [0]

    def send() -> None:
        while not stop.wait(0.2):
            emulated.do("events", {"count": 12, "spread": 0.2})
            sent[0] += 12

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join()


def origins(state: Path) -> dict[str, float]:
    with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as connection:
        return dict(connection.execute("SELECT name, origin FROM cursor"))


def expected_events(emulated: Account, origin: float) -> Counter[Labels]:
    events = emulated.truth(events=True, since=origin)["event_list"]
    return Counter(
        frozenset({"environment_id": e["environment_id"], "topic": label(e["topic"])}.items())
        for e in events
        if e["created_at"] >= origin
    )


def positive(found: Any) -> dict[Labels, float]:
    return {labels: value for labels, value in found.items() if value}


def test_ten_kills_under_load_neither_lose_nor_double_a_single_event(tmp_path: Path) -> None:
    dice = Random(9)
    # A short overlap: each round reads it again, and two minutes of this are many pages.
    flags = (*QUICK, "--events.window=1m", "--events.overlap=10s", "--no-collector.guests")
    with account(tmp_path, *SMALL, "--events-per-minute=400", "--rare=0") as emulated:
        pages = [Series({})]
        with under_load(emulated) as sent:
            for life in range(KILLS):
                with exporter(tmp_path, emulated, *flags) as daemon:
                    if life % 3 == 2:
                        now = eventually(lambda d=daemon: counted(d))  # type: ignore[misc] # the default is the closure
                        never_fell(pages[-1], now)
                        pages.append(now)
                    # Anywhere in a round, mostly the first: while it asks, counts, or commits.
                    time.sleep(dice.uniform(0.1, 0.9))
                    daemon.run.signal(signal.SIGKILL)
                    assert daemon.run.wait() == -signal.SIGKILL
                    spotless(daemon.run.stderr)
            assert sent[0] > 300, "that was no load"
        emulated.do("events", {"count": 1, "topic": "snapshot:created"})
        # From here on nothing but the quiet stream: what is counted must catch up with it.
        with exporter(tmp_path, emulated, *flags) as daemon:
            origin = origins(tmp_path / "data" / "state.db")["events"]

            def exact() -> bool:
                before = expected_events(emulated, origin)
                found = Counter(positive(daemon.series()["flatfile_events_total"]))
                after = expected_events(emulated, origin)
                # One that happens in this very moment may be counted or not, and nothing else.
                return before <= found <= after

            eventually(exact)
            assert daemon.series().total("flatfile_events_total") > 1_000
            never_fell(pages[-1], daemon.series())
            assert daemon.series().total("flatfile_collector_failures_total") == 0


def counted(daemon: Exporter) -> Series | None:
    """A page with events on it."""
    now = daemon.series()
    return now if now["flatfile_events_total"] else None


class Fell(Exception):
    """A counter is smaller than it was. Never waited for."""


def never_fell(before: Series, now: Series) -> None:
    counts = now["flatfile_events_total"]
    for labels, value in before["flatfile_events_total"].items():
        if counts.get(labels, 0.0) < value:
            raise Fell(f"{dict(labels)}: {value:g}, then {counts.get(labels)}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_it_stops_in_order_within_ten_seconds_though_the_api_and_a_scraper_hang(
    tmp_path: Path, number: signal.Signals
) -> None:
    # A page that is larger than all the buffers between here and there.
    infos = ("--collector.spaces.info", "--collector.spaces.info-limit=9999")
    flags = (*infos, "--api.page-size=1000", "--no-collector.guests")
    with (
        account(tmp_path, "--spaces=6000", "--events-per-minute=0") as emulated,
        exporter(tmp_path, emulated, *QUICK, *flags) as daemon,
    ):
        eventually(lambda: len(daemon.series()["flatfile_space_info"]) == 6000)
        emulated.do("faults", [{"kind": "hang", "route": "*"}])
        eventually(lambda: [r for r in emulated.requests() if r["fault"] == "hang"])
        where = urlsplit(daemon.url)
        address = (where.hostname or "", where.port or 0)
        with closing(socket.create_connection(address)) as idle, stalled(address) as reader:
            idle.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n")
            assert idle.recv(4096).startswith(b"HTTP/1.1 200")
            reader.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert reader.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 200"

            began = time.monotonic()
            daemon.run.signal(number)
            assert daemon.run.wait(10.0) == 0
            assert time.monotonic() - began < 10
        assert daemon.run.stderr.splitlines()[-1].endswith("msg=stopped")
        assert "exception=" not in daemon.run.stderr
        assert "level=error" not in daemon.run.stderr


@contextmanager
def stalled(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A client with the smallest buffer there is, that asks for much and reads nothing."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        one.connect(address)
        yield one


def test_it_stops_while_its_very_first_login_hangs(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("faults", [{"kind": "hang", "route": "/auth", "method": "POST"}])
        with exporter(tmp_path, emulated, *QUICK) as daemon:
            eventually(emulated.requests)
            daemon.run.signal(signal.SIGTERM)
            assert daemon.run.wait(10.0) == 0


def test_what_was_counted_survives_an_orderly_stop(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("events", {"count": 25, "topic": "file:created"})
        for _ in range(2):
            with exporter(tmp_path, emulated, *QUICK) as daemon:
                eventually(
                    lambda d=daemon: d.series().value(
                        "flatfile_collector_success", collector="events"
                    )  # type: ignore[misc] # the default is the closure
                )
                counted = daemon.series().total("flatfile_events_total")
                assert counted == 25
                daemon.run.signal(signal.SIGTERM)
                assert daemon.run.wait(10.0) == 0
