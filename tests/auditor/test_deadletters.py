"""``audit dead-letters`` and ``audit resend``."""

from pathlib import Path
from sqlite3 import Connection

import pytest

from exporter.audit.place import Place
from exporter.audit.store import delivery
from exporter.auditor.deadletters import dead_letters, resend
from exporter.auditor.opening import reading as opened
from exporter.errors import StorageFailed
from tests.auditor.logs import NOW, Heard, a_draft, place, work, write


@pytest.fixture
def anyio_backend() -> str:
    """A database on the disk, at the pace of the disk."""
    return "asyncio"


@pytest.fixture(name="log")
def a_log(tmp_path: Path) -> Place:
    where = place(tmp_path)
    write(where, [a_draft(n) for n in range(1, 5)])

    def refuse(connection: Connection) -> None:
        for sink, rejected in (("loki", {2: "too_old", 3: "too_old"}), ("otlp", {4: "rejected"})):
            delivery.register(connection, sink)
            delivery.acknowledge(connection, sink, 4, rejected, NOW)

    work(where, refuse)
    return where


def listed(where: Place, sink: str | None = None) -> list[list[str]]:
    heard = Heard()
    assert dead_letters(where, sink, heard.streams()) == 0
    return [line.split() for line in heard.said]


def waiting(where: Place) -> dict[str, list[int]]:
    with opened(where) as connection:
        return {
            sink: [e.sequence for e in delivery.retries(connection, sink, 10)]
            for sink in ("loki", "otlp")
        }


def test_each_is_listed_with_its_sink_and_reason(log: Place) -> None:
    at = "2027-01-15T08:00:00.000Z"
    assert listed(log) == [
        ["loki", "2", "us_evt_2", at, "too_old"],
        ["loki", "3", "us_evt_3", at, "too_old"],
        ["otlp", "4", "us_evt_4", at, "rejected"],
    ]
    assert [row[1] for row in listed(log, "otlp")] == ["4"]


async def test_all_are_sent_again_unless_a_sink_is_named(log: Place) -> None:
    heard = Heard()
    assert await resend(log, "loki", heard.streams()) == 0
    assert heard.said == ["2 dead letters of loki will be sent again by the daemon"]
    assert waiting(log) == {"loki": [2, 3], "otlp": []}
    assert [row[0] for row in listed(log)] == ["otlp"]
    await resend(log, None, heard.streams())
    assert heard.said[-1] == "1 dead letters will be sent again by the daemon"
    assert waiting(log)["otlp"] == [4]
    assert listed(log) == []


async def test_where_there_is_no_log_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="there is no audit log in"):
        await resend(place(tmp_path), None, Heard().streams())
    with pytest.raises(StorageFailed, match="there is no audit log in"):
        dead_letters(place(tmp_path), None, Heard().streams())
    assert list(tmp_path.iterdir()) == []
