"""The exporter itself: its rounds, what it asks of the API, its token, its process."""

from grafana.source import annotations, health, process, requests, rounds
from grafana.source.frame import Band, Frame


def frame() -> Frame:
    return Frame(
        uid="flatfile-exporter",
        title="Flatfile / Exporter",
        description="How the exporter does: rounds, requests, budget, token, process.",
        marks=(annotations.alerts('environment_id=""'),),
        bands=(
            Band(4, ((3, health.replicas()), (3, process.shards()), (3, health.api()),
                     (3, health.credential()), (3, health.token()), (3, process.configuration()),
                     (3, process.storage()), (3, process.version()))),
            Band(9, ((12, rounds.success()), (12, rounds.failures())), title="Rounds"),
            Band(9, ((12, rounds.collectors()), (12, rounds.durations()))),
            Band(8, ((8, rounds.lateness()), (8, rounds.hints()), (8, rounds.rounds()))),
            Band(9, ((14, requests.requests()), (10, requests.latency())),
                 title="Requests to Flatfile"),
            Band(9, ((8, requests.latency_by_route()), (8, requests.budget()),
                     (8, requests.waiting()))),
            Band(8, ((12, requests.retries()), (12, requests.refreshes()))),
            Band(7, ((6, process.memory()), (6, process.processor()), (6, process.files()),
                     (6, process.heartbeat())),
                 title="Process"),
            Band(5, ((24, process.replicas()),)),
        ),
    )  # fmt: skip
