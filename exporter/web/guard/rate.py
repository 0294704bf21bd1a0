"""A bucket of tokens: one comes back each interval, up to the burst (golang.org/x/time/rate)."""

from exporter.web.guard.document import RateLimit


class Bucket:
    """Full at first. ``now`` is in seconds of any clock that only goes forward."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._tokens = float(limit.burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Take one, if there is a whole one."""
        back = max(0.0, now - self._at) / self.limit.interval
        self._tokens = min(float(self.limit.burst), self._tokens + back)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
