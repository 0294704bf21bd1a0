"""Asking who somebody is: seldom, never for long, and remembered."""

import asyncio
from collections.abc import Iterable

from exporter.audit import people, resolving, unknown
from exporter.audit.changes import learn_users
from exporter.audit.knowledge.asked import FAILED, MISSING, TROUBLED
from exporter.audit.knowledge.versions import Thing
from exporter.audit.record import Draft, Kind
from exporter.audit.resolving import Answer
from exporter.audit.store import chain
from exporter.audit.unknown import Question
from exporter.emulator import Fault
from exporter.flatfile.raw import RawEvent
from tests.audit.known import (
    AGENT,
    ENV,
    GUEST,
    NOW,
    SPACE,
    USER,
    Log,
    agent,
    event,
    guest,
    space,
    transaction,
    user,
)
from tests.support.account import STILL, Bench, bench

LONG = 40 * 86_400.0


def _questions(
    log: Log, *batch: RawEvent, now: float = NOW, limit: int = 10
) -> list[tuple[str, str]]:
    found = unknown.questions(log.connection, batch, now=now, limit=limit, memory=log.memory)
    return [(question.kind.value, question.id) for question in found]


def _learn(log: Log, *answers: Answer, now: float = NOW) -> None:
    with transaction(log.connection):
        resolving.learn(log.connection, answers, now=now, keep_plain=True)


def _amend(log: Log, now: float = NOW) -> list[Draft]:
    with transaction(log.connection):
        made = resolving.amendments(log.connection, now=now, memory=log.memory)
        chain.append(log.connection, made, now=now)
    return made


def _about(kind: Thing, id_: str) -> Question:
    return Question(kind=kind, id=id_, environment_id=ENV)


# What is asked --------------------------------------------------------------------------------


def test_unknown_actors_and_spaces_of_a_batch_are_asked_for_once_each() -> None:
    log = Log()
    batch = [event(actor_id=id_, space_id=SPACE) for id_ in (USER, GUEST, AGENT, USER)]
    assert _questions(log, *batch) == [
        ("space", SPACE),
        ("user", USER),
        ("guest", GUEST),
        ("agent", AGENT),
    ]


def test_an_agent_is_asked_for_in_the_environment_that_one_of_its_events_names() -> None:
    log = Log()
    batch = [event(actor_id=AGENT, environment_id=None), event(actor_id=AGENT)]
    (question,) = unknown.questions(log.connection, batch, now=NOW, limit=10, memory=log.memory)
    assert question == _about(Thing.AGENT, AGENT)


def test_what_is_no_id_keeps_nobody_else_from_being_asked_for() -> None:
    raw = {"context": {"actorId": {}, "spaceId": SPACE}}
    odd = RawEvent(id="odd", topic="odd", created_at=NOW, raw=raw)
    assert _questions(Log(), odd, event(actor_id=USER)) == [("space", SPACE), ("user", USER)]


def test_no_more_are_asked_for_than_the_limit_allows() -> None:
    batch = [event(actor_id=f"us_usr_{n:08d}") for n in range(20)]
    assert len(_questions(Log(), *batch, limit=7)) == 7


def test_who_cannot_be_asked_for_is_not() -> None:
    batch = [
        event(actor_id="us_key_a"),
        event(actor_id="us_pat_a"),
        event(actor_id="system"),
        event(actor_id=AGENT, environment_id=None),  # agents are asked for by environment
        event(),
        RawEvent(id="odd", topic="odd", created_at=NOW, raw={"context": ["no mapping"]}),
        RawEvent(id="odder", topic="odd", created_at=NOW, raw={"context": {"actorId": {}}}),
    ]
    assert _questions(Log(), *batch) == []


def test_who_is_known_is_not_asked_for() -> None:
    log = Log()
    _learn(
        log,
        Answer(question=_about(Thing.USER, USER), found=user()),
        Answer(question=_about(Thing.GUEST, GUEST), found=guest()),
        Answer(question=_about(Thing.AGENT, AGENT), found=agent()),
        Answer(question=_about(Thing.SPACE, SPACE), found=space("Orders")),
    )
    assert _questions(log, *(event(actor_id=i, space_id=SPACE) for i in (USER, GUEST, AGENT))) == []
    (draft,) = log.drafts(event(actor_id=GUEST, space_id=SPACE))
    assert draft.fields["actor"]["basis"] == "lookup"
    assert draft.fields["space"]["name"] == "Orders"


def test_who_was_not_found_is_asked_for_again_after_pauses_that_grow_to_a_month() -> None:
    log = Log()
    now = NOW
    for pause in (*MISSING, MISSING[-1]):
        _learn(log, Answer(question=_about(Thing.USER, USER), missing=True), now=now)
        assert _questions(log, event(actor_id=USER), now=now + pause - 1) == []
        now += pause
        assert _questions(log, event(actor_id=USER), now=now) == [("user", USER)]
    assert MISSING[-1] >= 30 * 86_400


def test_a_question_that_failed_is_asked_again_soon_and_the_others_meanwhile() -> None:
    log = Log()
    _learn(log, Answer(question=_about(Thing.USER, USER)))
    assert _questions(log, event(actor_id=USER), event(actor_id=GUEST), now=NOW + 1) == [
        ("guest", GUEST)
    ]
    assert _questions(log, event(actor_id=USER), now=NOW + FAILED[0]) == [("user", USER)]


def test_while_the_api_is_in_trouble_nobody_is_asked_for() -> None:
    log = Log()
    log.drafts(event(actor_id=GUEST))
    _learn(log, Answer(question=_about(Thing.USER, USER), trouble=True))
    assert _questions(log, event(actor_id=AGENT), now=NOW + TROUBLED[0] - 1) == []
    leftovers = resolving.leftovers(log.connection, now=NOW + TROUBLED[0] - 1, limit=5)
    assert leftovers == []
    later = NOW + TROUBLED[0]
    assert _questions(log, event(actor_id=AGENT), now=later) == [("agent", AGENT)]
    _learn(log, Answer(question=_about(Thing.AGENT, AGENT), found=agent()), now=later)
    assert _questions(log, event(actor_id="us_usr_b"), now=later) == [("user", "us_usr_b")]


def test_records_that_stand_are_asked_about_later_agents_where_they_acted() -> None:
    log = Log()
    log.drafts(event(actor_id=USER), event(actor_id=AGENT), event(actor_id="us_key_a"))
    found = resolving.leftovers(log.connection, now=NOW, limit=5)
    assert found == [_about(Thing.AGENT, AGENT), Question(kind=Thing.USER, id=USER)]
    assert len(resolving.leftovers(log.connection, now=NOW, limit=1)) == 1
    _learn(log, Answer(question=_about(Thing.USER, USER), missing=True))
    assert resolving.leftovers(log.connection, now=NOW + 1, limit=5) == found[:1]


def test_an_agent_that_acted_nowhere_is_not_asked_for_for_ever() -> None:
    log = Log()
    log.drafts(event(actor_id=AGENT, environment_id=None))
    assert resolving.leftovers(log.connection, now=NOW, limit=5) == []
    (again,) = log.connection.execute("SELECT again FROM asked").fetchone()
    assert again > NOW


# Amendments -----------------------------------------------------------------------------------


def test_whoever_becomes_known_is_amended_once_and_no_record_is_touched() -> None:
    log = Log()
    log.drafts(*(event(actor_id=USER) for _ in range(3)), event(actor_id="us_key_a"))
    before = log.connection.execute("SELECT body FROM record").fetchall()
    assert _amend(log) == []
    _learn(log, Answer(question=_about(Thing.USER, USER), found=user(updated=NOW - 1)))
    (made,) = _amend(log, NOW + 5)
    assert (made.kind, made.topic, made.at) == (Kind.AMENDMENT, "audit:amendment", NOW + 5)
    assert made.uid == f"amendment/{USER}/1-3"
    detail = made.fields["detail"]
    assert (detail["first"], detail["last"], detail["records"]) == (1, 3, 3)
    assert people.plain(log.connection, [detail["actor"]["name"]])[detail["actor"]["name"]] == "Ada"
    assert (detail["actor"]["basis"], detail["actor"]["then"]) == ("lookup", True)
    assert _amend(log) == []
    assert log.connection.execute("SELECT body FROM record LIMIT 4").fetchall() == before


def test_a_listing_resolves_as_well_as_a_lookup_does() -> None:
    log = Log()
    log.drafts(event(actor_id=USER, at=NOW))
    with transaction(log.connection):
        learn_users(log.connection, [user()], NOW + 60, keep_plain=True)
    (made,) = _amend(log, NOW + 60)
    assert made.fields["detail"]["actor"]["basis"] == "listing"
    assert made.fields["detail"]["actor"]["then"] is False


def test_records_after_the_amendment_need_none() -> None:
    log = Log()
    log.drafts(event(actor_id=USER))
    _learn(log, Answer(question=_about(Thing.USER, USER), found=user()))
    _amend(log)
    (draft,) = log.drafts(event(actor_id=USER, at=NOW + 1))
    assert draft.unresolved is None
    assert _amend(log) == []


# The asking itself ----------------------------------------------------------------------------


async def _ask(
    account: Bench, asked: Iterable[Question], *, seconds: float = 5.0, workers: int = 2
) -> list[Answer]:
    flatfile = account.session.flatfile
    return await resolving.ask(flatfile, list(asked), seconds=seconds, workers=workers)


async def test_each_kind_of_thing_is_found_by_its_id() -> None:
    async with bench(STILL) as account:
        world = account.emulator.world.account
        one_agent, one_guest = next(iter(world.agents)), next(iter(world.guests))
        asked = [
            Question(kind=Thing.USER, id=next(iter(world.users)).id),
            Question(kind=Thing.GUEST, id=one_guest.id),
            Question(kind=Thing.AGENT, id=one_agent.id, environment_id=one_agent.environment_id),
            Question(kind=Thing.SPACE, id=next(iter(world.spaces)).id),
            Question(kind=Thing.USER, id="us_usr_00000000"),
            Question(kind=Thing.GUEST, id="us_g_x/token"),
        ]
        answers = await _ask(account, asked)
        log = Log()
        _learn(log, *answers)
        answered = {a.question.id: (a.found is not None, a.missing) for a in answers}
        assert [answered[question.id] for question in asked] == [(True, False)] * 4 + [
            (False, True)
        ] * 2
        assert not any("token" in request.path for request in account.emulator.requests)
        (draft,) = log.drafts(event(actor_id=one_guest.id))
        name = draft.fields["actor"]["name"]
        assert people.plain(log.connection, [name])[name] == one_guest.name


async def test_no_more_time_is_spent_than_was_given() -> None:
    async with bench(STILL) as account:
        account.emulator.faults.add(Fault("hang", "/users/*"))
        begun = asyncio.get_running_loop().time()
        asked = [Question(kind=Thing.USER, id=f"us_usr_{n:08d}") for n in range(50)]
        answers = await _ask(account, asked, seconds=3.0)
        assert asyncio.get_running_loop().time() - begun == 3.0
        assert [answer.trouble for answer in answers] == [True]


async def test_time_that_ran_out_while_there_were_answers_is_no_trouble() -> None:
    async with bench(STILL) as account:
        account.emulator.faults.add(Fault("latency", "/users/*", delay=1.0))
        asked = [Question(kind=Thing.USER, id=f"us_usr_{n:08d}") for n in range(50)]
        answers = await _ask(account, asked, seconds=3.5)
        assert len(answers) == 6
        assert not any(answer.trouble for answer in answers)


async def test_a_server_in_trouble_is_not_asked_for_fifty_things() -> None:
    async with bench(STILL) as account:
        account.emulator.faults.add(Fault("status", "/users/*", status=503))
        asked = [Question(kind=Thing.USER, id=f"us_usr_{n:08d}") for n in range(50)]
        answers = await _ask(account, asked, seconds=600.0)
        assert 1 <= len(answers) <= 2
        assert any(answer.trouble for answer in answers)


async def test_an_answer_that_makes_no_sense_fails_only_itself() -> None:
    async with bench(STILL) as account:
        known = next(iter(account.emulator.world.account.users))
        account.emulator.faults.add(Fault("html", f"/users/{known.id}"))
        asked = [
            Question(kind=Thing.USER, id=known.id),
            Question(kind=Thing.SPACE, id=next(iter(account.emulator.world.account.spaces)).id),
        ]
        answers = await _ask(account, asked, workers=1)
        assert [(a.found is not None, a.missing, a.trouble) for a in answers] == [
            (False, False, False),
            (True, False, False),
        ]


async def test_nothing_to_ask_asks_nothing() -> None:
    async with bench(STILL) as account:
        assert await _ask(account, []) == []
        assert not account.emulator.requests
