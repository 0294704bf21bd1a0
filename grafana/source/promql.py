"""The sentences of PromQL that the panels are put together from.

Replicas of the exporter share a ``job`` and tell the same of the account, each as an ``instance``
of its own. What is said of the account is therefore a maximum over the instances, never a sum; a
sum stands outside of such a maximum.
"""

SCOPE = 'job=~"$job", instance=~"$instance"'
"""On every selector: the variables of the dashboard."""

INFO = "flatfile_environment_info"
AGENTS = "flatfile_environment_agents"
SEEN = "flatfile_environment_agent_last_seen_timestamp_seconds"
MAINTENANCE = "flatfile_environment_maintenance"
EACH = "environment_id"


def of(family: str, *matchers: str) -> str:
    """The series of a family that the variables choose."""
    return f"{family}{{{', '.join((SCOPE, *matchers))}}}"


def most(expr: str, *by: str) -> str:
    """The largest over the replicas, for each value of some labels."""
    return f"max by ({', '.join(by)}) ({expr})" if by else f"max({expr})"


def least(expr: str, *by: str) -> str:
    return f"min by ({', '.join(by)}) ({expr})" if by else f"min({expr})"


def total(expr: str, *by: str) -> str:
    """A sum. ``expr`` must be over the replicas already."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def newest(family: str, *by: str) -> str:
    """As the replica says that sees most of it."""
    return most(of(family), *by)


def of_accounts(family: str, *matchers: str) -> str:
    """A number of a whole account, summed over the jobs: each is for an account of its own."""
    return total(most(of(family, *matchers), "job"))


def rate(family: str, *matchers: str) -> str:
    """Of a counter, by the second."""
    return f"rate({of(family, *matchers)}[$__rate_interval])"


def grown(family: str, *matchers: str) -> str:
    """How much a counter grew within the time range of the dashboard."""
    return f"increase({of(family, *matchers)}[$__range])"


def lately(family: str, *matchers: str) -> str:
    """How much a counter grew within the hour before, for what happens a few times a day."""
    return f"increase({of(family, *matchers)}[1h])"


def within(family: str, *by: str) -> str:
    """How much a counter of a whole account grew within the time range, over the jobs.

    Replicas read the same; of those that wait for a lock, the counters stand still.
    """
    return total(most(grown(family), "job", *by))


def named(expr: str) -> str:
    """With the name of the environment.

    One of the replicas' names: they differ for a moment when an environment is renamed, and two
    would be an error of the whole query.
    """
    one = f"topk by ({EACH}) (1, {of(INFO)})"
    return f"{expr}\n* on ({EACH}) group_left (environment_name)\n  {one}"


def state(*matchers: str) -> str:
    """Of each environment: 0 it has an agent, 1 never had one, 2 in maintenance, 3 lost it."""
    agents, seen, maintained = (
        most(of(family, *matchers), EACH) for family in (AGENTS, SEEN, MAINTENANCE)
    )
    return f"({agents} == bool 0) * (1 + ({seen} > bool 0) * (2 - {maintained}))"


def milliseconds(expr: str) -> str:
    """Unix seconds as Grafana wants points in time."""
    return f"{expr} * 1000"


def quantile(share: float, family: str, *by: str) -> str:
    """Of a histogram, over all replicas together."""
    labels = ", ".join(("le", *by))
    return f"histogram_quantile({share:g}, sum by ({labels}) ({rate(f'{family}_bucket')}))"


def leading(family: str, label: str, count: int, *matchers: str) -> tuple[str, str]:
    """Of a counter by environment and ``label``, a minute: the largest, and the sum of the rest.

    Which are the largest is decided once for the whole range, at its end (``@ end()``), so that a
    line does not come and go.
    """
    each = total(f"60 * {most(rate(family, *matchers), EACH, label)}", label)
    grew = f"increase({of(family, *matchers)}[$__range] @ end())"
    chosen = f"topk({count}, {total(most(grew, EACH, label), label)})"
    largest = f"{each}\nand on ({label})\n  {chosen}"
    return largest, f"sum(\n{each}\nunless on ({label})\n  {chosen}\n)"
