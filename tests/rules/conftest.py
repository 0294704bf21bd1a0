"""The programs that judge the rules."""

from collections.abc import Callable
from pathlib import Path

import pytest

Need = Callable[[str, str], str]


@pytest.fixture
def promtool(need: Need) -> str:
    return need("promtool", "apt-get install prometheus")


@pytest.fixture
def optional(need: Need) -> Callable[[str], str]:
    """A second opinion that `make test` installs where it can (tests/rules/second-opinions)."""
    return lambda name: need(name, "tests/rules/second-opinions installs it")


@pytest.fixture
def root() -> Path:
    return Path(__file__).parents[2]
