"""The programs that judge the rules."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Need = Callable[[str, str], str]


@pytest.fixture
def promtool(need: Need) -> str:
    return need("promtool", "apt-get install prometheus")


@pytest.fixture
def optional() -> Callable[[str], str]:
    """A program by name, or by ``FLATFILE_TEST_<NAME>``; without it the test is skipped."""

    def find(name: str) -> str:
        path = os.environ.get(f"FLATFILE_TEST_{name.upper()}") or shutil.which(name)
        if not path:
            pytest.skip(f"{name} is not here; it is a second opinion only")
        return path

    return find


@pytest.fixture
def root() -> Path:
    return Path(__file__).parents[2]
