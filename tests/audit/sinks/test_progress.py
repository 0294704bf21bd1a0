"""What a sink remembers of a batch that failed in the middle."""

from exporter.audit.sinks.progress import Progress
from tests.audit.sinks.stage import entries


def test_what_is_settled_is_not_lacking_when_the_batch_comes_again() -> None:
    progress = Progress()
    progress.took(entries(1, 2))
    progress.refused({3: "bad"})
    assert [e.sequence for e in progress.lacking(entries(1, 5))] == [4, 5]
    assert progress.finish(entries(1, 5)) == {3: "bad"}


def test_a_smaller_batch_does_not_forget_what_the_larger_one_had_settled() -> None:
    progress = Progress()
    progress.took(entries(1, 8))
    progress.finish(entries(1, 5))
    assert [e.sequence for e in progress.lacking(entries(6, 10))] == [9, 10]


def test_what_was_finished_or_given_up_is_sent_when_it_comes_again() -> None:
    progress = Progress()
    progress.took(entries(1, 3))
    progress.refused({2: "bad"})
    progress.finish(entries(7, 9))
    assert len(progress.lacking(entries(1, 3))) == 3
