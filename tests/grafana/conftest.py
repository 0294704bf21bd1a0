"""One history for all tests that ask Prometheus, however many workers there are."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.grafana.asking import ALL, Asker
from tests.grafana.history import FIRST, SECOND, Span, blocks, environments, record, serving
from tests.grafana.story import SCRAPE
from tests.support.loop import VirtualLoop

Need = Callable[[str, str], str]
MINUTES = 75.0
HINT = "run tests/peers/install, or apt-get install prometheus"


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Span]:
    """Played once; the other workers wait for it."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder = folder / "dashboards"
    folder.mkdir(exist_ok=True)
    file, span = folder / "history.txt", folder / "span"
    with (folder / "lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not span.exists():
            _, found = record(folder, MINUTES)
            span.write_text(f"{found.start} {found.end}", encoding="utf-8")
    start, end = span.read_text(encoding="utf-8").split()
    return file, Span(float(start), float(end))


@dataclass(frozen=True)
class Stage:
    """The same history told by one exporter, and by two replicas."""

    one: Asker
    two: Asker
    names: dict[str, str]
    """Ids of the environments by name."""

    def at(self, share: float) -> Asker:
        """Of the one, as if it were that share of the story."""
        end = VirtualLoop.EPOCH + SCRAPE + round(share * MINUTES * 60)
        return replace(self.one, span=Span(self.one.span.start, end))

    @property
    def before(self) -> Asker:
        """Of the day before, when there was nothing."""
        day, span = 86_400, self.one.span
        return replace(self.one, span=Span(span.start - day, span.end - day))


def _program(name: str) -> str:
    """As the fixture ``need``, which is of a single test."""
    path = shutil.which(name)
    if path:
        return path
    message = f"{name} is not installed: {HINT}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """Real servers with the history; the environment that is chosen is the one that most happens to."""
    prometheus, promtool = (_program(name) for name in ("prometheus", "promtool"))
    file, span = request.getfixturevalue("history")
    with ExitStack() as servers:
        made = []
        for instances in ((FIRST,), (FIRST, SECOND)):
            folder = tmp_path_factory.mktemp("prometheus")
            database = blocks(promtool, file, folder, *instances)
            made.append(servers.enter_context(serving(prometheus, database, folder)))
        names = environments(made[0], span.end)
        chosen = {**ALL, "environment_id": names["development"], "runbooks": "https://x.example"}
        one, two = (Asker(server, span, chosen) for server in made)
        yield Stage(one, two, names)
