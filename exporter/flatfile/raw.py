"""Events as they were received, for the audit log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import PlainValidator

from exporter.flatfile.models import instant

_LONGEST = 200  # characters of an id, as everywhere else


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEvent:
    """An event and all that was said of it. ``created_at`` is Unix seconds.

    ``raw`` is the whole object, secrets and personal data included: what may be kept of it is
    decided above, and nothing of it is ever shown or logged.
    """

    id: str
    topic: str
    created_at: float
    raw: Mapping[str, Any] = field(repr=False, hash=False)

    @property
    def environment_id(self) -> str:
        """Empty where the event names none."""
        context = self.raw.get("context")
        named = context.get("environmentId") if isinstance(context, dict) else None
        return named if isinstance(named, str) else ""


def read(item: Any) -> RawEvent | None:
    """None where ``id``, ``topic`` or ``createdAt`` is missing or of another kind.

    Nothing else of an event can be relied on (API notes, section 9.2). Raises ValueError for what
    is no object: whatever answers with that is not this API.
    """
    match item:
        case {"id": str(id_), "topic": str(topic), "createdAt": str(created)}:
            if not 0 < len(id_) <= _LONGEST:
                return None
            try:
                at = instant(created)
            except ValueError:
                return None
            return RawEvent(id=id_, topic=topic, created_at=at, raw=item)
        case dict():
            return None
        case _:
            raise ValueError("not an object")


LenientEvent = Annotated[RawEvent | None, PlainValidator(read)]
"""One event without what an audit log needs must not cost the others of its page."""
