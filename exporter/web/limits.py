"""What one client, and all of them together, may cost. Each default with its reason."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Times in seconds, sizes in bytes."""

    keep_alive: int = 75
    """More than the usual scrape intervals, so that a scraper keeps its connection."""

    request_within: float = 10.0
    """From a connection, or from the first byte of a later request, to the whole request."""

    read_within: float = 30.0
    """For the transport's buffer of at most about 128 KiB to drain: 4 KiB a second are enough."""

    head: int = 16 * 1024
    """Of a request."""

    connections: int = 512
    """Far from the usual limit of 1,024 open files. At one more, one that says nothing goes.

    A limit on answers instead would count the silent ones, and turn scrapers away because of them.
    """


DEFAULT = Limits()
