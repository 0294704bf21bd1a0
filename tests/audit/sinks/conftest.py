"""Real servers, once for all tests of this folder."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.audit.sinks.postgres import BINARIES, HINT, Server, server


@pytest.fixture(scope="session")
def _servers() -> Iterator[tuple[ExitStack, list[Server]]]:
    with ExitStack() as stack:
        yield stack, []


@pytest.fixture
def postgres(need: Any, _servers: tuple[ExitStack, list[Server]]) -> Server:
    """A PostgreSQL that runs; made when it is first asked for."""
    need(str(BINARIES / "postgres"), HINT)
    stack, made = _servers
    if not made:
        made.append(stack.enter_context(server()))
    made[0].start()
    return made[0]
