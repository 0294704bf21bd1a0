"""Finding out who an unknown actor is, and the name of an unknown Space.

What is to be asked is decided and remembered in the store; the asking itself touches nothing. So
a batch costs at most so many questions and so many seconds before it is appended; who is not known
by then is recorded as unresolved, and an amendment follows when it is known.
"""

import asyncio
import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from exporter.audit.knowledge import asked, loading, names, noting, seen
from exporter.audit.knowledge.memory import Memory
from exporter.audit.knowledge.versions import Basis, Thing
from exporter.audit.record import Draft, Kind, blank
from exporter.audit.store import reading, unresolved
from exporter.audit.unknown import Question
from exporter.errors import Again, NotFound, RoundError, Unauthorized
from exporter.flatfile.models import Agent, Guest, Space, User
from exporter.flatfile.protocol import Flatfile

TOPIC = "audit:amendment"

_KINDS = json.dumps([kind.value for kind in loading.THINGS])

Found = User | Guest | Agent | Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``found`` is None if there is no such thing (``missing``), or if the asking failed.

    ``trouble`` is whether it failed in a way that any other question would have, too.
    """

    question: Question
    found: Found | None = None
    missing: bool = False
    trouble: bool = False


def leftovers(connection: sqlite3.Connection, *, now: float, limit: int) -> list[Question]:
    """Who is still unknown in records that stand, at most ``limit``, those of late first."""
    if asked.in_trouble(connection, now):
        return []
    rows = connection.execute(
        "SELECT u.actor_id, u.kind, u.first FROM unresolved u"
        " LEFT JOIN asked a ON a.kind = u.kind AND a.id = u.actor_id"
        " WHERE u.kind IN (SELECT value FROM json_each(?)) AND (a.again IS NULL OR a.again <= ?)"
        " ORDER BY u.last DESC LIMIT ?",
        (_KINDS, now, limit),
    ).fetchall()
    found = []
    for actor_id, kind, first in rows:
        thing = Thing(kind)
        environment_id = _environment(connection, first) if thing is Thing.AGENT else ""
        question = Question(kind=thing, id=actor_id, environment_id=environment_id)
        if thing is Thing.AGENT and not environment_id:
            asked.postpone(
                connection, (kind, actor_id), asked.MISSING, now
            )  # there is no way to ask
        else:
            found.append(question)
    return found


async def ask(
    flatfile: Flatfile, wanted: Sequence[Question], *, seconds: float, workers: int
) -> list[Answer]:
    """Ask for at most so many seconds, and no further where the API is in trouble.

    What was not asked is in no answer. Raises nothing that is expected.
    """
    answers: list[Answer] = []
    waiting = iter(wanted)
    trouble = asyncio.Event()

    async def work() -> None:
        for question in waiting:
            if trouble.is_set():
                return
            answer = await _answer(flatfile, question)
            answers.append(answer)
            if answer.trouble:
                trouble.set()

    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(min(workers, len(wanted))):
                group.create_task(work())
    except TimeoutError:  # whoever is left is asked for with a later batch
        if not answers:
            answers.append(Answer(question=wanted[0], trouble=True))
    return answers


def learn(
    connection: sqlite3.Connection, answers: Iterable[Answer], *, now: float, keep_plain: bool
) -> None:
    """Note what was found, and of the others when they may be asked for again."""
    troubled = False
    for answer in answers:
        question = answer.question
        troubled = troubled or answer.trouble
        if answer.found is None:
            pauses = asked.MISSING if answer.missing else asked.FAILED
            asked.postpone(connection, (question.kind.value, question.id), pauses, now)
            continue
        match answer.found:
            case User() | Guest() as person:
                met = seen.person(connection, person, keep_plain=keep_plain)
                noting.learn(connection, met, now)
            case Agent() as agent:
                met = seen.agent(agent, question.environment_id, Basis.LOOKUP)
                noting.learn(connection, met, now)
            case Space() as space:
                names.tell(connection, seen.space(space, Basis.LOOKUP), at=now, now=now)
        asked.forget(connection, (question.kind.value, question.id))
    if troubled:
        asked.postpone(connection, asked.EVERYTHING, asked.TROUBLED, now)
    else:
        asked.forget(connection, asked.EVERYTHING)


def amendments(
    connection: sqlite3.Connection, *, now: float, memory: Memory, limit: int = 1_000
) -> list[Draft]:
    """A record for each actor who was unresolved and is known by now.

    To be appended in the same transaction; they are not handed out again. It says who the actor was
    at the time of the first of the records that it is about.
    """
    memory.begin(connection)
    rows = connection.execute(
        "SELECT u.actor_id, u.first, u.last, u.records, r.at FROM unresolved u"
        " LEFT JOIN record r ON r.sequence = u.first"
        " WHERE u.kind IN (SELECT value FROM json_each(?)) AND EXISTS"
        " (SELECT 1 FROM version v WHERE v.kind = u.kind AND v.id = u.actor_id)"
        " ORDER BY u.first LIMIT ?",
        (_KINDS, limit),
    ).fetchall()
    made = []
    for actor_id, first, last, records, at in rows:
        unresolved.resolved(connection, actor_id)
        actor = loading.actor(connection, memory, actor_id).at(now if at is None else at)
        detail = {"actor": actor, "first": first, "last": last, "records": records}
        made.append(
            Draft(
                uid=f"amendment/{actor_id}/{first}-{last}",
                kind=Kind.AMENDMENT,
                topic=TOPIC,
                at=now,
                fields=blank(detail=detail),
            )
        )
    return made


async def _answer(flatfile: Flatfile, question: Question) -> Answer:
    try:
        found = await _one(flatfile, question)
    except NotFound:
        return Answer(question=question, missing=True)
    except RoundError as error:
        return Answer(question=question, trouble=isinstance(error, Again | Unauthorized))
    return Answer(question=question, found=found if found.id == question.id else None)


async def _one(flatfile: Flatfile, question: Question) -> Found:
    match question.kind:
        case Thing.USER:
            return await flatfile.user(question.id)
        case Thing.GUEST:
            return await flatfile.guest(question.id)
        case Thing.AGENT:
            return await flatfile.agent(question.id, question.environment_id)
        case _:
            return await flatfile.space(question.id)


def _environment(connection: sqlite3.Connection, sequence: int) -> str:
    found = reading.entry(connection, sequence)
    environment = found.record["environment"] if found else None
    return environment["id"] if environment else ""
