"""The audit log: is every event kept, in time, everywhere it should be."""

from grafana.source import annotations, records, sinks
from grafana.source.frame import Band, Frame


def frame() -> Frame:
    return Frame(
        uid="flatfile-audit",
        title="Flatfile / Audit log",
        description="Records, lag, backlog by sink, gaps and the chain.",
        marks=(annotations.alerts('environment_id=""'),),
        bands=(
            Band(5, ((5, records.feed()), (4, records.gaps()), (5, sinks.backlog()),
                     (5, sinks.waiting()), (5, sinks.dead()))),
            Band(4, ((3, records.writer()), (3, records.store()), (3, records.reading()),
                     (4, records.newest_event()), (4, records.written()),
                     (4, records.height()), (3, records.checkpoint()))),
            Band(8, ((12, records.records()), (12, records.lag()))),
            Band(8, ((12, sinks.backlogs()), (12, sinks.oldest()))),
            Band(8, ((8, records.odd()), (8, sinks.dead_over_time()),
                     (8, records.unresolved_over_time()))),
            Band(7, ((24, records.chain()),)),
        ),
    )  # fmt: skip
