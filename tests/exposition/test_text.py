"""The renderer against the client library: its parsers read ours, and its pages mean the same."""

import math
from collections.abc import Iterable
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.utils import floatToGoString

from exporter.exposition import Format, text
from exporter.families import Buckets, Kind, Measured
from tests.exposition.families import families, gauge

Meaning = list[tuple[str, str, str, list[tuple[str, list[tuple[str, str]], str]]]]


class Registered:
    """What the library needs to render one family."""

    def __init__(self, metric: Metric) -> None:
        self.metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self.metric]


def ours(family: Measured, form: Format) -> str:
    ending = b"# EOF\n" if form is Format.OPENMETRICS else b""
    return b"".join((text.heading(family, form), *text.samples(family), ending)).decode()


def theirs(family: Measured, form: Format) -> str:
    make = generate_openmetrics if form is Format.OPENMETRICS else generate_latest
    rendered: bytes = make(Registered(_metric(family)))
    return rendered.decode()


def meaning(page: str, form: Format) -> Meaning:
    parse = parse_openmetrics if form is Format.OPENMETRICS else parse_text
    return [
        (
            metric.name,
            metric.type,
            metric.documentation,
            [(s.name, sorted(s.labels.items()), repr(float(s.value))) for s in metric.samples],
        )
        for metric in parse(page)
    ]


def as_go_prints(value: float) -> str:
    printed: str = floatToGoString(value)  # type: ignore[no-untyped-call] # the library's own
    return printed


def comments(page: str) -> list[str]:
    return [line for line in page.split("\n") if line.startswith("# ")]


def _metric(family: Measured) -> Metric:
    name, labels = family.name, list(family.labels)
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, family.help, labels=labels)
        for values, value in family.samples:
            assert isinstance(value, Buckets)
            bounds = [*map(as_go_prints, value.bounds), "+Inf"]
            cumulated = list(zip(bounds, accumulate(value.counts), strict=True))
            histogram.add_metric(list(values), cumulated, value.total)
        return histogram
    if family.kind is Kind.INFO:
        info = InfoMetricFamily(name.removesuffix("_info"), family.help, labels=labels)
        for values, _ in family.samples:
            info.add_metric(list(values), {})
        return info
    if family.kind is Kind.COUNTER:
        plain: CounterMetricFamily | GaugeMetricFamily
        plain = CounterMetricFamily(name.removesuffix("_total"), family.help, labels=labels)
    else:
        plain = GaugeMetricFamily(name, family.help, labels=labels)
    for values, value in family.samples:
        assert not isinstance(value, Buckets)
        plain.add_metric(list(values), value)
    return plain


@pytest.mark.parametrize("form", Format)
@given(family=families())
def test_the_library_reads_in_our_page_what_it_reads_in_its_own(
    form: Format, family: Measured
) -> None:
    assert meaning(ours(family, form), form) == meaning(theirs(family, form), form)


@pytest.mark.parametrize("form", Format)
@given(family=families())
def test_the_comment_lines_are_those_of_the_library(form: Format, family: Measured) -> None:
    assert comments(ours(family, form)) == comments(theirs(family, form))


@given(family=families())
def test_every_label_and_value_comes_back(family: Measured) -> None:
    (metric,) = parse_openmetrics(ours(family, Format.OPENMETRICS))  # type: ignore[no-untyped-call] # the library's own
    assert metric.documentation.strip() == family.help.strip()  # which the parser may lose
    if family.kind is Kind.HISTOGRAM:
        counts = [sample for sample in metric.samples if sample.name.endswith("_count")]
        expected = [float(sum(value.counts)) for _, value in family.samples]  # type: ignore[union-attr] # buckets, here
        assert [sample.value for sample in counts] == expected
        return
    back = [(sample.labels, repr(float(sample.value))) for sample in metric.samples]
    assert back == [
        (dict(zip(family.labels, labels, strict=True)), repr(float(value)))  # type: ignore[arg-type] # numbers, here
        for labels, value in family.samples
    ]


@given(value=st.one_of(st.floats(), st.integers(-(2**80), 2**80)))
def test_a_number_is_exact(value: float) -> None:
    back = float(text.number(value))
    assert back == float(value) or (math.isnan(back) and math.isnan(value))


@given(value=st.floats(min_value=0, allow_nan=False))
def test_a_bound_is_written_as_every_other_library_writes_it(value: float) -> None:
    assert text.bound(value) == as_go_prints(value)


@pytest.mark.parametrize(
    ("value", "written"),
    [(0.0, "0"), (-0.0, "-0.0"), (1.0, "1"), (2.5, "2.5"), (1e300, "1e+300"), (1792834567.25, "1792834567.25"),
     (math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN"), (True, "1")],
)  # fmt: skip
def test_numbers_are_written_short(value: float, written: str) -> None:
    assert text.number(value) == written


def test_the_two_formats_differ_where_they_must() -> None:
    counter = Measured(
        name="flatfile_events_total",
        help='Events "seen"\\\n',
        kind=Kind.COUNTER,
        labels=(),
        samples=(((), 3.0),),
    )
    assert ours(counter, Format.TEXT) == (
        '# HELP flatfile_events_total Events "seen"\\\\\\n\n'
        "# TYPE flatfile_events_total counter\n"
        "flatfile_events_total 3\n"
    )
    assert ours(counter, Format.OPENMETRICS) == (
        '# HELP flatfile_events Events \\"seen\\"\\\\\\n\n'
        "# TYPE flatfile_events counter\n"
        "flatfile_events_total 3\n"
        "# EOF\n"
    )


def test_an_info_is_a_gauge_in_the_old_format() -> None:
    info = Measured(
        name="flatfile_agent_info",
        help="Agents.",
        kind=Kind.INFO,
        labels=("slug",),
        samples=((('a"b\\c\n',), 1.0),),
    )
    line = 'flatfile_agent_info{slug="a\\"b\\\\c\\n"} 1\n'
    assert ours(info, Format.TEXT) == (
        f"# HELP flatfile_agent_info Agents.\n# TYPE flatfile_agent_info gauge\n{line}"
    )
    assert ours(info, Format.OPENMETRICS) == (
        f"# HELP flatfile_agent Agents.\n# TYPE flatfile_agent info\n{line}# EOF\n"
    )


def test_a_histogram_has_cumulative_buckets_a_sum_and_a_count() -> None:
    histogram = Measured(
        name="flatfile_seconds",
        help="Seconds.",
        kind=Kind.HISTOGRAM,
        labels=("route",),
        samples=((("/v1",), Buckets((0.05, 1.0), (1, 2, 4), 9.5)),),
    )
    assert ours(histogram, Format.TEXT).splitlines()[2:] == [
        'flatfile_seconds_bucket{route="/v1",le="0.05"} 1',
        'flatfile_seconds_bucket{route="/v1",le="1.0"} 3',
        'flatfile_seconds_bucket{route="/v1",le="+Inf"} 7',
        'flatfile_seconds_count{route="/v1"} 7',
        'flatfile_seconds_sum{route="/v1"} 9.5',
    ]


def test_half_a_surrogate_pair_in_a_name_does_not_cost_the_page() -> None:
    family = Measured(
        name="flatfile_x_info",
        help="X.",
        kind=Kind.INFO,
        labels=("slug",),
        samples=((("a\ud800b",), 1.0),),
    )
    assert 'slug="a?b"' in ours(family, Format.TEXT)


def test_one_value_that_needs_escaping_does_not_change_its_neighbours() -> None:
    family = gauge("flatfile_x", *range(1000))
    odd = Measured(
        name=family.name,
        help=family.help,
        kind=family.kind,
        labels=family.labels,
        samples=((('"',), 1.0), *family.samples),
    )
    assert ours(odd, Format.TEXT).splitlines()[3:] == ours(family, Format.TEXT).splitlines()[2:]


@pytest.mark.parametrize(
    ("kind", "value"), [(Kind.GAUGE, Buckets((), (1,), 1.0)), (Kind.HISTOGRAM, 1.0)]
)
def test_a_value_of_the_wrong_kind_fails_loudly(kind: Kind, value: float | Buckets) -> None:
    family = Measured(name="flatfile_x", help="X.", kind=kind, labels=(), samples=(((), value),))
    with pytest.raises(TypeError):
        ours(family, Format.TEXT)
