"""Passwords are checked with real bcrypt at its least cost, in real time where it matters."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from exporter.web.guard.passwords import REMEMBERED, WAITING, Overloaded, Passwords

FAST = bcrypt.hashpw(b"right", bcrypt.gensalt(4))
USERS = {b"alice": FAST}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def remembered(question: Coroutine[Any, Any, bool]) -> bool | None:
    """The answer, if it takes no waiting."""
    try:
        question.send(None)
    except StopIteration as answer:
        return bool(answer.value)
    question.close()
    return None


async def test_only_the_right_password_of_a_user_who_exists_matches() -> None:
    checker = Passwords()
    for _ in range(2):  # cold, and as remembered
        assert await checker.match(USERS, b"alice", b"right")
        for user, password in (
            (b"alice", b"wrong"),
            (b"alice", b""),
            (b"", b"right"),
            (b"bob", b"right"),
            (b"Alice", b"right"),
        ):
            assert not await checker.match(USERS, user, password)


@pytest.mark.parametrize("version", [b"2a", b"2b", b"2y"])
async def test_hashes_of_every_tool_match(version: bytes) -> None:
    users = {b"alice": FAST.replace(b"2b", version, 1)}
    assert await Passwords().match(users, b"alice", b"right")
    assert not await Passwords().match(users, b"alice", b"wrong")


async def test_what_is_beyond_the_72_bytes_of_bcrypt_is_ignored_as_it_is_by_go() -> None:
    users = {b"alice": bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4))}
    checker = Passwords()
    assert await checker.match(users, b"alice", b"x" * 72)
    assert await checker.match(users, b"alice", b"x" * 5000)
    assert not await checker.match(users, b"alice", b"x" * 71)
    assert not await checker.match(users, b"alice", b"right\0" * 9)


async def test_an_answer_is_remembered_for_as_long_as_the_hash_is_the_same() -> None:
    checker = Passwords()
    for user, password, expected in (
        (b"alice", b"right", True),
        (b"alice", b"wrong", False),
        (b"bob", b"right", False),
    ):
        assert await checker.match(USERS, user, password) is expected
        assert remembered(checker.match(USERS, user, password)) is expected
    changed = {b"alice": bcrypt.hashpw(b"other", bcrypt.gensalt(4))}
    assert not await checker.match(changed, b"alice", b"right")
    assert await checker.match(changed, b"alice", b"other")
    assert not await checker.match({b"bob": FAST}, b"alice", b"right")


async def test_parts_of_a_question_cannot_be_shifted_into_one_another() -> None:
    """CVE-2022-46146: an answer about one user and password served for another."""
    checker = Passwords()
    assert not await checker.match(USERS, b"alice" + FAST, b"x")
    assert not await checker.match(USERS, b"alice", FAST + b"x")
    assert await checker.match(USERS, b"alice", b"right")
    assert not await checker.match(USERS, b"alicer", b"ight")
    assert not await checker.match(USERS, b"alic", b"eright")
    assert checker._digest(b"a", b"bc") != checker._digest(b"ab", b"c")


async def test_wrong_passwords_do_not_push_out_the_right_one() -> None:
    checker = Passwords()
    assert await checker.match(USERS, b"alice", b"right")
    for guess in range(REMEMBERED + 20):
        assert not await checker.match(USERS, b"alice", b"%d" % guess)
    assert remembered(checker.match(USERS, b"alice", b"right"))
    assert len(checker._wrong) == REMEMBERED


async def test_a_user_who_does_not_exist_takes_as_long_as_one_who_does() -> None:
    users = {b"alice": bcrypt.hashpw(b"right", bcrypt.gensalt(8))}
    checker = Passwords()
    taken: dict[bytes, list[float]] = {b"alice": [], b"nobody": []}
    for attempt in range(15):
        for user, times in taken.items():
            began = time.perf_counter()
            assert not await checker.match(users, user, b"%d" % attempt)
            times.append(time.perf_counter() - began)
    known, unknown = (statistics.median(times) for times in taken.values())
    assert 0.5 < known / unknown < 2


async def test_an_unknown_user_costs_what_one_of_the_known_costs_and_always_the_same() -> None:
    users = {
        b"cheap": b"$2b$04$" + b"." * 53,
        b"dear": b"$2b$12$" + b"." * 53,
    }
    checker = Passwords()
    costs = {
        user: {checker._decoy(users, user)[4:6] for _ in range(3)}
        for user in (b"%d" % number for number in range(64))
    }
    assert all(len(each) == 1 for each in costs.values())
    assert set.union(*costs.values()) == {b"04", b"12"}


async def test_the_loop_turns_while_a_password_is_checked() -> None:
    users = {b"alice": bcrypt.hashpw(b"right", bcrypt.gensalt(4)).replace(b"$04$", b"$12$")}
    check = asyncio.create_task(Passwords().match(users, b"alice", b"right"))
    began = last = time.perf_counter()
    worst = 0.0
    while not check.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        worst, last = max(worst, now - last), now
    assert worst < (time.perf_counter() - began) / 2


async def test_the_same_question_of_many_is_asked_once() -> None:
    users = {b"alice": bcrypt.hashpw(b"right", bcrypt.gensalt(9))}
    began = time.perf_counter()
    await Passwords().match(users, b"alice", b"right")
    one = time.perf_counter() - began
    checker, began = Passwords(), time.perf_counter()
    right = [checker.match(users, b"alice", b"right") for _ in range(150)]
    wrong = [checker.match(users, b"alice", b"wrong") for _ in range(150)]
    found = await asyncio.gather(*right, *wrong)
    assert found == [True] * 150 + [False] * 150
    assert time.perf_counter() - began < 20 * one


async def test_only_so_many_wait_and_who_is_known_already_is_not_among_them() -> None:
    checker = Passwords()
    assert await checker.match(USERS, b"alice", b"right")
    guesses = [
        asyncio.create_task(checker.match(USERS, b"alice", b"%d" % guess))
        for guess in range(WAITING + 10)
    ]
    await asyncio.sleep(0)
    assert await checker.match(USERS, b"alice", b"right")
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert sum(isinstance(one, Overloaded) for one in found) == 10
    assert found.count(False) == WAITING
    assert not await checker.match(USERS, b"alice", b"one more")


async def test_who_asked_and_went_away_does_not_take_the_answer_from_others() -> None:
    checker = Passwords()
    gone = asyncio.create_task(checker.match(USERS, b"alice", b"right"))
    stays = asyncio.create_task(checker.match(USERS, b"alice", b"right"))
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays
    assert gone.cancelled()


async def test_an_error_in_the_thread_comes_to_those_who_wait_and_nobody_is_stuck() -> None:
    checker, broken = Passwords(), {b"alice": b"$2b$04$" + b"z" * 53}
    for _ in range(2):
        with pytest.raises(ValueError, match="salt"):
            await checker.match(broken, b"alice", b"right")
    assert await checker.match(USERS, b"alice", b"right")
    assert not checker._checks


LEAVING = """
import asyncio
import os
from exporter.web.guard.passwords import Passwords
async def main():
    asyncio.create_task(Passwords().match({b"alice": b"$2b$18$" + b"." * 53}, b"alice", b"x"))
    await asyncio.sleep(0.2)
    print("leaves")
asyncio.run(main())
"""


def test_the_stop_does_not_wait_for_a_check_of_many_seconds() -> None:
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        [sys.executable, "-c", LEAVING],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "leaves\n", "")
