"""Async tests run under anyio's plugin, in virtual time unless a module asks for the real one."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import structlog

from tests.support.loop import VirtualLoop

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


@pytest.fixture
def need() -> Any:
    """Give a real program by name, or say which is missing: a failure in CI, else a skip."""

    def find(program: str, hint: str) -> str:
        path = shutil.which(program)
        if path:
            return path
        message = f"{program} is not installed: {hint}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)  # said by name, and never in CI

    return find


@pytest.fixture(autouse=True)
def every_line() -> Iterator[None]:
    """Lines of every level can be captured, whatever a test before has configured."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)
