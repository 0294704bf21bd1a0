"""``audit backfill``: against an emulated account behind a socket."""

from pathlib import Path

import pytest

from exporter.audit.place import Place
from exporter.audit.store import chain
from exporter.audit.store.times import iso
from exporter.auditor.backfill import backfill
from exporter.auditor.moments import Moment
from exporter.auditor.opening import reading
from exporter.auditor.verify import verify
from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.errors import StorageFailed
from exporter.settings import Settings
from tests.auditor.logs import Heard, place, write
from tests.support.processes import SMALL, Account, account

SINCE = Moment(at=0.0)


@pytest.fixture
def anyio_backend() -> str:
    """A real account on a real socket."""
    return "asyncio"


@pytest.fixture(name="log")
def an_empty_log(tmp_path: Path) -> Place:
    where = place(tmp_path)
    write(where, [])
    return where


def settings(emulated: Account) -> Settings:
    auth = {"client_id": CLIENT_ID, "client_secret": SECRET}
    api = {"url": emulated.api, "requests_per_second": "1000"}
    return Settings(layers=({"api": api, "auth": auth, "audit": {"settle": "0s"}},))


def height(where: Place) -> int:
    with reading(where) as connection:
        return chain.head(connection).sequence


async def test_what_was_before_is_appended_once_and_verifies(log: Place, tmp_path: Path) -> None:
    with account(tmp_path, *SMALL, "--events-per-minute=0") as emulated:
        emulated.do("events", {"environment_id": emulated.named("production"), "count": 30})
        events = emulated.truth()["events"]
        heard = Heard()
        assert await backfill(settings(emulated), log, SINCE, heard.streams()) == 0
        assert heard.complaints == []
        assert heard.shown[-1] == ""
        first = height(log)
        assert first >= events >= 30
        oldest = min(event["created_at"] for event in emulated.truth(events=True)["event_list"])
        assert heard.said[1].endswith(f"Flatfile still showed is of {iso(oldest)}")
        again = Heard()
        assert await backfill(settings(emulated), log, SINCE, again.streams()) == 0
        assert again.said[0].startswith("0 records added")
        assert height(log) == first
    verify(log, None, None, Heard().streams())


async def test_what_cannot_be_read_is_said_and_the_exit_code_is_1(
    log: Place, tmp_path: Path
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("quirks", {"forbid_routes": {"/events": 403}})
        heard = Heard()
        assert await backfill(settings(emulated), log, SINCE, heard.streams()) == 1
    assert any("forbidden" in complaint for complaint in heard.complaints)
    assert "goes on where this one ended" in heard.complaints[-1]


async def test_by_the_same_age_it_goes_on_where_it_ended_although_time_has_gone_on(
    log: Place, tmp_path: Path
) -> None:
    age = Moment(ago=7200.0)
    with account(tmp_path, *SMALL, "--events-per-minute=0") as emulated:
        sick, well = emulated.named("production"), emulated.named("staging")
        fault = {"kind": "status", "status": 403, "route": "/events", "environment_id": sick}
        emulated.do("faults", [fault])
        emulated.do("events", {"environment_id": well, "count": 30, "spread": 60})
        assert await backfill(settings(emulated), log, age, Heard().streams()) == 1
        before = len(emulated.requests())
        emulated.do("faults", method="DELETE")
        assert await backfill(settings(emulated), log, age, Heard().streams()) == 0
        asked = [r["query"] for r in emulated.requests()[before:] if r["path"].endswith("/events")]
        since = {
            one: {q["since"] for q in asked if q.get("environmentId") == one}
            for one in (sick, well)
        }
        assert max(since[sick]) < min(since[well])


async def test_where_there_is_no_log_none_is_made(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        with pytest.raises(StorageFailed, match="there is no audit log in"):
            await backfill(settings(emulated), place(tmp_path), SINCE, Heard().streams())
        assert not (tmp_path / "audit").exists()
