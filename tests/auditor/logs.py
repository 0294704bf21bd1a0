"""Logs to read: in a folder, signed, with people who are known by commitments."""

import asyncio
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from exporter.audit import people
from exporter.audit.keys import SigningKey
from exporter.audit.place import Place
from exporter.audit.record import ActorKind, Draft, Kind
from exporter.audit.store import chain, checkpoints
from exporter.audit.store.database import Database
from exporter.auditor.streams import Streams

T = TypeVar("T")
NOW = 1_800_000_000.0
ACCOUNT = "us_acc_1"
ADA, BOB, CAT = "us_g_ada", "us_usr_bob", "us_g_cat"
_NOTHING = ("name", "email", "label", "basis", "as_of", "then")


def place(folder: Path) -> Place:
    return Place(folder=folder / "audit", key=folder / "audit" / "signing-key.pem")


def work(where: Place, do: Callable[[Connection], T]) -> T:
    """In one transaction, as the daemon would."""

    async def run() -> T:
        key = SigningKey.load_or_make(where.key)
        database = Database(where.folder, lambda: NOW, key=key)
        try:
            return await database.run(do)
        finally:
            await database.aclose()

    return asyncio.run(run())


def write(where: Place, drafts: Sequence[Draft], *, now: float = NOW) -> None:
    """Append them and sign a checkpoint."""
    key = SigningKey.load_or_make(where.key)

    def append(connection: Connection) -> None:
        chain.append(connection, drafts, now=now)
        checkpoints.checkpoint(connection, key, now)

    work(where, append)


def known(where: Place, person_id: str, name: str, address: str) -> dict[str, Any]:
    """An actor whose name and address are in the log as commitments."""

    def commit(connection: Connection) -> list[str | None]:
        return [
            people.commitment(connection, person_id, value, keep_plain=True)
            for value in (name, address)
        ]

    made = work(where, commit)
    kind = ActorKind.GUEST if "_g_" in person_id else ActorKind.USER
    return {
        "id": person_id,
        "kind": kind.value,
        "name": made[0],
        "email": made[1],
        "label": None,
        "basis": "listing",
        "as_of": "2027-01-14T08:00:00.000Z",
        "then": True,
    }


def unknown(person_id: str) -> dict[str, Any]:
    return {"id": person_id, "kind": "guest", **dict.fromkeys(_NOTHING)}


def a_draft(
    number: int,
    topic: str = "space:deleted",
    kind: Kind = Kind.EVENT,
    *,
    uid: str | None = None,
    at: float | None = None,
    **fields: Any,
) -> Draft:
    """Event ``number``, a minute after the one before unless ``at`` says when."""
    return Draft(
        uid=uid or f"us_evt_{number}",
        kind=kind,
        topic=topic,
        at=NOW - 86_400 + 60 * number if at is None else at,
        fields={
            "source": "feed",
            "actor": None,
            "environment": {"id": "us_env_1", "name": "staging"},
            "space": {"id": "us_sp_1", "name": "Imports"},
            "context": {"accountId": ACCOUNT},
            "payload": {},
            "origin": None,
            "raw": "c" * 64,
            "detail": None,
            **fields,
        },
        unresolved=ActorKind.GUEST
        if fields.get("actor") and fields["actor"]["basis"] is None
        else None,
    )


@dataclass
class Heard:
    """What a command wrote, and what it is answered."""

    answer: str | None = None
    out: io.BytesIO = field(default_factory=io.BytesIO)
    said: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def streams(self) -> Streams:
        def ask(question: str) -> str:
            self.asked.append(question)
            return self.answer or ""

        return Streams(
            out=self.out,
            say=self.said.append,
            complain=self.complaints.append,
            progress=self.shown.append,
            ask=None if self.answer is None else ask,
        )

    @property
    def lines(self) -> list[bytes]:
        return self.out.getvalue().splitlines()

    @property
    def everything(self) -> str:
        return "\n".join([*self.said, *self.complaints, *self.shown, *self.asked])
