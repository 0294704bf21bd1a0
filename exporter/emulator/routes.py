"""Which path is answered by what."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from exporter.emulator import dangerous, feed, listings
from exporter.emulator.calls import Answer, Call, Refusal
from exporter.emulator.listings import Desk

Handler = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    handler: Handler
    pattern: re.Pattern[str]
    is_dangerous: bool = False


def _route(method: str, template: str, handler: Handler, *, is_dangerous: bool = False) -> Route:
    pattern = re.compile(re.sub(r"\{\w+\}", "([^/]+)", template))
    return Route(method, template, handler, pattern, is_dangerous)


# The first that fits wins: literal paths stand before those with an id in their place.
ROUTES = (
    _route("GET", "/accounts/current", listings.account),
    _route("GET", "/environments", listings.environments),
    _route("GET", "/environments/subscription-token", dangerous.subscription, is_dangerous=True),
    _route("GET", "/environments/{id}", listings.environment),
    _route("GET", "/spaces", listings.spaces),
    _route("GET", "/spaces/{id}", listings.space),
    _route("GET", "/agents", listings.agents),
    _route("GET", "/agents/executions", listings.executions),
    _route("GET", "/agents/logs", listings.logs),
    _route("GET", "/agents/{id}", listings.agent),
    _route("GET", "/agents/{id}/versions/{version}/revert", dangerous.revert, is_dangerous=True),
    _route("GET", "/users", listings.users),
    _route("GET", "/users/{id}", listings.user),
    _route("GET", "/guests", listings.guests),
    _route("GET", "/guests/{id}", listings.guest),
    _route("GET", "/guests/{id}/token", dangerous.guest_token, is_dangerous=True),
    _route("GET", "/events", feed.events),
    _route("GET", "/events/{id}", feed.event),
    _route("POST", "/events/{id}/ack", dangerous.acknowledge, is_dangerous=True),
    _route("GET", "/jobs", feed.jobs),
    _route("GET", "/subscription", dangerous.subscription, is_dangerous=True),
    _route("GET", "/auth/api-keys", dangerous.api_keys, is_dangerous=True),
    _route("GET", "/auth/personal-access-tokens", dangerous.personal_tokens, is_dangerous=True),
    _route("GET", "/secrets", dangerous.secrets, is_dangerous=True),
)


def find(call: Call) -> tuple[Route, tuple[str, ...]]:
    """The route and the ids in its path. Refusal 404 or 405."""
    fits = False
    for route in ROUTES:
        found = route.pattern.fullmatch(call.path)
        if found:
            if route.method == call.method:
                return route, found.groups()
            fits = True
    raise Refusal(405, "Method not allowed") if fits else Refusal(404, "Not found")


def answer(desk: Desk, call: Call) -> Answer:
    route, ids = find(call)
    return route.handler(desk, call, *ids)
