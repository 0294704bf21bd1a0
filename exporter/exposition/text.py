"""One family as lines of text.

Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats) and OpenMetrics 1.0.0
(prometheus.io/docs/specs/om/open_metrics_spec) differ in the comment lines and in the end of the
page only. Everything in the sample lines is written so that both accept it: a sample is rendered
once for both.
"""

import math
from collections.abc import Iterator
from itertools import accumulate

from exporter.exposition.accept import Format
from exporter.families import Buckets, Kind, Labels, Measured, Sample

_BATCH = 256
_EXPONENT_FROM = 1e6
_BY_NAME_ALONE = {Kind.COUNTER: "_total", Kind.INFO: "_info"}


def heading(family: Measured, form: Format) -> bytes:
    """The lines HELP and TYPE.

    OpenMetrics names a counter and an info without their suffix, escapes quotation marks too, and
    has the type ``info``, which text 0.0.4 has not: there it is a gauge.
    """
    name, kind = family.name, family.kind.value
    text = family.help.replace("\\", r"\\").replace("\n", r"\n")
    if form is Format.OPENMETRICS:
        name = name.removesuffix(_BY_NAME_ALONE.get(family.kind, ""))
        text = text.replace('"', r"\"")
    elif family.kind is Kind.INFO:
        kind = Kind.GAUGE.value
    return _bytes(f"# HELP {name} {text}\n# TYPE {name} {kind}\n")


def samples(family: Measured) -> Iterator[bytes]:
    """The sample lines; where one piece of bytes ends and the next begins has no meaning."""
    if family.kind is Kind.HISTOGRAM:
        for labels, value in family.samples:
            yield _bytes("".join(_histogram(family, labels, value)))
        return
    template = _template(family.name, family.labels)
    for start in range(0, len(family.samples), _BATCH):
        yield _bytes(_lines(template, family.samples[start : start + _BATCH]))


def number(value: float) -> str:
    """Exact, and without ``.0``; both formats read it as the same float."""
    if math.isfinite(value):
        text = repr(float(value)).removesuffix(".0")
        # Read as the integer that it looks like, "-0" would lose its sign.
        return text if text != "-0" else "-0.0"
    if math.isnan(value):
        return "NaN"
    return "+Inf" if value > 0 else "-Inf"


def bound(value: float) -> str:
    """A histogram's ``le``: OpenMetrics wants floats, and the canonical ones as Go prints them.

    A series is known by this text, so that it has to be the one that every other library writes.
    """
    text = repr(float(value)) if math.isfinite(value) else number(value)
    if "e" in text or not _EXPONENT_FROM <= value < math.inf:
        return text
    whole, _, rest = text.partition(".")
    digits = (whole + rest).rstrip("0")
    mantissa = digits[0] + ("." + digits[1:] if digits[1:] else "")
    return f"{mantissa}e+{len(whole) - 1:02d}"


def _lines(template: str, batch: tuple[Sample, ...]) -> str:
    # Nearly no label value needs escaping. Looking at all of a batch at once costs a tenth of
    # looking at each.
    every = "\0".join(["\0".join(labels) for labels, _ in batch])
    if "\\" in every or '"' in every or "\n" in every:
        batch = tuple((_escaped(labels), value) for labels, value in batch)
    return "".join([f"{template % labels}{_value(value)}\n" for labels, value in batch])


def _template(name: str, labels: Labels, *more: str) -> str:
    pairs = ",".join([*(f'{label}="%s"' for label in labels), *more])
    return f"{name}{{{pairs}}} " if pairs else f"{name} "


def _value(value: float | Buckets) -> str:
    if isinstance(value, Buckets):
        raise TypeError("buckets in a family that is no histogram")
    return number(value)


def _histogram(family: Measured, labels: Labels, value: float | Buckets) -> Iterator[str]:
    if not isinstance(value, Buckets):
        raise TypeError(f"a plain number in the histogram {family.name}")
    labels = _escaped(labels)
    bounds = [bound(le) for le in value.bounds] + ["+Inf"]
    count = 0
    for le, count in zip(bounds, accumulate(value.counts), strict=True):
        line = _template(f"{family.name}_bucket", family.labels, f'le="{le}"')
        yield f"{line % labels}{count}\n"
    yield f"{_template(f'{family.name}_count', family.labels) % labels}{count}\n"
    yield f"{_template(f'{family.name}_sum', family.labels) % labels}{number(value.total)}\n"


def _escaped(labels: Labels) -> Labels:
    return tuple(
        value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"") for value in labels
    )


def _bytes(text: str) -> bytes:
    # Half a surrogate pair, which JSON can carry, has no UTF-8: a page with a question mark in a
    # name is worth more than no page.
    return text.encode("utf-8", "replace")
