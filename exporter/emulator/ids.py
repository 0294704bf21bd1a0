"""Identifiers that look like Flatfile's: a prefix and a base62 suffix (the API notes, section 11)."""

from random import Random

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Two digits at a time: events are made by the thousand, and eight divisions cost half of sixteen.
_PAIRS = tuple(a + b for a in _DIGITS for b in _DIGITS)
_RADIX = len(_PAIRS)

SHORT = 8
LONG = 16


class Ids:
    """A deterministic source of fresh ids; the same seed gives the same sequence."""

    def __init__(self, seed: int) -> None:
        self._bits = Random(f"ids {seed}").getrandbits

    def new(self, kind: str, length: int = SHORT) -> str:
        """An id such as `us_sp_3kF09xQa`. Eight characters, or sixteen for events and records."""
        number = self._bits(length * 6)
        suffix = ""
        for _ in range(length // 2):
            number, pair = divmod(number, _RADIX)
            suffix += _PAIRS[pair]
        return f"us_{kind}_{suffix}"

    def event(self) -> str:
        return self.new("evt", LONG)
