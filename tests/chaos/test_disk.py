"""The disk of the state fails under the whole daemon, and comes back."""

import signal
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from exporter.flatfile.topics import label
from tests.chaos.disk import TROUBLES, failing_disk, small_disk
from tests.support.processes import (
    CREDENTIAL,
    SMALL,
    Account,
    Exporter,
    Labels,
    account,
    ask,
    eventually,
    exporter,
    quick,
)

pytestmark = pytest.mark.peers
FLAGS = (
    *quick("environments", "agents", "events"),
    "--events.window=10m",
    "--no-collector.guests",
    "--no-collector.users",
    "--no-collector.spaces",
)
LIVELY = (*SMALL, "--events-per-minute=120", "--rare=0")
AVAILABLE = "flatfile_exporter_state_available"
EVENTS = "flatfile_events_total"
SUCCESS = "flatfile_collector_success"


def _origin(folder: Path) -> float:
    with closing(
        sqlite3.connect(f"file:{folder / 'data' / 'state.db'}?mode=ro", uri=True)
    ) as state:
        (origin,) = state.execute("SELECT origin FROM cursor WHERE name = 'events'").fetchone()
    return float(origin)


def _happened(emulated: Account, since: float) -> Counter[Labels]:
    return Counter(
        frozenset({"environment_id": e["environment_id"], "topic": label(e["topic"])}.items())
        for e in emulated.truth(events=True, since=since)["event_list"]
        if e["created_at"] >= since
    )


def _exactly(daemon: Exporter, emulated: Account, origin: float) -> Callable[[], bool]:
    """Every event is counted once; one of this very moment may be counted or not."""

    def look() -> bool:
        before = _happened(emulated, origin)
        shown = Counter({of: n for of, n in daemon.series()[EVENTS].items() if n})
        return before <= shown <= _happened(emulated, origin)

    return look


class _Seen:
    """Pages of one daemon; a counter that falls on the way is a failure at once."""

    def __init__(self, daemon: Exporter) -> None:
        self._daemon = daemon
        self._highest: dict[Labels, float] = {}

    def events(self) -> float:
        series = self._daemon.series()
        for of, value in self._highest.items():
            now = series[EVENTS].get(of, 0.0)
            if now < value:
                pytest.fail(f"a counter fell from {value:g} to {now:g}: {dict(of)}")
        self._highest = dict(series[EVENTS])
        return series.total(EVENTS)


def _is(daemon: Exporter, name: str, value: float, **labels: str) -> Callable[[], bool]:
    return lambda: daemon.series().value(name, **labels) == value


def _rounds(daemon: Exporter, collector: str) -> float:
    return daemon.series().value("flatfile_collector_rounds_total", collector=collector) or 0.0


def test_whatever_the_disk_does_the_rest_goes_on_and_no_event_is_lost_or_doubled(
    tmp_path: Path, need: Any
) -> None:
    compiler = need(
        "gcc", "any C compiler that is called so; the disk is made to fail by a library"
    )
    disk = failing_disk(compiler, tmp_path, "/data/state.db")
    env = {**CREDENTIAL, **disk.environ}
    with (
        account(tmp_path, *LIVELY) as emulated,
        exporter(tmp_path, emulated, *FLAGS, env=env) as daemon,
    ):
        seen = _Seen(daemon)
        eventually(seen.events)
        eventually(_is(daemon, AVAILABLE, 1))
        origin = _origin(tmp_path)
        for how in TROUBLES:
            before = seen.events()
            with disk.failing(how):
                emulated.do("events", {"count": 40, "spread": 1.0})
                eventually(_is(daemon, AVAILABLE, 0))
                eventually(_is(daemon, SUCCESS, 0, collector="events"))
                agents = _rounds(daemon, "agents")
                eventually(lambda then=agents: _rounds(daemon, "agents") >= then + 2)  # type: ignore[misc] # the default is the closure
                assert _is(daemon, SUCCESS, 1, collector="agents")(), how
                assert ask(f"{daemon.url}/-/healthy").status == 200
                assert ask(f"{daemon.url}/-/ready").status == 200
                assert seen.events() >= before, how
            eventually(_is(daemon, AVAILABLE, 1))
            eventually(_exactly(daemon, emulated, origin))
            assert seen.events() > before, how
        log = daemon.run.stderr
        assert (
            log.count("msg=state_unavailable") == log.count("msg=state_recovered") == len(TROUBLES)
        )
        assert "exception=" not in log
    assert not list((tmp_path / "data").glob("*.damaged-*"))


def test_a_disk_that_is_really_full_costs_no_count(tmp_path: Path) -> None:
    with small_disk(tmp_path / "data", 1_024) as mounted:
        if not mounted:
            pytest.skip("may not mount a file system; the library that fails stands for it")
        with (
            account(tmp_path, *LIVELY) as emulated,
            exporter(tmp_path, emulated, *FLAGS) as daemon,
        ):
            seen = _Seen(daemon)
            eventually(seen.events)
            origin = _origin(tmp_path)
            filler = tmp_path / "data" / "filler"
            for _ in range(2):
                _fill(filler)
                emulated.do("events", {"count": 600, "spread": 1.0})
                eventually(_is(daemon, AVAILABLE, 0))
                eventually(_is(daemon, SUCCESS, 1, collector="agents"))
                seen.events()
                filler.unlink()
                eventually(_is(daemon, AVAILABLE, 1))
                eventually(_exactly(daemon, emulated, origin))
                seen.events()


def _fill(filler: Path) -> None:
    """Until not a byte fits."""
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while file.write(b"x" * size):
                    pass
            except OSError:
                continue


def test_pages_that_are_damaged_hurt_nobody_while_it_runs_and_are_set_aside_at_the_next_start(
    tmp_path: Path,
) -> None:
    with account(tmp_path, *LIVELY) as emulated:
        state = tmp_path / "data" / "state.db"
        with exporter(tmp_path, emulated, *FLAGS) as daemon:
            seen = _Seen(daemon)
            eventually(seen.events)
            origin = _origin(tmp_path)
            for file in (state, state.with_name("state.db-wal")):
                with file.open("r+b") as raw:
                    raw.seek(100)
                    raw.write(b"\xa5" * max(file.stat().st_size - 100, 0))
            emulated.do("events", {"count": 40, "spread": 1.0})
            eventually(_exactly(daemon, emulated, origin))
            seen.events()
            daemon.run.signal(signal.SIGKILL)
            daemon.run.wait()
        with exporter(tmp_path, emulated, *FLAGS) as daemon:
            eventually(_is(daemon, SUCCESS, 1, collector="events"))
            assert _is(daemon, AVAILABLE, 1)()
            assert list(state.parent.glob("state.db.damaged-*"))
            eventually(_exactly(daemon, emulated, _origin(tmp_path)))
            assert "msg=state_set_aside" in daemon.run.stderr
            assert "exception=" not in daemon.run.stderr
