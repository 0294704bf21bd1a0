"""The audit log of the whole daemon, in virtual time: who came, who went, and what is not told."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from exporter.audit import head_file
from exporter.audit.place import LINES_FILE, Place
from exporter.audit.store.database import FILE, HEAD_FILE, reader
from exporter.audit.store.times import unix
from exporter.audit.verify import verify
from exporter.auditor.redact import redact
from exporter.emulator import Fault, Scale, names
from exporter.emulator.faults import Kind
from tests.audit.soak import memory_disk
from tests.auditor.logs import Heard
from tests.support.answers import get
from tests.support.days import Days, running

ACCOUNT = Scale(environments=3, spaces=10, users=6, guests=6, events_per_minute=6, rare=0)
HOUR = 3_600.0
PAUSE = 360.0
"""Seconds in which every collector plays its rounds, and an agent's deed waits for its event."""

SPOILED: tuple[Kind, ...] = (
    *("cut_json", "garbled", "cut_gzip", "not_utf8", "wrong_data", "wrong_types", "nulls"),
    *("missing_fields", "html"),
)
"""Answers that hold canaries and cannot be understood, or only in part."""
SECRETS = (names.SECRET, names.SOURCE, names.TOKEN)
PEOPLE = (names.PERSON, names.MAIL_DOMAIN)


@pytest.fixture
def folder() -> Iterator[Path]:
    with memory_disk() as made:
        yield made


def _flags(folder: Path, **more: str) -> Mapping[str, str]:
    collectors = ("environments", "agents", "users", "guests", "spaces", "executions")
    return {
        "audit": "true",
        "audit.path": str(folder),
        "audit.checkpoint-interval": "1m",
        "audit.sink.file": "true",
        "collector.executions": "true",
        "collector.spaces.info": "true",
        **{f"collector.{name}.interval": "1m" for name in collectors},
        **more,
    }


def _records(folder: Path) -> list[Any]:
    with closing(reader(folder)) as log:
        rows = log.execute("SELECT body FROM record ORDER BY sequence").fetchall()
    return [json.loads(body) for (body,) in rows]


def _changes(folder: Path, id_: str) -> list[str]:
    """What listings told of somebody or something, in the order of the records."""
    told = [record for record in _records(folder) if record["kind"] == "change"]
    return [record["topic"] for record in told if record["detail"]["id"] == id_]


def _verifies(folder: Path) -> bool:
    head = head_file.read(folder / HEAD_FILE)
    assert head is not None
    with closing(reader(folder)) as log:
        return verify(log, public_key=head.public, head=head).ok


async def test_people_who_come_change_and_go_are_records_of_their_own(folder: Path) -> None:
    async with running(ACCOUNT, _flags(folder)) as days:
        world = days.emulator.world
        await asyncio.sleep(PAUSE)
        assert [record for record in _records(folder) if record["kind"] == "change"] == []
        space = next(iter(world.account.spaces))
        people = {"user": world.add_user().id, "guest": world.add_guest(space.id)}
        await asyncio.sleep(PAUSE)
        world.rename_user(people["user"])
        world.rename_guest(people["guest"])
        await asyncio.sleep(PAUSE)
        world.remove_user(people["user"])
        world.remove_guest(people["guest"])
        await asyncio.sleep(PAUSE)
    for kind, id_ in people.items():
        assert _changes(folder, id_) == [f"{kind}:added", f"{kind}:changed", f"{kind}:removed"]
    told = [record for record in _records(folder) if record["kind"] == "change"]
    assert {record["source"] for record in told} == {"listing"}
    assert len(told) == 6
    assert _verifies(folder)


async def test_agents_that_come_and_go_are_records_where_no_event_tells_of_it(
    folder: Path,
) -> None:
    async with running(ACCOUNT, _flags(folder)) as days:
        world = days.emulator.world
        home = next(iter(world.account.environments)).id
        await asyncio.sleep(PAUSE)
        quiet, told = (
            world.deploy_agent(home, f"silent-{silent}", silent=silent).id
            for silent in (True, False)
        )
        await asyncio.sleep(PAUSE)
        world.redeploy_agent(quiet, silent=True)
        world.redeploy_agent(told)
        await asyncio.sleep(PAUSE)
        world.delete_agent(quiet, silent=True)
        world.delete_agent(told)
        await asyncio.sleep(PAUSE)
    assert _changes(folder, quiet) == ["agent:deployed", "agent:redeployed", "agent:removed"]
    assert _changes(folder, told) == []
    events = [r["topic"] for r in _records(folder) if r["payload"].get("agentId") == told]
    assert events == ["agent:created", "agent:updated", "agent:deleted"]


async def test_what_is_older_than_its_retention_goes_and_what_is_left_verifies(
    folder: Path,
) -> None:
    collectors = ("environments", "agents", "users", "guests", "spaces", "executions")
    rare = {f"collector.{name}.interval": "15m" for name in collectors}
    flags = _flags(folder, **rare, **{"audit.retention": "1h", "audit.checkpoint-interval": "5m"})
    async with running(ACCOUNT, flags) as days:
        await asyncio.sleep(HOUR / 6)
        early = [record["uid"] for record in _records(folder) if record["kind"] == "event"]
        await asyncio.sleep(HOUR)
        person = days.emulator.world.add_user().id
        days.emulator.world.add_events(3, actor_id=person)
        await asyncio.sleep(HOUR / 6)
        now = days.emulator.world.now()
        records = _records(folder)
        ages = [now - unix(record["recorded"]) for record in records]
        assert HOUR - 120 < max(ages) < HOUR + 10 * 60
        place = Place(folder=folder, key=folder / "signing-key.pem")
        assert await redact(place, person, Heard().streams(), sure=True) == 0
        await asyncio.sleep(HOUR / 12)
    records = _records(folder)
    first, last = records[0]["sequence"], records[-1]["sequence"]
    assert first > 50
    assert [record["sequence"] for record in records] == list(range(first, last + 1))
    assert early
    assert not {record["uid"] for record in records} & {*early}
    lines = [json.loads(line)["record"] for line in (folder / LINES_FILE).read_bytes().splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, last + 1))
    assert len({line["uid"] for line in lines}) == last
    assert _verifies(folder)


async def _everything(days: Days) -> None:
    """Have everything happen and be asked for that the emulated account can tell of."""
    world = days.emulator.world
    await asyncio.sleep(PAUSE)
    environments = list(world.account.environments)
    world.add_strange_events(environments[0].id)
    for environment in environments:
        world.add_events_of_actors(environment.id)
    space = world.create_space(environments[0].id)
    user, guest = world.add_user().id, world.add_guest(space.id)
    world.create_environment("newest")
    await asyncio.sleep(PAUSE)
    world.rename_user(user)
    world.rename_guest(guest)
    world.add_events(50, actor_id=guest)
    world.remove_user(user)
    world.expire_space(space.id)
    world.delete_space(space.id)
    await asyncio.sleep(PAUSE)
    for kind in SPOILED:
        days.emulator.faults.set([Fault(kind, probability=0.4)])
        world.add_events(10)
        await asyncio.sleep(PAUSE / 6)
    days.emulator.faults.clear()
    await asyncio.sleep(PAUSE)


def _holding(contents: Mapping[str, bytes], *marks: str) -> list[tuple[str, str]]:
    found = []
    for name, content in contents.items():
        lowered = content.lower()
        forms = [(m, m.lower().encode(how)) for m in marks for how in ("utf-8", "utf-16-le")]
        found += [(name, mark) for mark, form in forms if form in lowered]
    return found


@pytest.mark.parametrize("mode", ["plain", "pseudonymous"])
async def test_canaries_in_every_answer_reach_neither_store_nor_sink_log_page_or_metrics(
    folder: Path, mode: str
) -> None:
    with capture_logs() as lines:
        async with running(ACCOUNT, _flags(folder, **{"audit.personal-data": mode})) as days:
            await _everything(days)
            told = {page: await _page(days, page) for page in ("/", "/metrics")}
    assert {"collector_failing", "audit_feed_failing"} <= {line["event"] for line in lines}
    asked = {request.path.split("/")[1] for request in days.emulator.requests}
    assert asked >= {"accounts", "environments", "spaces", "users", "guests", "agents", "events"}
    told["log"] = repr(lines).encode()
    told["chain"] = json.dumps(_records(folder), ensure_ascii=False).encode()
    assert _holding(told, *SECRETS, *PEOPLE) == []
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {FILE, LINES_FILE, HEAD_FILE} <= files.keys()
    assert _holding(files, *SECRETS) == []
    where = {name for name, _ in _holding(files, *PEOPLE)}
    assert where - {f"{FILE}-wal"} == ({FILE, LINES_FILE} if mode == "plain" else set())
    assert f"{FILE}-wal" not in where or mode == "plain"


async def _page(days: Days, path: str) -> bytes:
    status, body = await get(days.daemon, path)
    assert status == 200
    return body


async def test_of_people_erased_while_the_daemon_runs_nothing_is_left_and_nothing_comes_back(
    folder: Path,
) -> None:
    place = Place(folder=folder, key=folder / "signing-key.pem")
    flags = {**_flags(folder), "audit.sink.file": "false"}
    async with running(ACCOUNT, flags) as days:
        world = days.emulator.world
        await asyncio.sleep(PAUSE)
        space = next(iter(world.account.spaces))
        people = [world.add_user().id, world.add_guest(space.id)]
        for person in people:
            world.add_events(5, actor_id=person)
        await asyncio.sleep(PAUSE)
        marks = [_of(days, person) for person in people]
        world.rename_user(people[0])
        world.rename_guest(people[1])
        await asyncio.sleep(PAUSE)
        marks += [_of(days, person) for person in people]
        texts = {text for each in marks for text in each}
        assert len(texts) == 6
        held = _texts(folder)
        assert all(text.encode() in held for text in texts)
        for person in people:
            assert await redact(place, person, Heard().streams(), sure=True) == 0
        assert not [text for text in texts if text.encode() in _texts(folder)]
        for person in people:
            world.add_events(5, actor_id=person)
        await asyncio.sleep(2 * PAUSE)
        assert not [text for text in texts if text.encode() in _texts(folder)]
    for person in people:
        records = _records(folder)
        (erased,) = [r["sequence"] for r in records if r["uid"] == f"redaction/{person}"]
        acted = [r for r in records if (r["actor"] or {}).get("id") == person]
        assert len(acted) >= 10
        for record in acted:
            assert (record["actor"]["basis"] == "erased") == (record["sequence"] > erased)
    assert _verifies(folder)


def _of(days: Days, person: str) -> tuple[str, str]:
    account = days.emulator.world.account
    found = account.users.get(person) or account.guests.get(person)
    assert found is not None
    return found.name, found.email


def _texts(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())
