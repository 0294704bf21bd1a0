"""What the daemon costs the API, as the server sees it."""

from collections import Counter
from pathlib import Path

import pytest

from tests.support.processes import SMALL, account, eventually, exporter, quick

pytestmark = pytest.mark.peers


def test_a_round_of_executions_reads_the_pages_of_the_window_and_not_the_whole_history(
    tmp_path: Path,
) -> None:
    flags = (*quick("environments"), "--collector.executions", "--events.window=5m")
    with (
        account(tmp_path, *SMALL, "--events-per-minute=60", "--rare=0") as emulated,
        exporter(tmp_path, emulated, *flags) as daemon,
    ):
        name = "flatfile_agent_executions_total"
        eventually(lambda: daemon.series()[name])
        counted = Counter(dict(labels)["environment_id"] for labels in daemon.series()[name])
        asked = Counter(
            r["query"]["environmentId"]
            for r in emulated.requests()
            if r["path"] == "/agents/executions"
        )
        assert counted
        # Some hundred executions at most lie in five minutes: one page, and one to be sure.
        for home in asked:
            ran = daemon.series().total(name, environment_id=home)
            assert asked[home] <= ran // 100 + 3, f"{asked[home]} pages for {ran:g} executions"


def test_a_still_account_is_asked_a_page_or_two_for_each_round_and_logged_in_to_once(
    tmp_path: Path,
) -> None:
    flags = quick("environments", "agents", "events")
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *flags) as daemon:

        def rounds(collector: str) -> float:
            name = "flatfile_collector_rounds_total"
            return daemon.series().value(name, collector=collector) or 0

        eventually(lambda: min(rounds("environments"), rounds("agents"), rounds("events")) >= 4)
        asked = Counter(r["path"] for r in emulated.requests())
        most = max(rounds("environments"), rounds("agents"), rounds("events")) + 1
        assert asked["/auth"] == emulated.truth()["tokens_minted"] == 1
        assert asked["/accounts/current"] == 1
        assert asked["/agents"] <= most * 5 * 2
        assert emulated.truth()["dangerous_calls"] == []
