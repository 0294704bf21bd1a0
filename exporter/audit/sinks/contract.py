"""What a sink is: somewhere to which records are handed on, at least once and in order."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from exporter.audit.record import Entry

Rejected = Mapping[int, str]
"""Why, by sequence. The reasons of a sink are few and fixed: they become a label."""

NONE: Rejected = MappingProxyType({})

Line = Callable[[Entry], bytes]
"""One line of text in UTF-8 for a record, without the newline and with none inside."""


class Sink(Protocol):
    """Has a name that is unique, and keeps nothing: the store keeps its cursor."""

    @property
    def name(self) -> str:
        """Of the kind of sink: the label ``sink``."""

    @property
    def reasons(self) -> Collection[str]:
        """All for which it may refuse a record for good."""

    async def send(self, entries: Sequence[Entry]) -> Rejected:
        """Hand on some records; when this returns, they are safe there.

        What is returned was refused for good and becomes a dead letter. Raises SinkUnavailable or
        SinkRefused if none was taken; then all of them are sent again later, so that a record may
        come twice and its ``uid`` tells.
        """

    async def aclose(self) -> None:
        """Let go of files and connections."""
