"""The topics of events that Flatfile documents (API notes, section 9.3)."""

_DOCUMENTED = {
    "action": "created updated deleted",
    "agent": "created updated deleted",
    "canvas": "created updated deleted",
    "canvas-area": "created updated deleted",
    "commit": "created updated completed",
    "cron": "5-minutes hourly daily weekly",
    "data-clip": (
        "created updated deleted collaborator-updated"
        " resolutions-created resolutions-updated resolutions-refreshed"
    ),
    "document": "created updated deleted",
    "environment": "created updated deleted autobuild-created",
    "file": "created updated deleted expired",
    "flag": "created updated deleted",
    "job": (
        "created updated deleted completed ready scheduled"
        " outcome-acknowledged parts-completed failed"
    ),
    "layer": "created",
    "program": "created updated recomputing recomputed",
    "records": "created updated deleted",
    "secret": "created updated deleted",
    "sheet": "created updated deleted counts-updated calculation-updated",
    "snapshot": "created",
    "space": "created updated deleted archived unarchived expired guestAdded guestRemoved",
    "thread": "created updated deleted",
    "workbook": "created updated deleted expired thawed",
}

TOPICS: frozenset[str] = frozenset(
    f"{subject}:{verb}" for subject, verbs in _DOCUMENTED.items() for verb in verbs.split()
)
OTHER = "other"
"""The label of every topic that is not documented: the API may invent them without bound."""


def label(topic: str) -> str:
    """The value of the label ``topic``."""
    return topic if topic in TOPICS else OTHER
