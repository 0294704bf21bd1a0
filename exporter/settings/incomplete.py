"""Settings that need another one, once all of them are known."""

from collections.abc import Iterator

from exporter.errors import Mistake
from exporter.settings.model import Settings


def incomplete(settings: Settings) -> Iterator[Mistake]:
    """What is switched on without what it needs. Raises nothing."""
    audit = settings.audit
    if not audit.enabled:
        return
    if audit.path is None and settings.storage.path is None:
        yield _lacking("audit", "storage.path is none; give audit.path a folder of its own")
    sink = audit.sink
    needs = {
        "postgresql": (sink.postgresql.enabled, sink.postgresql.dsn or sink.postgresql.dsn_file),
        "loki": (sink.loki.enabled, sink.loki.url),
        "otlp": (sink.otlp.enabled, sink.otlp.url),
    }
    wanted = {"postgresql": "dsn or …dsn-file", "loki": "url", "otlp": "url"}
    for name, (enabled, value) in needs.items():
        if enabled and not value:
            here = f"audit.sink.{name}"
            yield _lacking(here, f"is on without {here}.{wanted[name]}; give it, or switch it off")
    if sink.loki.username and not (sink.loki.password or sink.loki.password_file):
        yield _lacking(
            "audit.sink.loki.username",
            "is given without audit.sink.loki.password or …password-file; they are a pair",
        )


def _lacking(setting: str, message: str) -> Mistake:
    return Mistake(setting, "configuration", message)
