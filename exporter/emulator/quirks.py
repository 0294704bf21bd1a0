"""Everything about the service that nobody outside it knows, as choices.

Each field is one unknown of the API notes (the section in its comment), with the most plausible
answer as its default. Fields may be set at any time, from a test or over the control interface.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

ListOrder = Literal["created", "created_desc", "id", "random"]
EventOrder = Literal["newest", "oldest", "id", "shuffled"]


class WrongQuirk(ValueError):
    """No such quirk, or a value that is not one of its choices."""


@dataclass
class Quirks:
    # Tokens ------------------------------------------------------------------- (section 3.2)
    auth_wrapped: bool = False  # the sources disagree whether the token lies under `data`
    expires_form: Literal["iso", "rfc1123", "missing", "garbage"] = "iso"
    expires_in_form: Literal["string", "int", "missing"] = "string"
    token_lifetime: float = 86400.0  # seconds
    auth_requires_type: bool = False  # the SDK sends "type": "apiCredentials", the docs do not
    auth_refuses_type: bool = False  # and a strict server might not know the field
    auth_refusal: int = 401  # 400, 401, 403 or 404 for a wrong secret
    # Pages --------------------------------------------------------------- (sections 4, 4.1)
    pagination_object: bool | frozenset[str] = True  # optional: never, or only on these routes
    page_size_max: int | None = None  # no maximum is documented
    page_size_over: Literal["clamp", "refuse"] = "clamp"
    page_count_by_asked_size: bool = False  # pageCount of the size asked, though clamped
    page_zero_based: bool = False  # 1-based by every example, stated nowhere
    users_ignore_paging: Literal["no", "whole", "first"] = "no"  # older servers (section 8)
    list_order: ListOrder = "created"  # not documented for any list
    optional_as_null: bool = False  # optional fields are null instead of absent
    # Environments ------------------------------------------------------------- (section 5)
    environments_current: Literal["first", 400, 404] = 400  # with an account token
    unknown_environment: Literal["empty", 404] = 404  # as a filter of Spaces and events
    # Spaces ------------------------------------------------------------------- (section 6)
    spaces_archived: Literal["include", "only", "ignored"] = "include"  # what archived=true does
    spaces_default_archived: bool = False  # what no `archived` at all means
    total_honours_archived: bool = True  # whether totalCount leaves hidden ones out
    space_environment_id_missing: bool = False  # optional in the schema
    # Agents ------------------------------------------------------------------- (section 7)
    agents_default_includes_system: bool = True  # without isSystem
    agents_system_filter_ignored: bool = False
    agents_data_when_empty: Literal["empty", "absent", "null"] = "empty"  # `data` is optional
    # Guests ------------------------------------------------------------------- (section 8)
    guests_account_wide: Literal["allowed", 400, 403, "empty"] = 400  # without spaceId
    # Events -------------------------------------------------------------- (sections 9.1, 9.2)
    event_order: EventOrder = "newest"
    since_inclusive: bool = True
    since_ignored: bool = False
    include_acknowledged_default: bool = False
    # without a filter: all of the account, refused, or those of one environment only
    events_account_wide: Literal["allowed", 400, 403, "first"] = "allowed"
    event_context_missing: float = 0.0  # share of events whose context names no environment
    agent_domain: str = "environment"  # the enum has no `agent`
    late_share: float = 0.0  # share of events that become visible only later than createdAt,
    late_seconds: float = 30.0  # namely by this
    repeated_events: float = 0.0  # share of events that are listed twice
    events_forgotten_after: float | None = None  # seconds; how long they are kept is unknown
    unknown_topics: bool = False  # the world starts to emit topics that are not documented
    # Anywhere -------------------------------------------------------- (sections 4, 12, 14.6)
    forbid_routes: dict[str, int] = field(default_factory=dict)  # path pattern to 401 or 403
    errors_form: Literal["envelope", "array", "text"] = "envelope"
    redirect: str = ""  # every answer is a 307 to this base URL
    rate_limit: float | None = None  # answers within any second; 429 to what is asked beyond it
    rate_limit_retry_after: str = ""  # the header of such an answer; without it by default

    def paginates(self, template: str) -> bool:
        chosen = self.pagination_object
        return chosen if isinstance(chosen, bool) else template in chosen

    def set(self, values: Mapping[str, Any]) -> None:
        """All or nothing. WrongQuirk names the first mistake."""
        hints = get_type_hints(Quirks)
        known = {one.name for one in fields(self)}
        checked: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                raise WrongQuirk(f"there is no quirk {name}")
            checked[name] = _fit(name, value, hints[name])
        for name, value in checked.items():
            setattr(self, name, value)

    def reset(self) -> None:
        fresh = Quirks()
        for one in fields(self):
            setattr(self, one.name, getattr(fresh, one.name))

    def as_json(self) -> dict[str, Any]:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {k: sorted(v) if isinstance(v, frozenset) else v for k, v in values.items()}


_OR_NULL: dict[str, tuple[type, ...]] = {
    "page_size_max": (int,),
    "events_forgotten_after": (int, float),
    "rate_limit": (int, float),
}


def _fit(name: str, value: Any, hint: Any) -> Any:
    """The value as the field wants it: JSON has neither sets nor a float that is not 1."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise WrongQuirk(f"{name} is one of {', '.join(map(str, get_args(hint)))}")
        return value
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if name == "pagination_object":
        if isinstance(value, bool):
            return value
        if isinstance(value, str) or not isinstance(value, Collection):
            raise WrongQuirk("pagination_object is true, false or a list of routes")
        return frozenset(value)
    if kinds := _OR_NULL.get(name):
        if value is not None and type(value) not in kinds:
            raise WrongQuirk(f"{name} is a number or null")
        return value
    plain = {bool: bool, int: int, str: str}.get(hint, dict)
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        raise WrongQuirk(f"{name} is a {plain.__name__}")
    return value
