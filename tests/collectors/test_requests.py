"""How few questions a round takes, once it has been found out what the server can do."""

import pytest

from tests.benchmarks.requests import SERVERS, least, sent_by


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("environments", [10, 200])
async def test_a_later_round_takes_hardly_more_than_the_least(
    server: str, environments: int
) -> None:
    quirks = SERVERS[server]
    fewest = least(environments, account_wide=quirks["guests_account_wide"] == "allowed")
    sent = await sent_by(environments, quirks)
    assert sum(sent.values()) <= 1.05 * sum(fewest.values())
    # A listing of several pages looks at the first one again: it may have moved on meanwhile.
    assert all(sent[name] <= fewest[name] + 1 for name in fewest), sent
