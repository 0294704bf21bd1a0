"""What a scraper asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.exposition.accept import Format, gzipped, negotiate

TEXT, OPEN = Format.TEXT, Format.OPENMETRICS
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_2_OLD = (
    "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
PROMETHEUS_3_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;"
    "q=0.6," + PROMETHEUS_3
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        ("application/*", OPEN),
        (BROWSER, TEXT),
        (PROMETHEUS_2, OPEN),
        (PROMETHEUS_2_OLD, TEXT),
        (PROMETHEUS_3, OPEN),
        (PROMETHEUS_3_PROTOBUF, OPEN),
        ("application/openmetrics-text", OPEN),
        ("APPLICATION/OpenMetrics-Text; Version=1.0.0; Charset=UTF-8", OPEN),
        ('application/openmetrics-text;version="1.0.0"', OPEN),
        ('application/openmetrics-text;x="a,b;q=0";version=1.0.0', OPEN),
        (r'application/openmetrics-text;x="a\",b";version=1.0.0', OPEN),
        ("application/openmetrics-text;version=0.0.1", TEXT),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;charset=latin-1", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("application/openmetrics-text;q=0,*/*", TEXT),
        ("application/openmetrics-text;q=0.5,text/plain;q=0.6", TEXT),
        ("application/openmetrics-text;q=0.6,text/plain;q=0.5", OPEN),
        ("text/plain;q=0,*/*", OPEN),
        ("text/plain;q=0,*/*;q=0", TEXT),
        ("*/*,application/openmetrics-text", OPEN),
        ("*/*;q=1,application/openmetrics-text;q=0.1", TEXT),
        ("text/plain,application/openmetrics-text", TEXT),
        ("application/openmetrics-text,text/plain", OPEN),
        # The most exact of several ranges decides, whatever their order.
        ("application/openmetrics-text,application/openmetrics-text;version=1.0.0;q=0", TEXT),
        # A weight that is none takes its element with it.
        ("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=,text/plain;q=0.1", TEXT),
        ("application/openmetrics-text;q=nan", TEXT),
        (";;,,;q=1,/", TEXT),
        ('"', TEXT),
    ],
)  # fmt: skip
def test_the_format_is_the_one_that_is_wanted_most(accept: str | None, form: Format) -> None:
    assert negotiate(accept) is form


@pytest.mark.parametrize(
    ("accept_encoding", "packed"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("gzip, deflate, br", True),
        ("deflate, br", False),
        ("gzip;q=0", False),
        ("gzip;q=0.001", True),
        ("gzip;q=0.0", False),
        ("gzip;q=x", False),
        ("identity", False),
        ("identity, gzip", True),
        ("identity;q=1, gzip;q=0.5", False),
        ("identity;q=0.5, gzip;q=1.0", True),
        ("identity;q=0.5, *;q=0.2", False),
        ("*", True),
        ("*;q=0", False),
        ("*;q=0, gzip", True),
        ("gzip;q=0, *", False),
        ("identity;q=0", True),
        ("identity;q=0, br", True),
        ("identity;q=0, gzip;q=0", False),
        ("gzip ; q=0.8 , identity; q=0.1", True),
    ],
)  # fmt: skip
def test_gzip_is_used_when_it_is_wanted_at_least_as_much(
    accept_encoding: str | None, packed: bool
) -> None:
    assert gzipped(accept_encoding) is packed


PARTS = st.sampled_from(
    ["text/plain", "application/openmetrics-text", "*/*", ";", ",", "q=", "0.5", "version=1.0.0",
     '"', "\\", " ", "=", "gzip", "identity", "*", "\xff", "1.0000", "-1", "²"]
)  # fmt: skip


@given(header=st.one_of(st.text(), st.lists(PARTS, max_size=30).map("".join)))
def test_any_header_at_all_gets_an_answer(header: str) -> None:
    assert negotiate(header) in Format
    assert gzipped(header) in {True, False}
