"""The alert rules: typed values, rendered for Prometheus and for its operator.

``python -m exporter.rules --set lost_after=15m`` renders them with other thresholds.
"""

from exporter.rules.every import groups
from exporter.rules.rendering import generated, operator, prometheus
from exporter.rules.rule import Alert, Group, Record
from exporter.rules.thresholds import Thresholds

__all__ = [
    "Alert",
    "Group",
    "Record",
    "Thresholds",
    "generated",
    "groups",
    "operator",
    "prometheus",
]
