"""The table of environments: those that lost their agent first, so that no limit hides them."""

from collections.abc import Iterator

from exporter.web.markup import Markup, element, joined, row, table
from exporter.web.status import EnvironmentStatus, Status
from exporter.web.times import when
from exporter.web.words import UNKNOWN, count

ROWS = 200
"""Shown at most: nobody reads more, and a page of all of a large account is no page for a phone."""


def environments(status: Status) -> Iterator[Markup]:
    known = status.environments
    if known is None:
        yield element("p", "Not listed yet.", class_="wait")
        return
    if not known:
        yield element("p", "The account has no environment.")
        return
    shown = sorted(known, key=_rank)[:ROWS]
    head = (
        "Name", "Agents", "Last seen with an agent", "Production", "System agents",
        "Spaces active, archived, expired", "Guests", "Id",
    )  # fmt: skip
    rows = (_row(each, status.now) for each in shown)
    yield table(f"{count(len(known), 'environment')} in the account", head, rows)
    if len(known) > len(shown):
        more = count(len(known) - len(shown), "more environment")
        yield element("p", f"{more} not shown here; all are on {status.telemetry_path}.")


def _rank(environment: EnvironmentStatus) -> tuple[bool, bool, str, str]:
    return (
        not environment.lost_its_agent,
        not environment.production,
        environment.name.casefold(),
        environment.id,
    )


def _row(environment: EnvironmentStatus, now: float) -> Markup:
    spaces = (
        environment.spaces,
        environment.archived_spaces,
        environment.expired_spaces,
    )
    return row(
        environment.name or UNKNOWN,
        _agents(environment),  # beside the name, where a phone shows it
        when(environment.agent_last_seen, now, "never, as far as is known"),
        "yes" if environment.production else "no",
        _known(environment.system_agents),
        UNKNOWN if spaces == (None, None, None) else ", ".join(map(_known, spaces)),
        _known(environment.guests),
        element("code", environment.id),
        class_="alarm" if environment.lost_its_agent else "",
    )


def _agents(environment: EnvironmentStatus) -> Markup:
    number = _known(environment.agents)
    if environment.lost_its_agent:
        return element("strong", f"{number}: lost its agent", class_="bad")
    if environment.maintenance:
        return joined((number, " (maintenance)"))
    return joined((number,))


def _known(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"
