"""The topics of events and the little stories in which they come (the API notes, section 9.3)."""

# Stories dominate the stream, as the notes' volume warning says: jobs, records, commits, counts.
_IMPORT = (
    *("file:created", "file:updated", "job:created", "job:ready", "job:updated", "job:updated"),
    *("job:updated", "records:created", "records:created", "commit:created", "commit:completed"),
    *("sheet:counts-updated", "job:updated", "job:completed", "job:outcome-acknowledged"),
)
_EDIT = ("records:updated", "commit:created", "layer:created", "commit:completed")
_EDITS = (*_EDIT, "sheet:counts-updated", *_EDIT, "sheet:counts-updated")
_ACTION = ("job:created", "job:ready", "job:updated", "job:updated", "job:updated", "job:completed")
_FAILURE = ("job:created", "job:ready", "job:updated", "job:failed", "job:outcome-acknowledged")
_MAPPING = ("program:created", "job:created", "job:updated", "program:updated", "job:completed")
_SETUP = ("workbook:created", "sheet:created", "sheet:updated", "workbook:updated", "flag:created")
_CLEANING = ("records:deleted", "commit:created", "sheet:counts-updated", "snapshot:created")
_DOCUMENT = ("document:created", "document:updated", "action:created")
_CLIP = ("data-clip:created", "data-clip:updated", "data-clip:resolutions-updated")

STORIES = (_IMPORT, _EDITS, _ACTION, _FAILURE, _MAPPING, _SETUP, _CLEANING, _DOCUMENT, _CLIP)
WEIGHTS = (30, 30, 20, 4, 5, 4, 4, 2, 1)

# Topics an agent of the emulated customers listens to; each such event is one execution.
LISTENED = ("job:ready", "commit:created", "file:created", "space:created")
SYSTEM_LISTENED = ("records:created",)

# Not in the documented list at all, or documented and yet unknown to the vendor's own clients.
UNKNOWN = ("workspace:synced", "agent:healed", "cron:hourly", "space:unarchived", "no-colon")

# `domain` has no value for these prefixes (section 1, point 9); what the service says is unknown.
_DOMAINS = {
    "agent": "environment",
    "records": "sheet",
    "commit": "sheet",
    "layer": "sheet",
    "snapshot": "sheet",
    "action": "space",
}
_KINDS = {
    "agent": "ag",
    "space": "sp",
    "document": "dc",
    "workbook": "wb",
    "flag": "fg",
    "sheet": "sh",
    "snapshot": "ss",
    "records": "sh",
    "file": "fl",
    "job": "jb",
    "program": "mp",
    "commit": "vr",
    "layer": "ly",
    "environment": "env",
    "action": "ac",
    "data-clip": "clip",
}


def prefix(topic: str) -> str:
    return topic.partition(":")[0]


def domain(topic: str) -> str:
    return _DOMAINS.get(prefix(topic), prefix(topic))


def kind(topic: str) -> str:
    """The id prefix of what the topic speaks of."""
    return _KINDS.get(prefix(topic), "jb")
