"""The tree of errors is closed and its reasons are distinct."""

from exporter.errors import REASONS, ConfigurationError, Mistake, RoundError


def _all(kind: type[RoundError]) -> list[type[RoundError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in _all(child))]


def test_every_error_that_can_be_raised_has_a_reason_of_its_own() -> None:
    leaves = [kind for kind in _all(RoundError) if not kind.__subclasses__()]
    assert sorted(kind.reason for kind in leaves) == list(REASONS)
    assert len(set(REASONS)) == len(leaves)


def test_a_configuration_error_tells_every_mistake_with_its_origin() -> None:
    error = ConfigurationError(
        Mistake("api.timeout", "flag --api.timeout", "is not a duration"),
        Mistake("web.listen-address", "file x.yaml, line 3", "is not an address"),
    )
    assert [str(mistake) for mistake in error.mistakes] == [
        "api.timeout (flag --api.timeout): is not a duration",
        "web.listen-address (file x.yaml, line 3): is not an address",
    ]
