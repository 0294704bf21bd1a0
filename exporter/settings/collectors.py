"""The settings of the collectors, and which environments they look at."""

import re
from collections.abc import Mapping
from typing import Annotated

from exporter.settings.durations import seconds
from exporter.settings.kinds import Lasting, Number, Switch
from exporter.settings.places import Patterns
from exporter.settings.section import Named, Section

Enabled = Annotated[bool, Switch(), Named("")]
Interval = Annotated[float, Lasting("1s", "7d")]

_LEAST_RETENTION = seconds("10m")


class Collector(Section):
    """One collector: whether it runs, and the seconds from the start of a round to the next."""

    enabled: Enabled
    interval: Interval


class Environments(Collector):
    enabled: Enabled = True
    """Collect environments. Nearly everything else hangs on them."""

    interval: Interval = seconds("1m")
    """Time between rounds. One request; an environment that vanishes should show at once."""


class Agents(Collector):
    enabled: Enabled = True
    """Collect the agents of each environment."""

    interval: Interval = seconds("1m")
    """Time between rounds. One request an environment; a lost agent is what people page on."""


class Spaces(Collector):
    enabled: Enabled = True
    """Collect the number of Spaces of each environment."""

    interval: Interval = seconds("5m")
    """Time between rounds. Listings grow with the account, and nobody acts on them in seconds."""

    info: Annotated[bool, Switch()] = False
    """Expose one `flatfile_space_info` series for each Space. Off: it grows with the account."""

    info_limit: Annotated[int, Number(1, 100_000)] = 1000
    """The most Spaces that `collector.spaces.info` exposes. Bounds what Prometheus must keep."""


class Users(Collector):
    enabled: Enabled = True
    """Collect the number of users. Never their names or addresses."""

    interval: Interval = seconds("5m")
    """Time between rounds. Staff comes and goes by the day."""


class Guests(Collector):
    enabled: Enabled = True
    """Collect the number of guests. Never their names or addresses."""

    interval: Interval = seconds("1h")
    """Time between rounds. It may take a request for each Space, spread over the interval."""


class EventFeed(Collector):
    enabled: Enabled = True
    """Follow the event feed and count each event once."""

    interval: Interval = seconds("30s")
    """Time between rounds. Short, so that a round reads a page or two."""


class Executions(Collector):
    enabled: Enabled = False
    """Collect agent executions. Off: a busy environment has many, at a request a page."""

    interval: Interval = seconds("1m")
    """Time between rounds. Executions are over in seconds; more often would cost without use."""


class Collectors(Section):
    """What is asked, and how often."""

    environments: Environments = Environments()
    agents: Agents = Agents()
    spaces: Spaces = Spaces()
    users: Users = Users()
    guests: Guests = Guests()
    events: EventFeed = EventFeed()
    executions: Executions = Executions()

    retain: Annotated[float | None, Lasting("1s", "30d")] = None
    """How old the last good value may grow after failures before it is dropped; at least two
    intervals. Unless set, three intervals and at least 10m: one bad round is no reason for a gap."""

    def by_name(self) -> Mapping[str, Collector]:
        """Every collector, on or off, by the name it has in flags and labels."""
        found = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {name: value for name, value in found if isinstance(value, Collector)}

    def retention(self, interval: float) -> float:
        """Seconds for which the last good value of a collector with this interval is served.

        Never less than two intervals, or a healthy collector would blink between its rounds.
        """
        if self.retain is None:
            return max(3 * interval, _LEAST_RETENTION)
        return max(self.retain, 2 * interval)


class EnvironmentFilter(Section):
    """Which environments are looked at; each pattern is searched for in the name and the id."""

    include: Annotated[tuple[re.Pattern[str], ...], Patterns()] = ()
    """Regular expression, found anywhere in the name or the id, of the environments to watch.
    Unless set, all of them. Anchor it with `^` and `$` to match the whole."""

    exclude: Annotated[tuple[re.Pattern[str], ...], Patterns()] = ()
    """Regular expression of the environments to leave out, even if they are included."""

    def admits(self, environment_id: str, name: str) -> bool:
        def found(patterns: tuple[re.Pattern[str], ...]) -> bool:
            return any(p.search(name) or p.search(environment_id) for p in patterns)

        return (not self.include or found(self.include)) and not found(self.exclude)


class Filter(Section):
    """Which part of the account is looked at."""

    environments: EnvironmentFilter = EnvironmentFilter()
