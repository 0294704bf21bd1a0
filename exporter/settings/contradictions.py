"""Settings that do not go together, whichever sources they come from."""

from collections.abc import Iterator, Mapping

from exporter.errors import Mistake
from exporter.settings.layers import Given

_ID, _SECRET, _TOKEN = "auth.client-id", "auth.client-secret", "auth.token"
_SINK_SECRETS = ("audit.sink.postgresql.dsn", "audit.sink.loki.password", "audit.sink.otlp.headers")


def contradictions(given: Mapping[str, Given]) -> Iterator[Mistake]:
    """Look only at what was given, not at the values: those may be wrong for other reasons."""
    yield from _both(given, "api.region", "api.url")
    for name in (_ID, _SECRET, _TOKEN):
        yield from _both(given, f"{name}-file", name)
    for name in _SINK_SECRETS:
        yield from _both(given, f"{name}-file", name)
    client_id, secret, token = (_either(given, name) for name in (_ID, _SECRET, _TOKEN))
    if client_id and not secret:
        yield _lacking(client_id, _SECRET)
    if secret and not client_id:
        yield _lacking(secret, _ID)
    if token and (pair := client_id or secret):
        message = f"is given together with {pair.setting.name} ({pair.origin}); keep one credential"
        yield Mistake(token.setting.name, token.origin, message)


def _either(given: Mapping[str, Given], name: str) -> Given | None:
    return given.get(name) or given.get(f"{name}-file")


def _both(given: Mapping[str, Given], name: str, other: str) -> Iterator[Mistake]:
    if name in given and other in given:
        message = f"is given together with {other} ({given[other].origin}); keep one of them"
        yield Mistake(name, given[name].origin, message)


def _lacking(present: Given, missing: str) -> Mistake:
    message = f"is given without {missing}; they are a pair, give {missing} or {missing}-file too"
    return Mistake(present.setting.name, present.origin, message)
