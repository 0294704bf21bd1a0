"""Logs: one line for a thing that happened, with nothing in it that should not be there."""

from exporter.logs.pipeline import configure
from exporter.logs.redaction import REDACTED, redacted

__all__ = ["REDACTED", "configure", "redacted"]
