"""A page of ``/metrics``, read as Prometheus would read it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from prometheus_client.parser import text_string_to_metric_families

from tests.chaos.facts import Key, key

_BEGINNING = b"# HELP "


@dataclass(frozen=True)
class Page:
    """The samples of one page, and which of them only ever grow."""

    samples: Mapping[Key, float]
    counters: frozenset[Key]

    @classmethod
    def parse(cls, body: bytes) -> "Page":
        """Raises ValueError if it cannot be read, or if a series stands there twice."""
        samples: dict[Key, float] = {}
        counters: set[Key] = set()
        number = 0
        for part in body.split(_BEGINNING)[1:]:
            for of, value, grows in _family(_BEGINNING + part):
                samples[of] = value
                number += 1
                if grows:
                    counters.add(of)
        if number != len(samples):
            raise ValueError(f"{number - len(samples)} series stand twice on one page")
        return cls(samples, frozenset(counters))

    def of(self, name: str) -> dict[Key, float]:
        return {of: value for of, value in self.samples.items() if of[0] == name}

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples.get(key(name, **labels))


@lru_cache(maxsize=1_000)  # most families are the same on many pages, and the parser takes its time
def _family(text: bytes) -> tuple[tuple[Key, float, bool], ...]:
    return tuple(_samples(text))


def _samples(text: bytes) -> Iterator[tuple[Key, float, bool]]:
    for family in text_string_to_metric_families(text.decode()):
        grows = family.type in {"counter", "histogram"}
        for sample in family.samples:
            yield (sample.name, frozenset(sample.labels.items())), sample.value, grows


def forget() -> None:
    """What was parsed, where somebody counts what memory holds."""
    _family.cache_clear()
