"""A real PostgreSQL: rows, redaction, what it cannot hold, and being stopped in the middle."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha512
from itertools import count
from random import Random
from typing import Any

import asyncpg
import pytest

from exporter.audit.backlog import Cap
from exporter.audit.delivery import Delivery
from exporter.audit.record import Kind
from exporter.audit.sinks.postgresql import PostgresqlSink
from exporter.audit.store import delivery
from exporter.audit.store.chain import append
from exporter.audit.store.database import Database
from exporter.audit.worker import Pace
from exporter.errors import ConfigurationError, Mistake, SinkRefused, SinkUnavailable
from tests.audit.sinks.postgres import Server
from tests.audit.sinks.stage import ANNA, an_entry, entries
from tests.audit.store.stage import drafts
from tests.support.processes import free_port, spotless
from tests.support.turning import turning

pytestmark = pytest.mark.peers
_numbers = count(1)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


@pytest.fixture
def table() -> str:
    """A name that no other test uses."""
    return f"audit_{next(_numbers)}"


@asynccontextmanager
async def into(dsn: str, table: str = "audit") -> AsyncIterator[PostgresqlSink]:
    sink = PostgresqlSink(lambda: dsn, name=table)
    try:
        yield sink
    finally:
        await sink.aclose()


async def do(postgres: Server, statements: str) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


async def rows_of(postgres: Server, table: str, columns: str = "*") -> list[asyncpg.Record]:
    connection = await asyncpg.connect(postgres.dsn())
    asked = f"SELECT {columns} FROM {table} ORDER BY sequence, uid"  # noqa: S608 - ours
    try:
        return list(await connection.fetch(asked))
    finally:
        await connection.close()


async def uids_in(postgres: Server, table: str) -> list[str]:
    return [row["uid"] for row in await rows_of(postgres, table, "uid")]


def expected(last: int) -> list[str]:
    return [e.uid for e in entries(1, last)]


async def test_records_are_rows_with_what_people_ask_for_in_columns(
    postgres: Server, table: str
) -> None:
    async with into(postgres.dsn(), table) as sink:
        assert await sink.send(entries(1, 3)) == {}
    derived = "record->'space'->>'name' AS inside, extract(epoch FROM time)::float AS at"
    first, *_ = await rows_of(postgres, table, f"*, {derived}")
    sent = an_entry(1)
    assert (first["sequence"], first["uid"], first["at"]) == (1, sent.uid, sent.at)
    assert (first["topic"], first["actor_name"]) == ("space:deleted", "Anna CANARY")
    assert (first["inside"], first["hash"].hex()) == ("Import", sent.hash)


async def test_what_comes_twice_stands_there_once(postgres: Server, table: str) -> None:
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 5))
        assert await sink.send([*entries(3, 8), *entries(7, 8)]) == {}
    assert await uids_in(postgres, table) == expected(8)


async def test_a_redaction_takes_the_plain_text_of_that_person_and_of_nobody_else(
    postgres: Server, table: str
) -> None:
    other = {**dict(an_entry(1).record["actor"]), "id": "us_usr_other"}
    redaction = an_entry(4, kind=Kind.REDACTION, actor=None, detail={"person": ANNA})
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 2))
        await sink.send([an_entry(3, actor=other), redaction])
    rows = await rows_of(postgres, table)
    assert [row["actor_name"] for row in rows] == [None, None, "Anna CANARY", None]
    assert [row["actor_email"] is None for row in rows] == [True, True, False, True]


async def test_a_name_with_a_null_character_keeps_no_deed_out_of_the_table(
    postgres: Server, table: str
) -> None:
    hidden = an_entry(2, space={"id": "us_sp_2", "name": "a\0b"}, payload={"a\0": ["\0"]})
    async with into(postgres.dsn(), table) as sink:
        assert await sink.send([an_entry(1), hidden, an_entry(3)]) == {}
    assert await uids_in(postgres, table) == expected(3)


async def test_what_cannot_be_stored_is_refused_alone_and_wedges_nothing(
    postgres: Server, table: str
) -> None:
    # Longer than an entry of an index can be (a third of a page), and not to be compressed.
    long = "".join(sha512(str(n).encode()).hexdigest() for n in range(100))
    bad = [an_entry(n, environment={"id": long, "name": None}) for n in (4, 7)]
    whole = sorted([*(e for e in entries(1, 9) if e.sequence not in {4, 7}), *bad], key=_sequence)
    async with into(postgres.dsn(), table) as sink:
        assert await sink.send(whole) == {4: "refused", 7: "refused"}
        assert "refused" in sink.reasons
        assert await sink.send(bad[:1]) == {4: "refused"}
    assert len(await uids_in(postgres, table)) == 7


def _sequence(entry: Any) -> int:
    return int(entry.sequence)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_stops_in_the_middle_gets_everything_once_it_is_back(
    postgres: Server, table: str, how: signal.Signals
) -> None:
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 10))
        sending = asyncio.create_task(send_all(sink, entries(11, 400)))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(postgres.stop, how)
        with pytest.raises(SinkUnavailable):
            await sink.send(entries(1, 10))
        await asyncio.to_thread(postgres.start)
        assert await sending > 0, "it was not in the middle"
    assert await uids_in(postgres, table) == expected(400)


async def send_all(sink: PostgresqlSink, whole: Sequence[Any]) -> int:
    """In small batches, again and again until each was taken; how often that failed."""
    failed = 0
    for first in range(0, len(whole), 2):
        while True:
            try:
                await sink.send(whole[first : first + 2])
                break
            except SinkUnavailable:
                failed += 1
                await asyncio.sleep(0.02)
    return failed


async def test_the_delivery_goes_on_by_itself_after_a_server_was_killed(
    postgres: Server, table: str
) -> None:
    database = Database(None, time.time)
    await database.run(partial(append, drafts=drafts(*range(1, 3_001)), now=time.time()))
    sink = PostgresqlSink(postgres.dsn, name=table)
    pace = Pace(batch=20, first=0.05, longest=0.2)
    cap = Cap(limit=1 << 30)
    work = Delivery(database, [sink], cap=cap, wall=time.time, rng=Random(1), pace=pace)
    running = asyncio.create_task(work.run())
    while not await database.run(partial(delivery.cursor, sink="postgresql")):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    await asyncio.to_thread(postgres.stop, signal.SIGQUIT)
    assert await database.run(partial(delivery.cursor, sink="postgresql")) < 3_000
    await asyncio.to_thread(postgres.start)
    while (await database.run(delivery.backlog))["postgresql"].records:  # noqa: ASYNC110 - another process has no event to wait for
        await asyncio.sleep(0.02)
    running.cancel()
    await work.aclose()
    await database.aclose()
    assert sorted(await uids_in(postgres, table)) == sorted(d.uid for d in drafts(*range(1, 3_001)))


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    async with into(f"postgresql://u:CANARY@127.0.0.1:{free_port()}/d") as sink:
        with pytest.raises(SinkUnavailable, match="connection refused") as caught:
            await sink.send(entries(1, 1))
    spotless(str(caught.value), repr(caught.value))


@pytest.mark.parametrize(
    "dsn",
    [
        "CANARY",
        "mysql://CANARY@host/d",
        "postgresql://CANARY@host:port/d",
        "postgresql://CANARY@host/d?sslmode=CANARY",
    ],
)
async def test_a_dsn_that_cannot_be_read_is_refused_and_not_repeated(dsn: str) -> None:
    async with into(dsn) as sink:
        with pytest.raises(SinkRefused, match="DSN cannot be read") as caught:
            await sink.send(entries(1, 1))
    spotless(str(caught.value))


async def test_a_secret_file_that_went_away_is_refused_with_its_own_message() -> None:
    def gone() -> str:
        raise ConfigurationError(Mistake("audit.sink.postgresql.dsn-file", "file /x", "is gone"))

    sink = PostgresqlSink(gone)
    with pytest.raises(SinkRefused, match="dsn-file"):
        await sink.send(entries(1, 1))
    await sink.aclose()


async def refusal(sink: PostgresqlSink) -> str:
    with pytest.raises(SinkRefused) as caught:
        await sink.send(entries(1, 1))
    spotless(str(caught.value))
    return str(caught.value)


async def test_each_thing_that_an_operator_has_to_mend_is_refused_and_works_once_it_is_mended(
    postgres: Server,
) -> None:
    await do(postgres, "CREATE ROLE weak LOGIN; CREATE SCHEMA closed")  # public stays closed, too
    async with into(postgres.dsn(database="absent")) as sink:
        assert "no such database" in await refusal(sink)
    async with into(postgres.dsn(user="absent")) as sink:
        assert "not accepted" in await refusal(sink)
    async with into(postgres.dsn(), "absent.audit") as sink:
        assert "no such schema" in await refusal(sink)
    async with into(postgres.dsn(user="weak"), "closed.audit") as sink:
        assert "lacks a right" in await refusal(sink)
        async with into(postgres.dsn(), "closed.audit") as owner:
            await owner.send(entries(1, 1))
        await do(postgres, "GRANT USAGE ON SCHEMA closed TO weak")
        assert "lacks a right" in await refusal(sink)
        await do(postgres, "GRANT SELECT, INSERT, UPDATE ON closed.audit TO weak")
        assert await sink.send(entries(1, 2)) == {}
    assert await uids_in(postgres, "closed.audit") == expected(2)


async def test_a_table_of_another_shape_is_refused_and_nothing_becomes_a_dead_letter(
    postgres: Server, table: str
) -> None:
    async with into(postgres.dsn(), table) as sink:
        await do(postgres, f"CREATE TABLE {table} (sequence bigint, uid uuid)")
        assert "documented columns" in await refusal(sink)
        await do(postgres, f"DROP TABLE {table}")
        await sink.send(entries(1, 1))
        await do(postgres, f"ALTER TABLE {table} ADD owner text NOT NULL DEFAULT 'x'")
        assert await sink.send(entries(2, 2)) == {}
        await do(postgres, f"ALTER TABLE {table} ALTER owner DROP DEFAULT")
        assert "constraint" in await refusal(sink)
        await do(postgres, f"ALTER TABLE {table} DROP owner, DROP CONSTRAINT {table}_pkey")
        assert "no unique index" in await refusal(sink)


async def test_several_daemons_may_make_the_table_at_the_same_time(
    postgres: Server, table: str
) -> None:
    sinks = [PostgresqlSink(postgres.dsn, name=table) for _ in range(6)]
    await asyncio.gather(*(sink.send(entries(1, 20)) for sink in sinks))
    await asyncio.gather(*(sink.aclose() for sink in sinks))
    assert await uids_in(postgres, table) == expected(20)


async def test_a_send_that_was_cut_off_leaves_a_sink_that_works(
    postgres: Server, table: str
) -> None:
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 1))
        blocker = await asyncpg.connect(postgres.dsn())
        async with blocker.transaction():
            await blocker.execute(f"LOCK TABLE {table}")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await sink.send(entries(2, 3))
        await blocker.close()
        await sink.send(entries(2, 3))
    assert await uids_in(postgres, table) == expected(3)


async def test_a_commit_is_on_the_disk_also_where_the_default_is_not_to_wait(
    postgres: Server, table: str
) -> None:
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 1))
        await do(
            postgres,
            f"CREATE FUNCTION {table}_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" NEW.topic := current_setting('synchronous_commit'); RETURN NEW; END $$;"
            f" CREATE TRIGGER note BEFORE INSERT ON {table} FOR EACH ROW"
            f" EXECUTE FUNCTION {table}_note()",
        )
        await do(postgres, "ALTER ROLE postgres SET synchronous_commit = off")
    try:
        async with into(postgres.dsn(), table) as sink:
            await sink.send(entries(2, 2))
    finally:
        await do(postgres, "ALTER ROLE postgres RESET synchronous_commit")
    assert [row["topic"] for row in await rows_of(postgres, table)][1] == "on"


async def test_the_loop_turns_while_a_large_batch_is_sent(postgres: Server, table: str) -> None:
    async with into(postgres.dsn(), table) as sink:
        await sink.send(entries(1, 1))
        async with turning() as turns:
            await sink.send(entries(2, 1_001))
    assert turns() > 20
