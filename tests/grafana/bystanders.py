"""Series that stand beside the page of the exporter: what Prometheus itself remembers.

``up``, and what the rules say: the recorded series, and ``ALERTS`` with the labels that the rules
give them. Written from the rules' own values, so that a severity that changes changes here, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from exporter.rules import Thresholds
from exporter.rules.every import alerts
from exporter.rules.promql import REMEMBERED
from exporter.rules.rule import READS

_T = Thresholds()
_ALERTS = {alert.name: alert for alert in alerts()}
_SEEN = "flatfile_environment_agent_last_seen_timestamp_seconds"

Samples = dict[str, dict[str, float]]
"""Values by family and the text of the labels, as they stand on the page."""


def samples(page: str, *families: str) -> Samples:
    found: Samples = {family: {} for family in families}
    for line in page.splitlines():
        name, brace, rest = line.partition("{")
        if not brace:
            name, _, rest = line.partition(" ")
        if name in found:
            labels, _, value = rest.rpartition(" ")
            found[name][labels.rstrip("}")] = float(value)
    return found


@dataclass
class Bystander:
    """Keeps since when something has been so, as a rule does."""

    job: str
    _since: dict[str, float] = field(default_factory=dict)

    def lines(self, at: float, page: str) -> Iterator[tuple[str, float]]:
        """Each series with its value, without the labels of the instance."""
        now = samples(
            page, _SEEN, "flatfile_environment_agents", "flatfile_environment_maintenance",
            "flatfile_environment_info", "flatfile_up", "flatfile_token_valid",
        )  # fmt: skip
        yield "up{%s}", 1
        for of, value in now[_SEEN].items():
            yield f'{REMEMBERED}{{{of},job="{self.job}"}}', value
        names = {labels.partition(",")[0]: labels for labels in now["flatfile_environment_info"]}
        for of, count in now["flatfile_environment_agents"].items():
            lost = (
                count == 0
                and now[_SEEN].get(of, 0) > 0
                and not now["flatfile_environment_maintenance"].get(of)
            )
            if self._for(f"lost {of}", at, lost, _T.lost_after):
                yield self._alert("FlatfileEnvironmentAgentLost", names.get(of, of)), 1
        down = now["flatfile_up"].get("") == 0
        if self._for("down", at, down, _T.unreachable_for):
            yield self._alert("FlatfileAPIUnreachable"), 1
        refused = now["flatfile_token_valid"].get("") == 0
        if self._for("refused", at, refused, _T.refused_for):
            yield self._alert("FlatfileTokenInvalid"), 1

    def _for(self, what: str, at: float, so: bool, lasting: float) -> bool:
        if not so:
            self._since.pop(what, None)
            return False
        return at - self._since.setdefault(what, at) >= lasting

    def _alert(self, name: str, labels: str = "") -> str:
        alert = _ALERTS[name]
        own = {"alertname": name, "alertstate": "firing", "severity": alert.severity}
        own |= READS if alert.reads_data else {}
        own["job"] = self.job
        written = ",".join(f'{key}="{value}"' for key, value in own.items())
        return f"ALERTS{{{written}{',' if labels else ''}{labels}}}"
