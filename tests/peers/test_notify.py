"""From an agent that is deleted to the notification that arrives, with the real programs.

Durations are shortened, the rules are the ones that are shipped.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from exporter.rules import Thresholds
from tests.peers.stack import Receiver, alertmanager, receiver, watching
from tests.support.processes import Account, Exporter, account, ask, eventually, exporter, free_port

pytestmark = pytest.mark.peers

LOST = "FlatfileEnvironmentAgentLost"
AFTER = 8  # seconds in place of ten minutes
QUICK = Thresholds(
    evaluation=1,
    lookback=4,
    lost_after=AFTER,
    mass_after=AFTER - 2,
    hold=600,
    unreachable_for=3,
    refused_for=1,
    down_for=3,
    stale_after=5,
)
FLAGS = (
    "--collector.agents.interval=1s",
    "--collector.environments.interval=1s",
    "--collector.retain=2m",
)


@dataclass
class Stack:
    emulated: Account
    told: Receiver
    prometheus: str
    folder: Path
    port: int
    running: ExitStack = field(default_factory=ExitStack)

    def start(self) -> Exporter:
        """The exporter on the port that Prometheus scrapes."""
        flags = (*FLAGS, f"--web.listen-address=127.0.0.1:{self.port}")
        return self.running.enter_context(exporter(self.folder, self.emulated, *flags))

    def stop(self) -> None:
        self.running.close()

    def knows(self, expression: str) -> bool:
        found = ask(f"{self.prometheus}/api/v1/query?query={expression}").json()
        return bool(found["data"]["result"])


@contextmanager
def _stack(need: Any, folder: Path) -> Iterator[Stack]:
    hint = "run tests/peers/install"
    port = free_port()
    with ExitStack() as stack:
        emulated = stack.enter_context(account(folder))
        told = stack.enter_context(receiver())
        alerts = stack.enter_context(
            alertmanager(
                need("prometheus-alertmanager", hint), folder, told.url, wait="1s", interval="1s"
            )
        )
        url = stack.enter_context(
            watching(need("prometheus", hint), folder, f"http://127.0.0.1:{port}", alerts, QUICK)
        )
        it = Stack(emulated, told, url, folder, port)
        stack.callback(it.stop)
        it.start()
        eventually(lambda: it.knows("flatfile_environment_agents"), 30)
        # The rules look back that far before they believe a loss.
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + AFTER + QUICK.lookback, 60)
        yield it


def test_a_lost_agent_is_told_once_and_so_is_its_return(need: Any, tmp_path: Path) -> None:
    with _stack(need, tmp_path) as it:
        home = it.emulated.named("staging")
        began = time.monotonic()
        it.emulated.do("environments/staging/agents/delete")
        eventually(lambda: it.told.of(LOST), 60)
        assert time.monotonic() - began >= AFTER - 1
        (one,) = it.told.of(LOST)
        assert one.labels["environment_id"] == home
        assert one.labels["severity"] == "critical"
        assert "staging" in one.annotations["description"]
        assert one.annotations["runbook_url"].endswith(f"/{LOST}.md")
        it.emulated.do("environments/staging/agents/restore")
        eventually(lambda: it.told.of(LOST, "resolved"), 60)
        assert [n.name for n in it.told.told] == [LOST, LOST]


def test_while_the_api_is_cut_only_the_cause_is_told_and_a_restart_changes_nothing(
    need: Any, tmp_path: Path
) -> None:
    with _stack(need, tmp_path) as it:
        it.emulated.do("faults", [{"kind": "status", "route": "*", "status": 503}])
        eventually(lambda: it.told.of("FlatfileAPIUnreachable"), 60)
        it.stop()
        it.start()
        began = time.monotonic()
        eventually(lambda: time.monotonic() > began + 2 * AFTER, 60)
        it.emulated.do("faults", method="DELETE")
        eventually(lambda: it.told.of("FlatfileAPIUnreachable", "resolved"), 90)
        assert it.told.of(LOST) == []
        assert {n.name for n in it.told.told} <= {"FlatfileAPIUnreachable", "FlatfileExporterDown"}
