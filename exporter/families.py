"""A metric is a value: name, HELP, kind, labels and the pure function that measures it.

The one expression that builds a :class:`Family` is the only place where a metric is written
down. The page, ``HELP``, the table in the README and the checks on dashboards and rules all
read it.
"""

from bisect import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, islice
from typing import Generic, TypeVar

from exporter.precedence import GiveWay, never

D = TypeVar("D")
_RUN = 256  # samples that are sorted at once, about
Labels = tuple[str, ...]

SCOPE = "environment_id"
"""The label by which every collector names the environment that a sample is about."""


class Kind(StrEnum):
    """The type of a family. Text 0.0.4 has no ``info``; there it is a gauge (value 1)."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


class Stability(StrEnum):
    """What an operator may build on a family."""

    STABLE = "stable"
    """Renamed or dropped only with a major version, a minor release after notice was given."""
    BETA = "beta"
    """Useful, and young: it may change with any minor version, and the changelog says so."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The value of a histogram's sample.

    ``counts`` has one more element than ``bounds``, for what lies above the last bound; each
    counts its own bucket only. ``total`` is the sum of the observed values.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


Sample = tuple[Labels, float | Buckets]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family(Generic[D]):
    """``measure`` gives the samples of some data; none at all means that nothing is known.

    ``name`` is the name of the samples (a counter's ends in ``_total``, an info's in ``_info``).
    """

    name: str
    help: str
    kind: Kind
    labels: Labels
    measure: Callable[[D], Iterable[Sample]]
    stability: Stability = Stability.STABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A family with its samples: sorted by label values, each label set once, never empty."""

    name: str
    help: str
    kind: Kind
    labels: Labels
    samples: tuple[Sample, ...]
    scope: frozenset[str] = frozenset()
    """The environments that the samples are about: the values of the label SCOPE but the empty."""


class DuplicateSeries(RuntimeError):
    """A family measured the same label set twice: a bug of ours, which must be loud."""


def gauge(
    name: str, text: str, measure: Callable[[D], Iterable[Sample]], labels: Labels = ()
) -> Family[D]:
    return Family(name=name, help=text, kind=Kind.GAUGE, labels=labels, measure=measure)


def beta(family: Family[D]) -> Family[D]:
    """The same, as one that may still change."""
    return replace(family, stability=Stability.BETA)


def counter(
    name: str, text: str, measure: Callable[[D], Iterable[Sample]], labels: Labels = ()
) -> Family[D]:
    return Family(name=name, help=text, kind=Kind.COUNTER, labels=labels, measure=measure)


def histogram(
    name: str, text: str, measure: Callable[[D], Iterable[Sample]], labels: Labels = ()
) -> Family[D]:
    return Family(name=name, help=text, kind=Kind.HISTOGRAM, labels=labels, measure=measure)


def info(
    name: str, text: str, labels: Labels, measure: Callable[[D], Iterable[Labels]]
) -> Family[D]:
    """An info family, whose ``measure`` gives label values only: the value is always 1."""

    def ones(data: D) -> Iterable[Sample]:
        return ((values, 1.0) for values in measure(data))

    return Family(name=name, help=text, kind=Kind.INFO, labels=labels, measure=ones)


def one(value: float | None) -> tuple[Sample, ...]:
    """The samples of a family without labels; none if the value is not known."""
    return () if value is None else (((), value),)


def measure(
    families: Iterable[Family[D]], data: D, *, suffix: str = "", give_way: GiveWay = never
) -> tuple[Measured, ...]:
    """Measure each family; those that know nothing are left out.

    ``suffix`` goes to the end of every HELP. Raises DuplicateSeries.
    """
    # Families of one collector are about the same things: each label set is held once for all.
    held: dict[Labels, Labels] = {}
    scopes: dict[frozenset[str], frozenset[str]] = {}
    found = []
    for family in families:
        samples = _in_order(family, family.measure(data), held, give_way)
        if samples:
            scope = _scope(family.labels, samples)
            found.append(
                Measured(
                    name=family.name,
                    help=family.help + suffix,
                    kind=family.kind,
                    labels=family.labels,
                    samples=samples,
                    scope=scopes.setdefault(scope, scope),
                )
            )
    return tuple(found)


def _in_order(
    family: Family[D], samples: Iterable[Sample], held: dict[Labels, Labels], give_way: GiveWay
) -> tuple[Sample, ...]:
    taken: list[Sample] = []
    coming = iter(samples)
    while part := list(islice(coming, _RUN)):
        give_way()
        taken += [
            (held.setdefault(values, values), value if isinstance(value, Buckets) else float(value))
            for values, value in part
        ]
    ordered = _sorted(taken, give_way)
    for i, (values, _) in enumerate(ordered):
        if len(values) != len(family.labels):
            raise DuplicateSeries(
                f"{family.name} has labels {family.labels} but measured {len(values)} values"
            )
        if i and values == ordered[i - 1][0]:
            raise DuplicateSeries(f"{family.name} measured the label set {values} twice")
    return tuple(ordered)


def _sorted(samples: list[Sample], give_way: GiveWay) -> list[Sample]:
    """By their label values, a part after the other.

    To sort is one call, in which no other thread gets the interpreter: with 20,000 samples the
    event loop would wait for 20 ms.
    """
    bounds = sorted(values for values, _ in samples[::_RUN])
    parts: list[list[Sample]] = [[] for _ in range(len(bounds) + 1)]
    for sample in samples:
        parts[bisect(bounds, sample[0])].append(sample)
    for part in parts:
        give_way()
        part.sort(key=_values)
    return list(chain.from_iterable(parts))


def _values(sample: Sample) -> Labels:
    return sample[0]


def _scope(labels: Labels, samples: tuple[Sample, ...]) -> frozenset[str]:
    if SCOPE not in labels:
        return frozenset()
    at = labels.index(SCOPE)
    return frozenset(values[at] for values, _ in samples if values[at])


def confine(measured: tuple[Measured, ...], known: frozenset[str]) -> tuple[Measured, ...]:
    """Leave out the samples that are about an environment which is not ``known``.

    Gives back the very same tuple when nothing has to go, so that what was rendered of it stays
    good. On the event loop, where nearly always nothing is gone: only then are samples looked at.
    """
    kept = []
    for family in measured:
        gone = family.scope - known
        if not gone:
            kept.append(family)
            continue
        at = family.labels.index(SCOPE)
        samples = tuple(sample for sample in family.samples if sample[0][at] not in gone)
        if samples:
            kept.append(replace(family, samples=samples, scope=family.scope & known))
    same = len(kept) == len(measured) and all(a is b for a, b in zip(kept, measured, strict=True))
    return measured if same else tuple(kept)
