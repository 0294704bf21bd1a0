"""What a scrape may see of the rounds: whole snapshots, ages, nothing that is gone."""

from exporter.board import Board, Outcome, Record, enabled, ended
from exporter.errors import TimedOut
from exporter.families import gauge, measure

FAMILY = gauge("things", "Things.", lambda data: data, ("environment_id",))


def _board(*names: str) -> Board:
    board = Board()
    board.swap(enabled({name: Record(interval=60, retain=600) for name in names}))
    return board


def _good(now: float, *environments: str, known: frozenset[str] | None = None) -> Outcome:
    return Outcome(
        now=now,
        started=1000 + now,
        ended=1001 + now,
        duration=1,
        data=environments,
        measured=measure([FAMILY], [((e,), 1) for e in environments]),
        environments=known,
    )


def _bad(now: float, message: str = "no answer") -> Outcome:
    return Outcome(
        now=now, started=1000 + now, ended=1001 + now, duration=1, error=TimedOut(message)
    )


def _environments(board: Board, name: str) -> list[str]:
    return [v[0] for family in board.snapshot.readings[name].shown for v, _ in family.samples]


def test_nothing_is_known_of_a_collector_before_its_first_round() -> None:
    board = _board("agents")
    record = board.snapshot.records["agents"]
    assert (record.rounds, record.succeeded, record.last_success) == (0, None, None)
    assert board.snapshot.fresh(0) == {}


def test_after_a_failure_the_last_good_value_stays_and_its_success_ages() -> None:
    board = _board("agents")
    board.swap(ended("agents", _good(0, "a")))
    board.swap(ended("agents", _bad(60)))
    record = board.snapshot.records["agents"]
    assert record.succeeded is False
    assert record.last_success == 1001
    assert record.last_attempt == 1060
    assert record.failures["timeout"] == 1
    assert "agents" in board.snapshot.fresh(60)


def test_past_the_bound_the_reading_is_dropped() -> None:
    board = _board("agents")
    board.swap(ended("agents", _good(0, "a")))
    assert "agents" in board.snapshot.fresh(600)
    assert "agents" not in board.snapshot.fresh(600.1)


def test_an_environment_that_is_gone_is_gone_from_every_collector_at_once() -> None:
    board = _board("environments", "agents")
    board.swap(ended("environments", _good(0, "a", "b", known=frozenset("ab"))))
    board.swap(ended("agents", _good(1, "a", "b")))
    board.swap(ended("environments", _good(60, "b", known=frozenset("b"))))
    assert _environments(board, "agents") == ["b"]


def test_an_environment_that_comes_back_brings_its_last_reading_back() -> None:
    board = _board("environments", "agents")
    board.swap(ended("agents", _good(1, "a", "b")))
    board.swap(ended("environments", _good(60, "b", known=frozenset("b"))))
    board.swap(ended("environments", _good(120, "a", "b", known=frozenset("ab"))))
    assert _environments(board, "agents") == ["a", "b"]


def test_a_round_that_changes_nothing_for_others_keeps_their_reading_identical() -> None:
    board = _board("environments", "agents")
    board.swap(ended("agents", _good(1, "a")))
    before = board.snapshot.readings["agents"]
    board.swap(ended("environments", _good(60, "a", known=frozenset("a"))))
    assert board.snapshot.readings["agents"] is before


def test_the_problem_is_the_newest_and_since_the_first_of_the_row() -> None:
    board = _board("agents")
    board.swap(ended("agents", _bad(0, "first")))
    board.swap(ended("agents", _bad(60, "second")))
    record = board.snapshot.records["agents"]
    assert (record.problem, record.problem_since) == ("second", 1001)
    board.swap(ended("agents", _good(120, "a")))
    assert board.snapshot.records["agents"].problem is None


def test_a_collector_that_is_switched_off_leaves_nothing_and_the_others_keep_all() -> None:
    board = _board("agents", "users")
    for name in ("agents", "users"):
        board.swap(ended(name, _good(0, "a")))
    board.swap(enabled({"agents": Record(interval=30, retain=300)}))
    assert list(board.snapshot.records) == ["agents"]
    assert list(board.snapshot.readings) == ["agents"]
    assert board.snapshot.records["agents"].rounds == 1
    assert board.snapshot.records["agents"].interval == 30


def test_a_round_that_ends_after_its_collector_was_switched_off_is_forgotten() -> None:
    board = _board("agents")
    board.swap(enabled({}))
    board.swap(ended("agents", _good(0, "a")))
    assert not board.snapshot.readings


def test_readiness_waits_for_a_complete_round_of_each_essential_collector() -> None:
    board = Board()
    essential = Record(interval=60, retain=600, essential=True)
    board.swap(enabled({"agents": essential, "users": Record(interval=60, retain=600)}))
    assert board.snapshot.waiting_for() == ("agents",)
    board.swap(ended("agents", _good(0, "a")))
    assert board.snapshot.waiting_for() == ()
