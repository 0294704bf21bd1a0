"""The programs and schemas that judge what is deployed, and where they are kept."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

HINT = "tests/deploy/tools installs it"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "flatfile-exporter"

Need = Callable[[str, str], str]


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def cache() -> Path:
    """What the Makefile calls OPINIONS."""
    return _CACHE


@pytest.fixture
def tool(need: Need, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """A program by name, from the cache or the system: a failure in CI if missing, else a skip."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{_CACHE / 'bin'}")
    return lambda name: need(name, HINT)


@pytest.fixture
def schema() -> Callable[[str], Path]:
    """A published schema by the name of its file, on the same terms as a tool."""

    def find(name: str) -> Path:
        path = _CACHE / "schemas" / name
        if not path.is_file():
            missing(f"{name} is not there: {HINT}")
        return path

    return find


def missing(message: str) -> None:
    """Something real is not there: never passed over in CI."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
