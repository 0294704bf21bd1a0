"""How a question becomes smaller, and larger again."""

from itertools import pairwise

import pytest

from exporter.audit.feed.plan import (
    PATIENCE,
    Plan,
    Rung,
    helps,
    of_account,
    of_environment,
)
from exporter.errors import (
    BadRequest,
    Forbidden,
    ListChanged,
    Malformed,
    NotFound,
    RoundError,
    ServerFailed,
    Throttled,
    TimedOut,
    TooLarge,
    Unauthorized,
    Unreachable,
)

LATE = TimedOut("no answer")


def _down(plan: Plan, error: RoundError = LATE) -> list[Rung]:
    """Every rung on the way down."""
    rungs = [plan.rung]
    for _ in range(20):
        plan.narrow(error)
        if plan.rung != rungs[-1]:
            rungs.append(plan.rung)
    return rungs


def test_an_account_is_asked_with_smaller_pages_and_then_by_environment() -> None:
    assert _down(of_account(100)) == [Rung(100), Rung(25), Rung(10), Rung(100, split=True)]
    assert _down(of_account(5)) == [Rung(5), Rung(5, split=True)]


def test_an_environment_is_asked_with_smaller_pages_and_then_by_topic() -> None:
    whole, split = [Rung(100), Rung(25), Rung(10)], [Rung(n, split=True) for n in (100, 25, 10)]
    assert _down(of_environment(100)) == whole + split


def test_only_what_is_too_large_is_asked_for_one_by_one() -> None:
    assert _down(of_environment(100), TooLarge("huge"))[-1] == Rung(1, split=True)


def test_whole_answers_widen_step_by_step() -> None:
    plan = of_account(100)
    plan.narrow(LATE)
    plan.narrow(LATE)
    sizes = []
    for _ in range(3):
        plan.widen()
        sizes.append(plan.rung.size)
    assert sizes == [25, 100, 100]
    assert not plan.narrowed


def test_parts_that_can_be_had_say_nothing_of_the_whole() -> None:
    plan = of_environment(100)
    for _ in range(4):
        plan.narrow(LATE)
    assert plan.rung == Rung(25, split=True)
    plan.widen()
    plan.widen()
    assert plan.rung == Rung(100, split=True)
    plan.rejoin()
    assert plan.rung == Rung(100)


def test_single_events_are_joined_again_to_the_smallest_pages() -> None:
    plan = of_environment(100)
    _down(plan, TooLarge("huge"))
    plan.rejoin()
    assert plan.rung == Rung(10)


def test_a_wider_question_that_keeps_failing_is_tried_more_and_more_rarely() -> None:
    plan = of_account(100)
    attempts = []
    for number in range(200):
        if plan.rung.size == 100 and not plan.rung.split:
            attempts.append(number)
            plan.narrow(LATE)
        else:
            plan.widen()
    pauses = [after - before for before, after in pairwise(attempts)]
    assert pauses[:4] == [2, 3, 5, 9]
    assert max(pauses) == 33


def test_once_it_works_again_there_is_no_waiting_any_more() -> None:
    plan = of_account(100)
    for _ in range(4):
        plan.narrow(LATE)
        while plan.narrowed:
            plan.widen()
    plan.widen()  # this time it worked
    plan.narrow(LATE)
    plan.widen()
    assert not plan.narrowed


def test_it_is_given_up_only_after_the_smallest_question_failed_for_long() -> None:
    plan = of_environment(100)
    for _ in range(5 + PATIENCE - 1):
        plan.narrow(LATE)
        assert not plan.given_up
    plan.narrow(LATE)
    assert plan.given_up
    plan.widen()
    assert not plan.given_up


@pytest.mark.parametrize(
    "kind", [TimedOut, Throttled, ServerFailed, Unreachable, TooLarge, ListChanged, Malformed]
)
def test_what_a_smaller_question_may_help_with_narrows(kind: type[RoundError]) -> None:
    assert helps(kind("why"))


@pytest.mark.parametrize("kind", [BadRequest, Forbidden, NotFound, Unauthorized])
def test_a_refusal_does_not_become_an_answer_by_asking_for_less(kind: type[RoundError]) -> None:
    plan = of_account(100)
    plan.narrow(kind("why"))
    assert not helps(kind("why"))
    assert not plan.narrowed
