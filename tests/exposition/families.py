"""Families to render: some by hand, and any at all by hypothesis."""

from collections.abc import Iterator

from hypothesis import strategies as st

from exporter.families import Buckets, Kind, Measured, Sample

NAMES = st.from_regex(r"flatfile_[a-z]{1,8}", fullmatch=True)
LABEL_NAMES = st.from_regex(r"[a-z]{1,6}_id", fullmatch=True)
_ENDINGS = {Kind.COUNTER: "_total", Kind.INFO: "_info"}

_FINITE = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
_VALUES = {
    Kind.COUNTER: _FINITE,
    Kind.GAUGE: st.one_of(st.floats(), st.integers(-(2**53), 2**53)),
    Kind.INFO: st.just(1.0),
}


@st.composite
def buckets(draw: st.DrawFn) -> Buckets:
    bounds = sorted(draw(st.sets(st.floats(1e-9, 1e12), min_size=1, max_size=5)))
    counts = draw(
        st.lists(st.integers(0, 10**6), min_size=len(bounds) + 1, max_size=len(bounds) + 1)
    )
    return Buckets(tuple(bounds), tuple(counts), draw(_FINITE))


@st.composite
def families(draw: st.DrawFn) -> Measured:
    kind = draw(st.sampled_from(Kind))
    labels = tuple(sorted(draw(st.sets(LABEL_NAMES, min_size=kind is Kind.INFO, max_size=3))))
    sets = draw(
        st.lists(
            st.tuples(*(st.text(max_size=8) for _ in labels)), min_size=1, max_size=6, unique=True
        )
    )
    value = buckets() if kind is Kind.HISTOGRAM else _VALUES[kind]
    samples: list[Sample] = [(labels, draw(value)) for labels in sorted(sets)]
    return Measured(
        name=draw(NAMES) + _ENDINGS.get(kind, ""),
        help=draw(st.text(min_size=1, max_size=20)),
        kind=kind,
        labels=labels,
        samples=tuple(samples),
    )


def gauge(name: str, *values: float) -> Measured:
    return Measured(
        name=name,
        help=f"Help of {name}.",
        kind=Kind.GAUGE,
        labels=("environment_id",),
        samples=tuple(((f"us_env_{at:06d}",), value) for at, value in enumerate(values)),
    )


class Watched(tuple[Measured, ...]):  # noqa: SLOT001 - it counts, so it needs a dict
    """Families that count how often somebody went through them, which rendering does once."""

    times: int = 0

    def __iter__(self) -> Iterator[Measured]:
        self.times += 1
        return super().__iter__()
