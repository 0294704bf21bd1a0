"""The account in one glance, from across the room; then what it consists of."""

from grafana.source import account, health, lists
from grafana.source.frame import Band, Frame


def frame() -> Frame:
    return Frame(
        uid="flatfile-overview",
        title="Flatfile / Account overview",
        description="Is everything well? Which environment lost its agent, and since when?",
        bands=(
            Band(5, ((5, account.lost()), (5, account.firing()), (4, health.api()),
                     (5, health.stale()), (5, health.token()))),
            Band(9, ((15, lists.environments()), (9, lists.history()))),
            Band(4, ((4, account.number("All environments", "flatfile_environments")),
                     (4, account.per_environment("Spaces", "flatfile_environment_spaces")),
                     (4, account.number("Users", "flatfile_users")), (8, account.active()),
                     (4, account.per_environment("Guests", "flatfile_environment_guests")))),
            Band(10, ((15, account.events()), (9, account.failed()))),
            Band(9, ((10, lists.alerts()), (14, lists.collectors()))),
        ),
    )  # fmt: skip
