"""What collectors list is offered to whoever keeps it, if it is whole."""

from contextlib import suppress
from typing import Any

import pytest

from exporter.collectors import agents, environments, guests, users
from exporter.emulator import Fault
from exporter.errors import RoundError
from exporter.flatfile.models import Agent, Environment, Guest, Space, User
from tests.support.account import Bench, bench


def of(made: Bench, kind: type) -> list[frozenset[str]]:
    """The ids of each listing of that kind."""
    return [frozenset(t.id for t in w.things) for w in made.offered if w.kind is kind]


async def test_every_listing_that_is_whole_is_offered_with_what_it_is_of() -> None:
    async with bench() as made:
        for collector in (environments, agents, users, guests):
            await made.look(collector.COLLECTOR)
        account = made.emulator.world.account
        everywhere = frozenset(e.id for e in account.environments)
        assert of(made, Environment) == [everywhere]
        assert of(made, User) == [frozenset(u.id for u in account.users)]
        assert len(of(made, Guest)) == len(of(made, Space)) == 1
        by_environment = {
            next(iter(whole.environment_ids)): {agent.id for agent in whole.things}
            for whole in made.offered
            if whole.kind is Agent
        }
        assert by_environment.keys() == everywhere
        assert any(by_environment.values())
        (of_guests,) = [w.environment_ids for w in made.offered if w.kind is Guest]
        assert of_guests == everywhere


@pytest.mark.parametrize(
    ("route", "collector", "kind"),
    [
        ("/environments", environments, Environment),
        ("/users", users, User),
        ("/guests", guests, Guest),
        ("/agents", agents, Agent),
    ],
)
async def test_a_listing_that_failed_is_not_offered(route: str, collector: Any, kind: type) -> None:
    async with bench() as made:
        made.emulator.faults.add(Fault("status", route=route))
        with suppress(RoundError):
            await made.look(collector.COLLECTOR)
        assert of(made, kind) == []


async def test_agents_that_are_doubted_are_not_offered_as_gone() -> None:
    async with bench() as made:
        await made.look(agents.COLLECTOR)
        before = [w for w in made.offered if w.things]
        made.offered.clear()
        for environment in made.emulator.world.account.environments:
            made.emulator.world.delete_agents(environment.id)
        seen = await made.look(agents.COLLECTOR)
        doubted = seen.data.doubted
        assert before
        assert doubted
        assert not [w for w in made.offered if w.environment_ids & doubted]
