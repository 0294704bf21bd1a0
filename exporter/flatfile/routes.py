"""Everything this program may ask of the API, and nothing else."""

from enum import Enum, unique

AUTH = "/auth"
"""The one path that is posted to. It is no :class:`Route`, so the client cannot be asked for it."""


@unique
class Route(Enum):
    """The allow-list: GETs that neither change state nor show a credential.

    Some GETs of this API roll an agent back, mint tokens or reveal secrets (API notes, section
    1.4). The client takes a member of this enumeration and never a path; an enumeration with
    members cannot be extended, and no member has a place for an id, so those cannot be written.
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
        """Below the base URL. It is also the label ``route`` of metrics: it holds no id."""
        return self.value
