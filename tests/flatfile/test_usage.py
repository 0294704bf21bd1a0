"""What the exporter counts of its own use of the API."""

from exporter.flatfile.usage import Usage


def test_a_slow_answer_to_an_older_question_does_not_overrule_a_newer_one() -> None:
    usage = Usage()
    slow, newer = usage.begin(), usage.begin()
    usage.judge(newer, up=False)
    usage.judge(slow, up=True)
    assert usage.up is False


def test_the_newest_attempt_decides_and_may_change_its_mind() -> None:
    usage = Usage()
    assert usage.up is None
    usage.judge(usage.begin(), up=False)
    newest = usage.begin()
    usage.judge(newest, up=True)
    assert usage.up is True
    usage.judge(newest, up=False)  # its answer turned out not to be the API's
    assert usage.up is False
