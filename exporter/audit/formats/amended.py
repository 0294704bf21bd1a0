"""A record together with what an amendment said later about who did it."""

from collections.abc import Mapping
from dataclasses import dataclass

from exporter.audit.record import Entry, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Amended(Entry):
    """An entry whose actor was unresolved when it was appended.

    ``record`` is as it stands in the chain; ``actor`` is the amendment's, and ``amendment`` the
    sequence of the record that says so. ``people`` covers both. Every format flags it.
    """

    actor: Mapping[str, Json]
    amendment: int
