"""The ``process_*`` and ``python_info`` families of the client library, as data of ours."""

from collections.abc import Iterator

from prometheus_client import PlatformCollector, ProcessCollector
from prometheus_client.registry import CollectorRegistry

from exporter.families import Kind, Measured


class Process:
    """Reads them from ``/proc`` and the interpreter, without any registry that is shared."""

    def __init__(self) -> None:
        # The collectors insist on registering with one; this one is nobody else's.
        registry = CollectorRegistry()
        self._collectors = (
            ProcessCollector(registry=registry),
            PlatformCollector(registry=registry),
        )

    def measured(self) -> Iterator[Measured]:
        """What they say now; nothing on systems without ``/proc``."""
        for collector in self._collectors:
            for metric in collector.collect():
                if not metric.samples:
                    continue
                labels = tuple(metric.samples[0].labels)
                yield Measured(
                    name=metric.samples[0].name,
                    help=metric.documentation,
                    kind=Kind(metric.type),
                    labels=labels,
                    samples=tuple(
                        (tuple(sample.labels[label] for label in labels), sample.value)
                        for sample in metric.samples
                    ),
                )
