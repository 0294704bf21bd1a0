"""Who goes first, with real threads: one that works, while somebody is answered."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event

from exporter.precedence import Precedence

_FOREVER = 60.0  # seconds; none of this may take as long
_MOMENT = 0.05  # seconds; who does not rest is through by then


class Clock:
    """Stands still unless it is moved; seconds."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def working(precedence: Precedence, pieces: int = 1) -> Iterator[Event]:
    """A thread that gives way so many times; the event is set when it is through."""
    began, through = Event(), Event()

    def work() -> None:
        began.set()
        for _ in range(pieces):
            precedence.give_way()
        through.set()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(work)
        assert began.wait(_FOREVER)
        yield through


def test_work_rests_until_every_answer_that_is_on_its_way_was_given() -> None:
    precedence = Precedence(Clock(), longest=_FOREVER, patience=_FOREVER)
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(precedence.answering())
        second.enter_context(precedence.answering())
        with working(precedence) as through:
            assert not through.wait(_MOMENT)
            first.close()
            assert not through.wait(_MOMENT)
            second.close()
            assert through.wait(_MOMENT * 100)


def test_an_answer_that_failed_is_waited_for_no_longer() -> None:
    precedence = Precedence(Clock(), longest=_FOREVER, patience=_FOREVER)
    with ExitStack() as answer:
        answer.enter_context(precedence.answering())
        answer.push(lambda *_: True)
        answer.callback(_fail)
    assert precedence.left == 0.0


def test_work_goes_on_a_little_however_much_is_to_be_answered() -> None:
    precedence = Precedence(Clock(), longest=_FOREVER, patience=0.001)
    with precedence.answering(), working(precedence, pieces=10) as through:
        assert through.wait(_FOREVER / 2)


def test_who_reads_slowly_is_not_waited_for() -> None:
    clock = Clock()
    precedence = Precedence(clock, longest=1.0, patience=_FOREVER)
    with precedence.answering():
        assert precedence.left == 1.0
        clock.now += 1.0
        assert precedence.left == 0.0
        with working(precedence) as through:
            assert through.wait(_FOREVER / 2)


def test_nothing_rests_for_an_answer_that_waits_itself() -> None:
    precedence = Precedence(Clock(), longest=_FOREVER)
    with precedence.waiting():
        assert precedence.left == 0.0
    assert precedence.left == 0.0
    with precedence.answering():
        with precedence.waiting():
            assert precedence.left == 0.0
        assert precedence.left > 0.0
        with precedence.answering(), precedence.waiting():  # of the two
            assert precedence.left > 0.0
    assert precedence.left == 0.0


def _fail() -> None:
    raise ConnectionResetError
