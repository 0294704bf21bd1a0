"""A log as it comes about: two processes append, sign, prune and erase, and whoever touches it is found."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from exporter.audit import head_file
from exporter.audit.feed.contract import Parcel
from exporter.audit.feed.gaps import Gap
from exporter.audit.intake import Intake
from exporter.audit.joining import Options
from exporter.audit.redact import redact
from exporter.audit.retention import prune
from exporter.audit.store.checkpoints import checkpoint
from exporter.audit.store.database import FILE, HEAD_FILE, Database, reader
from exporter.audit.store.seal import SignedHead
from exporter.audit.verify import Verdict, verify
from exporter.flatfile.models import Agent, Guest, Space, User
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.whole import Whole
from tests.audit.known import ENV, NOW, agent, event, guest, space, user
from tests.audit.soak import memory_disk
from tests.audit.store.stage import KEY, one, undone

STEPS = 150
USERS = [f"us_usr_{number}" for number in range(5)]
GUESTS = [f"us_g_{number}" for number in range(5)]
ACTORS = (None, *USERS, *GUESTS, "us_ag_1", "us_key_1", "somebody")
STRANGE = {"values": [1.5, 1e21, -0.0, 2**60, "€😀\ud800", "\0"], "\U0001f600": "\ue000"}


class _Account:
    """Tells of everybody who is asked for."""

    async def user(self, id_: str) -> User:
        return user(id_, name=f"looked up {id_}")

    async def guest(self, id_: str) -> Guest:
        return guest(id_)

    async def agent(self, id_: str, _: str) -> Agent:
        return agent(id_)

    async def space(self, id_: str) -> Space:
        return space("Orders", id_)


@dataclass
class Life:
    """What may happen to a log, by chance."""

    folder: Path
    dice: Random
    now: float = NOW
    heads: list[SignedHead] = field(default_factory=list)
    older: list[tuple[int, sqlite3.Connection]] = field(default_factory=list)
    """Copies of the log, by the sequence of its newest checkpoint then."""

    def __post_init__(self) -> None:
        self.daemon, self.command = (
            Database(self.folder, lambda: self.now, key=KEY) for _ in range(2)
        )
        self.flatfile = cast("Flatfile", _Account())

    def _intake(self) -> Intake:
        return Intake(
            database=self.dice.choice((self.daemon, self.command)),
            options=Options(payload_fields=frozenset({"*"} if self.dice.random() < 0.5 else ())),
            keep_plain=self.dice.random() < 0.8,
            workers=2,
        )

    async def step(self) -> None:
        self.now += self.dice.choice((0.001, 1.0, 30.0, 600.0, -5.0))
        deeds = (self.take, self.list, self.resolve, self.sign, self.prune, self.erase)
        (deed,) = self.dice.choices(deeds, (9, 5, 2, 4, 2, 1))
        await deed()

    async def take(self) -> None:
        dice, now = self.dice, self.now
        events = [
            event(
                dice.choice(("job:ready", "space:updated", "agent:deleted", "records:updated")),
                at=now - dice.choice((0, 1, 1_000, -4_000)),
                actor_id=dice.choice(ACTORS),
                space_id=dice.choice((None, "us_sp_1", "us_sp_2")),
                payload={"name": f"name {dice.random():.1f}", "agentId": "us_ag_1", **STRANGE},
            )
            for _ in range(dice.randint(0, 8))
        ]
        gaps = [Gap(kind="forgotten", since=now - 60, until=now - 30)]
        parcel = Parcel(events=events, gaps=gaps if dice.random() < 0.1 else [], marks=[("f", now)])
        await self._intake().keep(self.flatfile, parcel, source="feed", now=now)

    async def list(self) -> None:
        dice = self.dice
        name = partial(dice.choice, ("Ada", "Bo", "Cy"))
        here = [id_ for id_ in (USERS if dice.random() < 0.5 else GUESTS) if dice.random() < 0.8]
        whole: dict[str, Any] = (
            {"kind": User, "things": [user(id_, name=name()) for id_ in here]}
            if here and here[0] in USERS
            else {
                "kind": Guest,
                "things": [guest(id_, name=name()) for id_ in here],
                "environment_ids": frozenset({ENV}),
            }
        )
        await self._intake().listing(Whole(**whole, wall=self.now), self.now)

    async def resolve(self) -> None:
        await self._intake().resolve(self.flatfile, self.now)

    async def sign(self) -> None:
        self.heads.append(await self.daemon.run(lambda log: checkpoint(log, KEY, self.now)))
        with closing(reader(self.folder)) as log:
            copy = sqlite3.connect(":memory:", isolation_level=None)
            log.backup(copy)
        self.older.append((self.heads[-1].sequence, copy))

    async def prune(self) -> None:
        age, most = self.dice.choice((0.0, 600.0, 2_000.0)), self.dice.choice((1, 10, 50_000))
        await self.daemon.run(
            partial(prune, key=KEY, before=self.now - age, now=self.now, most=most)
        )

    async def erase(self) -> None:
        person = self.dice.choice((*USERS, *GUESTS))
        await self.command.run(lambda log: redact(log, person, self.now))

    def verdict(self, head: SignedHead | None) -> Verdict:
        with closing(reader(self.folder)) as log:
            return verify(log, public_key=KEY.public, head=head)

    async def aclose(self) -> None:
        await self.daemon.aclose()
        await self.command.aclose()
        for _, copy in self.older:
            copy.close()


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_to_a_log_it_verifies_and_whatever_is_done_to_it_is_found(
    seed: int,
) -> None:
    with memory_disk() as folder:
        life = Life(folder, Random(seed))
        for _ in range(STEPS):
            await life.step()
            for head in (None, head_file.read(folder / HEAD_FILE), *life.heads[-1:]):
                found = life.verdict(head)
                assert found.ok, found
        await life.take()
        await life.sign()
        newest = life.heads[-1]
        for sequence, older in life.older:
            assert verify(older, public_key=KEY.public, head=None).ok
            found = verify(older, public_key=KEY.public, head=newest)
            assert found.ok == (sequence == newest.sequence)
        await life.aclose()
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as log:
            for what, count in (("tombstone", 2), ("checkpoint", 2), ("record", 20)):
                assert one(log, f"SELECT count(*) FROM {what}") >= count  # noqa: S608 - our tables
            assert one(log, "SELECT count(*) FROM person WHERE key IS NULL") > 0
            for spoiled in _spoiled(log, life.dice):
                found = verify(log, public_key=KEY.public, head=newest)
                assert not found.ok, spoiled


def _spoiled(log: sqlite3.Connection, dice: Random) -> Iterator[str]:
    """Change one cell or take one row away, of some of each table; it is undone after each."""
    for table in ("record", "checkpoint", "tombstone", "chain"):
        columns = [name for _, name, *_ in log.execute(f"PRAGMA table_info({table})")]
        rows = [row for (row,) in log.execute(f"SELECT rowid FROM {table}")]  # noqa: S608 - ours
        for row in dice.sample(rows, min(4, len(rows))):
            with undone(log):
                log.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))  # noqa: S608 - ours
                yield f"{table} {row} is gone"
            for column in sorted({*columns} - {"one", "scrub"}):
                with undone(log):
                    value = one(log, f"SELECT {column} FROM {table} WHERE rowid = ?", row)  # noqa: S608 - ours
                    log.execute(
                        f"UPDATE {table} SET {column} = ? WHERE rowid = ?",  # noqa: S608 - ours
                        (_other(value), row),
                    )
                    yield f"{column} of {table} {row}"


def _other(value: Any) -> Any:
    match value:
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:]
        case str():
            return f"x{value}"
        case _:
            return value + 1_000_000 if value != float("-inf") else 0.0
