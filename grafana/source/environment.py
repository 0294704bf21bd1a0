"""One environment: its agents, its Spaces, its guests, and what happens in it."""

from grafana.source import annotations, inside, variables
from grafana.source.frame import Band, Frame
from grafana.source.inside import HERE, NO_EVENTS, UNSEEN, one
from grafana.source.looks import COUNT, PLAIN_TEXT, STATE, Look
from grafana.source.panels import Panel, Query, Text, tile
from grafana.source.promql import AGENTS, EACH, SEEN, milliseconds, most, of, state
from grafana.source.promql import total as summed


def frame() -> Frame:
    return Frame(
        uid="flatfile-environment",
        title="Flatfile / Environment",
        description="One environment: agents, Spaces, guests and events.",
        variables=(variables.environment(),),
        marks=(
            annotations.alerts(f'{EACH}=~"|$environment_id"'),  # or about none at all
            annotations.deployed(HERE),
            annotations.lost(HERE),
        ),
        bands=(
            Band(4, ((4, _state()), (3, _number("Agents", AGENTS)), (4, _last_seen()),
                     (3, _number("Spaces", "flatfile_environment_spaces")),
                     (3, _number("Guests", "flatfile_environment_guests")),
                     (3, _recent()), (4, _last_event()))),
            Band(5, ((24, inside.history()),)),
            Band(8, ((14, inside.agents()), (10, inside.spaces()))),
            Band(9, ((16, inside.events()), (8, inside.jobs()))),
            Band(7, ((12, inside.guests()), (12, inside.executions()))),
        ),
    )  # fmt: skip


def _state() -> Panel:
    text = Text(
        title="State",
        advice=(
            "Lost its agent: nothing handles the events of this environment, imports silently"
            " stop. Deploy the agent again. Never had one: nobody ever deployed one, which may be"
            " as it should."
        ),
        empty=UNSEEN,
        alerts=("FlatfileEnvironmentAgentLost",),
    )
    return tile(text, STATE, Query(f"max({state(HERE)})"), coloured=True)


def _number(title: str, family: str) -> Panel:
    text = Text(
        title=title,
        advice=f"{title} right now. A fall that nobody ordered: see the course over time below.",
        empty=UNSEEN,
    )
    return tile(text, COUNT, Query(one(family)))


def _last_seen() -> Panel:
    text = Text(
        title="Last seen with an agent",
        advice=(
            "When this environment was last seen to have an agent; kept over restarts of the"
            " exporter. Long ago: since then nothing handles its events."
        ),
        empty=UNSEEN,
        alerts=("FlatfileEnvironmentAgentLost",),
    )
    look = Look(unit="dateTimeFromNow", words={0: ("never", PLAIN_TEXT)})
    return tile(text, look, Query(milliseconds(one(SEEN))))


def _recent() -> Panel:
    text = Text(
        title="Events of late",
        advice=(
            "Events within the trailing window (events.window, one hour by default). None at a time"
            " of work: does anybody work there, and is the collector of events well?"
        ),
        empty=NO_EVENTS,
        alerts=("FlatfileEventsStopped",),
    )
    expr = summed(most(of("flatfile_recent_events", HERE), "topic"))
    return tile(text, COUNT, Query(expr))


def _last_event() -> Panel:
    text = Text(
        title="Newest event",
        advice="When anything last happened here. Long ago at a time of work: is it still used?",
        empty="No event within what was read, or the collector of events is off",
        alerts=("FlatfileEventsStopped",),
    )
    expr = milliseconds(one("flatfile_environment_last_event_timestamp_seconds"))
    return tile(text, Look(unit="dateTimeFromNow"), Query(expr))
