"""GET of everything that is there: the account, environments, Spaces, agents, users, guests."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from exporter.emulator import pages
from exporter.emulator.account import Account
from exporter.emulator.calls import Answer, Call, Refusal
from exporter.emulator.quirks import Quirks
from exporter.emulator.shapes import Shapes
from exporter.emulator.things import Execution


@dataclass(frozen=True, slots=True)
class Desk:
    """What an answer is made from. `dice` are for orders that change with every request."""

    account: Account
    quirks: Quirks
    shapes: Shapes
    dice: Random
    now: float

    def known(self, environment_id: str) -> str:
        if environment_id not in self.account.environments:
            raise Refusal(404, "Environment not found")
        return environment_id


def account(desk: Desk, _call: Call) -> Answer:
    return Answer({"data": desk.shapes.account()})


def environments(desk: Desk, call: Call) -> Answer:
    listed = pages.ordered(list(desk.account.environments), desk.quirks, desk.dice)
    shape = desk.shapes.environment
    return Answer(pages.page(call, desk.quirks, "/environments", listed, shape, 10))


def environment(desk: Desk, _call: Call, id_: str) -> Answer:
    if id_ == "current":
        choice = desk.quirks.environments_current
        if choice != "first":
            raise Refusal(choice, "The token belongs to no environment")
        id_ = next((one.id for one in desk.account.environments), "")
    found = desk.account.environments.get(id_)
    if found is None:
        raise Refusal(404, "Environment not found")
    return Answer({"data": desk.shapes.environment(found)})


def spaces(desk: Desk, call: Call) -> Answer:
    quirks, environment_id = desk.quirks, call.query.get("environmentId", "")
    if environment_id and quirks.unknown_environment != "empty":
        desk.known(environment_id)
    shelf = desk.account.spaces
    every = shelf.of(environment_id) if environment_id else list(shelf)
    if app := call.query.get("app") or call.query.get("appId"):
        every = [space for space in every if space.app_id == app]
    archived = call.flag("archived")
    if archived is None:
        archived = quirks.spaces_default_archived
    if quirks.spaces_archived == "ignored":
        shown = every
    elif not archived:
        shown = [space for space in every if space.archived_at is None]
    elif quirks.spaces_archived == "only":
        shown = [space for space in every if space.archived_at is not None]
    else:
        shown = every
    listed = pages.ordered(shown, quirks, desk.dice)
    total = None if quirks.total_honours_archived else len(every)
    return Answer(pages.page(call, quirks, "/spaces", listed, desk.shapes.space, 10, total))


def space(desk: Desk, _call: Call, id_: str) -> Answer:
    found = desk.account.spaces.get(id_)
    if found is None:
        raise Refusal(404, "Space not found")
    return Answer({"data": desk.shapes.space(found)})


def agents(desk: Desk, call: Call) -> Answer:
    quirks = desk.quirks
    environment_id = desk.known(call.required("environmentId"))
    listed = desk.account.agents.of(environment_id)
    wanted = None if quirks.agents_system_filter_ignored else call.flag("isSystem")
    if wanted is not None:
        listed = [agent for agent in listed if agent.is_system == wanted]
    elif not quirks.agents_default_includes_system and not quirks.agents_system_filter_ignored:
        listed = [agent for agent in listed if not agent.is_system]
    order = pages.ordered(listed, quirks, desk.dice)
    answer = pages.page(call, quirks, "/agents", order, desk.shapes.agent, 20)
    if not answer["data"] and quirks.agents_data_when_empty == "null":
        answer["data"] = None
    elif not answer["data"] and quirks.agents_data_when_empty == "absent":
        del answer["data"]
    return Answer(answer)


def agent(desk: Desk, _call: Call, id_: str) -> Answer:
    found = desk.account.agents.get(id_)
    if found is None:
        raise Refusal(404, "Agent not found")
    return Answer({"data": desk.shapes.agent(found)})


def executions(desk: Desk, call: Call) -> Answer:
    shape = desk.shapes.execution
    return Answer(pages.page(call, desk.quirks, "/agents/executions", _ran(desk, call), shape, 20))


def logs(desk: Desk, call: Call) -> Answer:
    shape = desk.shapes.log
    return Answer(pages.page(call, desk.quirks, "/agents/logs", _ran(desk, call), shape, 20))


def _ran(desk: Desk, call: Call) -> Sequence[Execution]:
    """Newest first, as every log of the dashboard is; what still runs is not listed yet."""
    environment_id = desk.known(call.required("environmentId"))
    success, asked = call.flag("success"), call.query
    return [
        run
        for run in reversed(desk.account.history.executions(environment_id))
        if run.completed_at <= desk.now
        and (success is None or run.success == success)
        and asked.get("agentId", run.agent_id) == run.agent_id
        and asked.get("spaceId", run.space_id) == run.space_id
    ]


def users(desk: Desk, call: Call) -> Answer:
    listed = pages.ordered(list(desk.account.users), desk.quirks, desk.dice)
    if email := call.query.get("email"):
        listed = [user for user in listed if user.email == email]
    old = desk.quirks.users_ignore_paging
    if old != "no":
        part = listed if old == "whole" else listed[:20]
        return Answer({"data": [desk.shapes.user(one) for one in part]})
    return Answer(pages.page(call, desk.quirks, "/users", listed, desk.shapes.user, 20))


def user(desk: Desk, _call: Call, id_: str) -> Answer:
    found = desk.account.users.get(id_)
    if found is None:
        raise Refusal(404, "User not found")
    return Answer({"data": desk.shapes.user(found)})


def guests(desk: Desk, call: Call) -> Answer:
    """By Space, without pages; the documentation claims more, the contract does not (section 8)."""
    space_id, choice = call.query.get("spaceId"), desk.quirks.guests_account_wide
    if space_id:
        if space_id not in desk.account.spaces:
            raise Refusal(404, "Space not found")
        listed = desk.account.guests.of(space_id)
    elif choice == "allowed":
        listed = list(desk.account.guests)
    elif choice == "empty":
        listed = []
    else:
        raise Refusal(choice, "spaceId is required")
    if email := call.query.get("email"):
        listed = [guest for guest in listed if guest.email == email]
    order = pages.ordered(listed, desk.quirks, desk.dice)
    return Answer({"data": [desk.shapes.guest(one) for one in order]})


def guest(desk: Desk, _call: Call, id_: str) -> Answer:
    found = desk.account.guests.get(id_)
    if found is None:
        raise Refusal(404, "Guest not found")
    return Answer({"data": desk.shapes.guest(found)})
