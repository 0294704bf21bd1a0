"""Everything this program may ask of the API, and nothing else."""

import re
from enum import Enum, unique

from exporter.errors import NotFound

AUTH = "/auth"
"""The one path that is posted to. It is no :class:`Route`, so the client cannot be asked for it."""


@unique
class Route(Enum):
    """The allow-list: GETs that neither change state nor show a credential.

    Some GETs of this API roll an agent back, mint tokens or reveal secrets (API notes, section
    1.4). The client takes a member of this enumeration or a :class:`Place` and never a path; an
    enumeration with members cannot be extended, and no member has a place for an id, so those
    cannot be written.
    """

    ACCOUNT = "/accounts/current"
    ENVIRONMENTS = "/environments"
    SPACES = "/spaces"
    AGENTS = "/agents"
    EXECUTIONS = "/agents/executions"
    USERS = "/users"
    GUESTS = "/guests"
    EVENTS = "/events"

    @property
    def path(self) -> str:
        """Below the base URL."""
        return self.value

    @property
    def template(self) -> str:
        """The label ``route`` of metrics; it holds no id."""
        return self.value


@unique
class Lookup(Enum):
    """GETs of one thing by its id, with the middle part that the ids of its kind have."""

    USER = ("/users", "usr")
    GUEST = ("/guests", "g")
    AGENT = ("/agents", "ag")
    SPACE = ("/spaces", "sp")

    @property
    def template(self) -> str:
        """The label ``route`` of metrics."""
        return f"{self.value[0]}/{{id}}"

    def of(self, id_: str) -> "Place":
        """Where to ask for that one. Raises NotFound for what is no id of this kind of thing."""
        return Place(self, id_)


class Place:
    """The path of one thing. There is none for anything but an id in one harmless segment.

    Ids come from events, and those can be created by people: what is joined to a path here was
    chosen by somebody. Region, kind and a suffix of letters and digits (API notes, sections 2 and
    11) leave no room for a further segment such as ``/token`` or ``/versions/…/revert``, for a dot,
    an escape or a query, nor for a literal such as ``executions`` or ``invite``.
    """

    __slots__ = ("_id", "_lookup")

    def __init__(self, lookup: Lookup, id_: str) -> None:
        kind = lookup.value[1]
        if not re.fullmatch(rf"[A-Za-z0-9]{{1,16}}_{kind}_[A-Za-z0-9]{{1,64}}", id_):
            raise NotFound(
                f"GET {lookup.template}: what was given is no id of this kind, so nothing can be"
                " there; it was not asked"
            )
        self._lookup = lookup
        self._id = id_

    @property
    def path(self) -> str:
        """Below the base URL."""
        return f"{self._lookup.value[0]}/{self._id}"

    @property
    def template(self) -> str:
        return self._lookup.template

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)
