"""The governor: less at each sign of struggle, more again by itself."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.flatfile.governor import CAUTION, FLOOR, RECOVERY, Governor, Sign
from exporter.flatfile.latency import ENOUGH, Latency

LIMITS = st.floats(0.1, 500.0)
WAITS = st.floats(0.0, 400.0)
STEPS = st.lists(
    st.tuples(WAITS, st.sampled_from([*Sign, None]), st.integers(0, 20)), min_size=1, max_size=40
)


def drive(governor: Governor, rate: float, seconds: float, since: float = 0.0) -> float:
    """Send evenly at that rate; the time afterwards."""
    for number in range(int(rate * seconds)):
        governor.sent(since + number / rate)
    return since + seconds


@given(limit=LIMITS, steps=STEPS)
def test_the_rate_stays_between_floor_and_limit_and_time_alone_never_lowers_it(
    limit: float, steps: list[tuple[float, Sign | None, int]]
) -> None:
    governor, now = Governor(limit), 0.0
    for wait, sign, requests in steps:
        before = governor.rate(now)
        now += wait
        assert governor.rate(now) >= before - 1e-9
        for _ in range(requests):
            governor.sent(now)
        if sign:
            governor.notice(sign, "/agents", now, now)
        assert min(FLOOR, limit) - 1e-9 <= governor.rate(now) <= limit + 1e-9


@given(limit=LIMITS, steps=STEPS)
def test_a_few_minutes_of_quiet_bring_back_the_whole_limit_from_anywhere(
    limit: float, steps: list[tuple[float, Sign | None, int]]
) -> None:
    governor, now = Governor(limit), 0.0
    for wait, sign, _ in steps:
        now += wait
        if sign:
            governor.notice(sign, "/agents", now, now)
    then = now + RECOVERY + 0.001
    assert governor.rate(then) == limit
    assert not governor.slowed(then)


@given(limit=LIMITS, sign=st.sampled_from(Sign), rate=st.floats(0.5, 100.0))
def test_a_decrease_starts_from_the_rate_that_was_really_used(
    limit: float, sign: Sign, rate: float
) -> None:
    governor = Governor(limit)
    now = drive(governor, rate, 20.0)
    assert governor.notice(sign, "/agents", now, now)
    # The rate used is a mean of the last seconds; one request more or less is half a request/s.
    used = min(limit, rate)
    assert governor.rate(now) <= max(min(FLOOR, limit), sign.factor * (used + 0.6)) + 1e-9
    assert governor.rate(now) >= sign.factor * min(limit, rate * 0.7 - 0.6)


@given(
    limit=LIMITS,
    sent=st.lists(st.floats(0.0, 10.0), max_size=30),
    sign=st.sampled_from(Sign),
)
def test_answers_to_what_was_sent_before_a_decrease_change_nothing(
    limit: float, sent: list[float], sign: Sign
) -> None:
    governor = Governor(limit)
    assert governor.notice(sign, "/agents", 5.0, 10.0)
    rate = governor.rate(10.0)
    for each in sent:
        assert not governor.notice(sign, "/agents", each, 11.0)
        assert not governor.answered("/agents", 30.0, each, 11.0)
    assert governor.rate(10.0) == rate
    assert governor.notice(sign, "/agents", 10.5, 11.0)


def test_after_a_429_the_rate_that_earned_it_is_come_near_again_slowly() -> None:
    governor = Governor(300.0)
    now = drive(governor, 20.0, 20.0)
    governor.notice(Sign.THROTTLED, "/agents", now, now)
    assert governor.rate(now) == pytest.approx(10.0, abs=0.5)
    assert governor.rate(now + CAUTION) == pytest.approx(20.0, abs=1.0)
    assert governor.rate(now + (CAUTION + RECOVERY) / 2) == pytest.approx(160.0, abs=1.0)


def test_another_limit_holds_at_once_and_does_not_end_the_caution() -> None:
    governor = Governor(100.0)
    now = drive(governor, 100.0, 5.0)
    governor.notice(Sign.THROTTLED, "/agents", now, now)
    governor.change(20.0)
    assert governor.rate(now) <= 20.0
    governor.change(1000.0)
    assert governor.rate(now) <= 20.0
    assert governor.rate(now + RECOVERY) == 1000.0


def test_one_failure_between_two_sweeps_does_not_start_from_the_lull() -> None:
    governor = Governor(100.0)
    now = drive(governor, 50.0, 30.0) + 25.0
    governor.sent(now)
    governor.notice(Sign.UNAVAILABLE, "/agents", now, now)
    assert governor.rate(now) > 15.0


@dataclass
class Route:
    """Answers of one route, one each tenth of a second."""

    governor: Governor = field(default_factory=lambda: Governor(10.0))
    now: float = 0.0
    name: str = "/agents"

    def answers(self, seconds: float, times: int) -> list[bool]:
        """For each whether it lowered the rate."""
        found = []
        for _ in range(times):
            sent = self.now = self.now + 0.1
            self.governor.sent(sent)
            found.append(self.governor.answered(self.name, seconds, sent, sent + seconds))
        return found


def test_a_route_that_becomes_slow_slows_us_down() -> None:
    route = Route()
    assert not any(route.answers(0.05, 200))
    assert any(route.answers(3.0, 2 * ENOUGH))
    assert route.governor.slowed(route.now)


def test_each_decrease_by_latency_is_measured_afresh() -> None:
    latency = Latency()
    for second in range(100):
        latency.slow(0.05, float(second), 0)
    for row in (1, 2, 3):
        slow = [latency.slow(3.0, 100.0 + row, row) for _ in range(ENOUGH)]
        assert slow == [False] * (ENOUGH - 1) + [True]


@pytest.mark.parametrize(
    ("usual", "late"),
    [(0.05, 0.9), (0.6, 1.7), (3.0, 8.0)],
    ids=["a busy processor", "a larger page", "a slow server that is a little slower"],
)
def test_what_is_no_sign_of_struggle_changes_nothing(usual: float, late: float) -> None:
    route = Route()
    assert not any(route.answers(usual, 200) + route.answers(late, 200))


def test_one_answer_of_half_a_minute_among_quick_ones_changes_nothing() -> None:
    route = Route()
    for _ in range(20):
        assert not any(route.answers(0.1, 30) + route.answers(30.0, 1))


def test_each_route_is_compared_with_itself() -> None:
    quick, slow = Route(), Route(name="/events")
    slow.governor = quick.governor
    for _ in range(100):
        assert not any(quick.answers(0.05, 1) + slow.answers(4.0, 1))


def test_what_stays_slow_becomes_usual_so_that_nobody_is_slow_for_ever() -> None:
    latency, now = Latency(), 0.0
    for _ in range(100):
        now += 1.0
        latency.slow(0.1, now, 0)
    slow = []
    for _ in range(3600):
        now += 1.0
        slow.append(latency.slow(3.0, now, 1))
    assert slow[ENOUGH]
    assert not any(slow[1800:])
    assert latency.usual == pytest.approx(3.0, rel=0.1)


def test_a_route_that_is_asked_rarely_keeps_its_measure_through_one_bad_answer() -> None:
    latency = Latency()
    for number in range(5):
        latency.slow(0.1, number * 300.0, 0)
    latency.slow(30.0, 1800.0, 0)
    assert latency.usual is not None
    assert latency.usual < 0.15


def test_a_route_that_does_nothing_but_fail_holds_up_the_others_once_only() -> None:
    governor, now = Governor(10.0), 0.0
    lowered = []
    for second in range(600):
        now = float(second)
        governor.sent(now)
        governor.answered("/agents", 0.05, now, now + 0.05)
        governor.sent(now + 0.1)
        lowered.append(governor.notice(Sign.UNAVAILABLE, "/guests", now + 0.1, now + 0.2))
    assert lowered == [True] + [False] * 599
    governor.answered("/guests", 0.05, now + 0.3, now + 0.4)
    assert governor.notice(Sign.UNAVAILABLE, "/guests", now + 0.5, now + 0.6)


def test_while_nothing_at_all_succeeds_the_rate_stays_at_the_floor() -> None:
    governor = Governor(10.0)
    for second in range(600):
        governor.sent(second)
        governor.notice(Sign.TIMED_OUT, ("/agents", "/guests")[second % 2], second, second + 0.5)
    assert governor.rate(600.0) < 2 * FLOOR
