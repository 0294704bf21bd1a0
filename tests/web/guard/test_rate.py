from exporter.web.guard.document import RateLimit
from exporter.web.guard.rate import Bucket


def test_a_burst_is_let_through_and_then_one_each_interval() -> None:
    bucket = Bucket(RateLimit(2.0, 3), 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(t) for t in (101.9, 102.0, 102.1, 104.0)] == [False, True, False, True]


def test_a_pause_gives_no_more_than_the_burst() -> None:
    bucket = Bucket(RateLimit(1.0, 2), 0.0)
    assert [bucket.take(1e6) for _ in range(3)] == [True, True, False]


def test_without_a_burst_nothing_ever_comes_through() -> None:
    bucket = Bucket(RateLimit(1.0, 0), 0.0)
    assert not any(bucket.take(t) for t in (0.0, 1.0, 1e6))


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    bucket = Bucket(RateLimit(1.0, 1), 10.0)
    assert bucket.take(10.0)
    assert not bucket.take(5.0)
    assert bucket.take(6.0)
