"""Is this the password? Answered off the loop, one at a time, and the same for users unknown.

A check costs a tenth of a second and more, by design. Hence:

* In a thread of its own for each, and only one at a time: guessing must not take the processor, or
  the threads that pages are rendered in. Daemon threads, for the stop must not wait for one.
* Those who ask the same at the same time share one check, and only so many different ones wait.
* Answers are remembered, those that were right apart from those that were wrong: guessing must not
  push out what a scraper has proved. What is remembered is a keyed hash; nothing can be read from
  it, and its parts are told apart by their lengths (CVE-2022-46146 was about parts that were not).
* For a user who does not exist, a hash is checked that nothing matches, at the cost of a user who
  does: always the same one's for the same name, so that its time says nothing.
"""

import asyncio
import hashlib
import secrets
import threading
from collections.abc import Mapping
from concurrent.futures import Future

import bcrypt

REMEMBERED = 100
"""Answers of each kind, like the toolkit's cache."""

WAITING = 64
"""Different checks that may wait: at a tenth of a second each already the patience of a scraper."""

_LONGEST = 72  # bytes of a password that bcrypt looks at; Go's and Apache's ignore the rest as well


class Overloaded(Exception):
    """More passwords are waiting to be checked than ever will be in time."""


class Passwords:
    """Users come with each question, so that a changed file counts at once."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)
        self._right: dict[bytes, None] = {}
        self._wrong: dict[bytes, None] = {}
        self._checks: dict[bytes, asyncio.Task[bool]] = {}
        self._turn = asyncio.Lock()
        self._decoys: dict[bytes, bytes] = {}

    async def match(self, users: Mapping[bytes, bytes], user: bytes, password: bytes) -> bool:
        """``users`` are bcrypt hashes by name, at least one. Raises Overloaded."""
        known = users.get(user)
        hashed = self._decoy(users, user) if known is None else known
        offered = password[:_LONGEST]
        question = self._digest(user, hashed, offered)
        if question in self._right or question in self._wrong:
            return known is not None and question in self._right
        if question not in self._checks:
            if len(self._checks) >= WAITING:
                raise Overloaded
            check = asyncio.create_task(self._check(question, hashed, offered), name="password")
            self._checks[question] = check
        # Whoever asks may go away; the others still wait for the answer.
        matches = await asyncio.shield(self._checks[question])
        return known is not None and matches

    async def _check(self, question: bytes, hashed: bytes, password: bytes) -> bool:
        try:
            async with self._turn:
                matches = await _in_thread(password, hashed)
        finally:
            del self._checks[question]
        remembered = self._right if matches else self._wrong
        if len(remembered) >= REMEMBERED:
            del remembered[next(iter(remembered))]
        remembered[question] = None
        return matches

    def _decoy(self, users: Mapping[bytes, bytes], user: bytes) -> bytes:
        models = sorted(users.values())
        model = models[int.from_bytes(self._digest(user)[:8], "big") % len(models)]
        cost = model[4:6]
        if cost not in self._decoys:
            self._decoys[cost] = bcrypt.gensalt(int(cost)) + b"." * 31
        return self._decoys[cost]

    def _digest(self, *parts: bytes) -> bytes:
        whole = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hashlib.blake2b(whole, key=self._secret, digest_size=32).digest()


async def _in_thread(password: bytes, hashed: bytes) -> bool:
    loop = asyncio.get_running_loop()
    answer: Future[bool] = Future()

    def check() -> None:
        try:
            answer.set_result(bcrypt.checkpw(password, hashed))
        except Exception as error:  # noqa: BLE001 - for whoever waits, and not for this thread
            answer.set_exception(error)

    threading.Thread(target=check, name="password", daemon=True).start()
    return await asyncio.wrap_future(answer, loop=loop)
