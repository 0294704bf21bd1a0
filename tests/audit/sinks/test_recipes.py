"""What the README asks of PostgreSQL is answered by it, of records as the exporter makes them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from exporter.audit.feed.contract import Parcel
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.sinks.postgresql import PostgresqlSink
from exporter.audit.store import delivery
from exporter.audit.store.database import Database
from exporter.flatfile.models import Environment, Guest, Space, User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.whole import Whole
from tests.audit.known import ENV, GUEST, NOW, SPACE, USER, environment, event, guest, space, user
from tests.audit.sinks.postgres import Server

pytestmark = pytest.mark.peers

README = Path(__file__).parents[3] / "README.md"
AGENT = "us_ag_4Vb2Kd9s"  # as the README calls it
RECIPES = re.findall(r"\n([^\n]+)\n\n```sql\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {}


def _recipe(asked: str) -> str:
    (sql,) = (sql for before, sql in RECIPES if before.startswith(asked))
    return str(sql).replace("guest@example.org", "bo@x.example")


@asynccontextmanager
async def _told(postgres: Server) -> AsyncIterator[asyncpg.Connection]:
    """A table that has who did what, and a connection to it."""
    database = Database(None, lambda: NOW)
    intake = Intake(database=database, options=Options(), keep_plain=True, workers=1)
    here = frozenset({ENV})
    for kind, where, thing in (
        (Environment, frozenset(), environment("production")),
        (User, frozenset(), user()),
        (Guest, here, guest()),
        (Space, frozenset(), space("Spring imports")),
    ):
        await intake.listing(
            Whole(kind=kind, environment_ids=where, things=(thing,), wall=NOW), NOW
        )
    events = [
        event("agent:created", at=NOW + 1, actor_id=USER, payload={"agentId": AGENT}),
        event("file:created", at=NOW + 2, actor_id=GUEST, space_id=SPACE),
        event("space:deleted", at=NOW + 3, actor_id=USER, space_id=SPACE),
    ]
    nobody = cast("Flatfile", None)  # all of them are known
    await intake.keep(nobody, Parcel(events=events), source="feed", now=NOW + 5)
    await database.run(lambda log: delivery.register(log, "postgresql"))
    sent = await database.run(lambda log: delivery.coming(log, "postgresql", 100))
    await database.aclose()
    sink = PostgresqlSink(postgres.dsn, name="flatfile_audit")
    connection = await asyncpg.connect(postgres.dsn())
    try:
        assert await sink.send(sent) == {}
        yield connection
    finally:
        await sink.aclose()
        await connection.execute("DROP TABLE flatfile_audit")
        await connection.close()


async def test_who_deleted_this_space_what_did_this_guest_do_who_deployed_this_agent(
    postgres: Server,
) -> None:
    async with _told(postgres) as connection:
        (deed,) = await connection.fetch(_recipe("Who deleted this Space?"))
        assert (deed["actor_id"], deed["name"], deed["email"]) == (USER, "Ada", "ada@x.example")
        assert (deed["space_name"], deed["environment_name"]) == ("Spring imports", "production")
        (did,) = await connection.fetch(_recipe("What did this guest do?"))
        assert (did["topic"], did["space_name"]) == ("file:created", "Spring imports")
        (deploy,) = await connection.fetch(_recipe("Who deployed this agent?"))
        assert (deploy["topic"], deploy["actor_name"]) == ("agent:created", "Ada")


async def test_whether_anything_is_missing_is_answered_with_the_first_record_after_it(
    postgres: Server,
) -> None:
    missing = _recipe("Is anything missing?")
    async with _told(postgres) as connection:
        assert await connection.fetch(missing) == []
        await connection.execute("DELETE FROM flatfile_audit WHERE sequence = 2")
        (found,) = await connection.fetch(missing)
        assert found["sequence"] == 3
