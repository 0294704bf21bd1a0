"""What is in an environment, and what happens there."""

from grafana.source.looks import GREEN, RED, STATE, Look
from grafana.source.panels import Curve, Panel, Query, Text, graph, timeline
from grafana.source.promql import EACH, leading, milliseconds, most, of, rate, state
from grafana.source.promql import total as summed
from grafana.source.tables import Column, Rows, listing

HERE = f'{EACH}="$environment_id"'
UNSEEN = "Not listed yet, no such environment, or no exporter is scraped"
NO_EVENTS = "The collector of events is off or had no round yet, or no exporter is scraped"


def one(family: str, *matchers: str) -> str:
    return most(of(family, HERE, *matchers))


def history() -> Panel:
    text = Text(
        title="State over time",
        advice=(
            "Short gaps are redeploys. One that comes and goes has an agent that does not stay"
            " deployed: look at who deploys it."
        ),
        empty=UNSEEN,
        alerts=("FlatfileEnvironmentAgentFlapping",),
    )
    return timeline(text, STATE, Query(f"max({state(HERE)})", "state"))


def agents() -> Panel:
    slugs = f"topk by (agent_id) (1, {of('flatfile_agent_info', HERE)})"
    text = Text(
        title="Agents one by one",
        advice=(
            "Every agent, Flatfile's own included. One that was deployed when nobody meant to, or"
            " is missing: ask who deploys, and deploy again."
        ),
        empty="No agent right now; the state above says whether there ever was one",
        alerts=("FlatfileEnvironmentAgentLost",),
    )
    ago = Look(unit="dateTimeFromNow")
    return listing(
        text,
        Rows(
            key="agent_id",
            queries={
                "A": most(slugs, "agent_id", "slug", "compiler"),
                "B": milliseconds(most(
                    of("flatfile_agent_created_timestamp_seconds", HERE), "agent_id")),
                "C": milliseconds(most(
                    of("flatfile_agent_updated_timestamp_seconds", HERE), "agent_id")),
            },
            columns=(
                Column(of="slug", title="Slug"),
                Column(of="compiler", title="Compiler", width=90),
                Column(of="B", title="First deployed", look=ago, width=135),
                Column(of="C", title="Last deployed", look=ago, width=135),
                Column(of="agent_id", title="Id", width=170),
            ),
            sort="Last deployed",
        ),
    )  # fmt: skip


def spaces() -> Panel:
    text = Text(
        title="Spaces over time",
        advice=(
            "Active, archived, and expired by a retention policy. A steep fall of the active ones"
            " that nobody ordered: ask who archives, and what the policy says."
        ),
        empty=UNSEEN,
    )
    queries = [
        Query(one(f"flatfile_environment_{kind}spaces"), words)
        for kind, words in (("", "active"), ("archived_", "archived"), ("expired_", "expired"))
    ]
    return graph(text, Look(), *queries, curve=Curve(steps=True, legend=("max", "lastNotNull")))


def events() -> Panel:
    largest, rest = leading("flatfile_events_total", "topic", 9, HERE)
    text = Text(
        title="Events a minute by topic",
        advice=(
            "The nine topics with most events, and the rest. Silence at a time of work: is the"
            " agent there? Much more than usual: look for an agent whose own writes start it again."
        ),
        empty=NO_EVENTS,
        alerts=("FlatfileEventsStopped",),
    )
    curve = Curve(stacked=True, beside=True, axis="events a minute")
    return graph(text, Look(), Query(largest, "{{topic}}"), Query(rest, "all others"), curve=curve)


def jobs() -> Panel:
    text = Text(
        title="Jobs of late",
        advice=(
            "Jobs that failed and that were completed within the trailing window of events. Failures"
            " that rise while completions do not: read the log of the agent, and what was deployed"
            " before."
        ),
        empty=NO_EVENTS,
        alerts=("FlatfileJobsFailing",),
    )
    queries = [
        Query(one("flatfile_recent_events", f'topic="job:{how}"'), how)
        for how in ("failed", "completed")
    ]
    colours = {"failed": RED, "completed": GREEN}
    curve = Curve(axis="jobs", legend=("max", "lastNotNull"), colours=colours)
    return graph(text, Look(), *queries, curve=curve)


def guests() -> Panel:
    text = Text(
        title="Guests over time",
        advice=(
            "Each counted once, however many Spaces they are invited to; an hour old by default."
            " A rise that nobody expected: who invites, and may they?"
        ),
        empty="The collector of guests is off or had no round yet, or no exporter is scraped",
    )
    curve = Curve(steps=True, legend=("max", "lastNotNull"))
    return graph(text, Look(), Query(one("flatfile_environment_guests"), "guests"), curve=curve)


def executions() -> Panel:
    each = most(rate("flatfile_agent_executions_total", HERE), EACH, "topic", "result")
    text = Text(
        title="Agent executions a minute by result",
        advice=(
            "Runs of the agents of this environment. Failures: read the log of the agent. None while"
            " there are events: the agent does not listen to their topics."
        ),
        empty="The collector of executions is off by default; switch it on to see this",
        alerts=("FlatfileJobsFailing",),
    )
    colours = {"failure": RED, "success": GREEN}
    curve = Curve(stacked=True, axis="executions a minute", colours=colours)
    query = Query(f"60 * {summed(each, 'result')}", "{{result}}")
    return graph(text, Look(), query, curve=curve)
