"""Records as the exporter itself makes them, of every kind, against the published requirements."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from exporter.audit.feed.contract import Parcel
from exporter.audit.feed.gaps import Gap
from exporter.audit.formats.ecs import ecs
from exporter.audit.formats.ocsf.event import ocsf
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.record import Entry, Kind
from exporter.audit.redact import redact
from exporter.audit.store import delivery
from exporter.audit.store.database import Database
from exporter.errors import NotFound
from exporter.flatfile.models import Agent, Guest, User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.topics import TOPICS
from exporter.flatfile.whole import Whole
from tests.audit.formats.schemas import ecs_problems, ocsf_problems
from tests.audit.known import AGENT, ENV, GUEST, HOUR, NOW, SPACE, USER, agent, event, guest, user

LATER = "us_usr_later"


class _Account:
    """Nobody is known to it at first; then whoever is listed below."""

    known = False

    async def user(self, id_: str) -> User:
        if not self.known:
            raise NotFound("GET /users/… answered 404; there is no such user")
        return user(id_)

    async def space(self, _: str) -> Any:
        raise NotFound("GET /spaces/… answered 404; there is no such Space")

    guest = agent = space


@asynccontextmanager
async def every_kind() -> AsyncIterator[list[Entry]]:
    """As a sink gets them: events, differences, gaps, amendments and a person who was erased."""
    database = Database(None, lambda: NOW)
    intake = Intake(database=database, options=Options(), keep_plain=True, workers=1)
    account = _Account()
    flatfile = cast("Flatfile", account)

    async def listed(now: float, *things: User | Guest | Agent) -> None:
        kind = type(things[0])
        where = frozenset() if kind is User else frozenset({ENV})
        await intake.listing(Whole(kind=kind, environment_ids=where, things=things, wall=now), now)

    async def keep(parcel: Parcel, now: float) -> None:
        await intake.keep(flatfile, parcel, source="feed", now=now)

    try:
        await listed(NOW, user(), user("us_usr_bbbbbbbb"))
        await listed(NOW, guest(), guest("us_g_bbbbbbbb"))
        await listed(NOW, agent(), agent("us_ag_bbbbbbbb"))
        by = [
            event(topic, at=NOW - HOUR, actor_id=USER, space_id=SPACE) for topic in sorted(TOPICS)
        ]
        by += [event(actor_id=who, at=NOW + 1) for who in (GUEST, AGENT, "us_key_1", LATER, None)]
        by += [event("space:deleted", environment_id=None, payload={"spaceId": SPACE})]
        gaps = [
            Gap(kind="forgotten", since=NOW - HOUR, until=NOW),
            Gap(kind="topics", since=NOW, until=NOW + 1, environment_id=ENV),
            Gap(kind="unreachable", since=0.0, until=1.0, environment_id=ENV, topic="job:ready"),
            Gap(kind="environment", since=NOW, until=NOW, environment_id=ENV),
        ]
        await keep(Parcel(events=by, gaps=gaps, late_before=NOW + 2), NOW + 2)
        for days in range(1, 4):
            now = NOW + days * 24 * HOUR
            await listed(now, user(name="Eve", updated=now), user("us_usr_cccccccc"))
            await listed(now, guest(name="Al", updated=now), guest("us_g_cccccccc"))
            await listed(now, agent(updated=now), agent("us_ag_cccccccc"))
        account.known = True
        await intake.resolve(flatfile, NOW + 4 * 24 * HOUR)
        await database.run(partial(redact, person_id=GUEST, now=now))
        await keep(Parcel(events=[event(actor_id=GUEST, at=now)]), now)
        await database.run(partial(delivery.register, sink="file"))
        yield await database.run(partial(delivery.coming, sink="file", limit=10_000))
    finally:
        await database.aclose()


async def test_the_records_are_of_every_kind() -> None:
    async with every_kind() as made:
        assert {entry.record["kind"] for entry in made} == set(Kind)
        changes = {e.record["topic"] for e in made if e.record["kind"] == Kind.CHANGE}
        who = ("user", "guest")
        assert changes == {
            *(f"{kind}:{verb}" for kind in who for verb in ("added", "removed", "changed")),
            *("agent:deployed", "agent:removed", "agent:redeployed"),
        }
        actors = [e.record["actor"] for e in made if e.record["actor"]]
        assert {actor["basis"] for actor in actors} >= {"listing", "erased", None}


async def test_each_is_a_valid_event_of_ocsf() -> None:
    async with every_kind() as made:
        for entry in made:
            assert ocsf_problems(json.loads(ocsf(entry))) == [], entry.record["topic"]


async def test_each_is_a_valid_document_of_ecs() -> None:
    async with every_kind() as made:
        for entry in made:
            assert ecs_problems(json.loads(ecs(entry))) == [], entry.record["topic"]
