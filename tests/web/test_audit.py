"""The audit log on the page for people."""

from dataclasses import replace

import pytest

from exporter.web.page import page
from exporter.web.status import AuditStatus, SinkStatus
from tests.web.stages import NOW, a_status

WELL = AuditStatus(
    public_key="ab" * 32,
    records=12_345,
    gaps=0,
    newest_event=NOW - 60,
    last_success=NOW - 5,
    last_checkpoint=NOW - 30,
    sinks=(SinkStatus(name="file"), SinkStatus(name="loki", backlog=7, oldest_unsent=NOW - 9)),
)


def shown(log: AuditStatus | None) -> str:
    return page(replace(a_status(), audit=log))


def test_a_page_without_an_audit_log_does_not_speak_of_one() -> None:
    assert "udit" not in shown(None)


def test_a_log_that_is_well_is_ok_and_says_how_far_it_is() -> None:
    html = shown(WELL)
    for text in ("Audit log", "12,345", "ab" * 32, "2 sinks of the audit log", "loki", "7"):
        assert text in html
    assert "The audit log needs attention." not in html


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (replace(WELL, available=False), "the store cannot be used"),
        (replace(WELL, blocked=True), "the backlog of a sink is full"),
        (replace(WELL, problem="GET /events answered 502"), "GET /events answered 502"),
        (
            replace(WELL, sinks=(SinkStatus(name="file", problem="no room <there>"),)),
            "no room &lt;there&gt;",
        ),
    ],
)
def test_what_is_wrong_is_said_there_and_in_the_headlines(log: AuditStatus, said: str) -> None:
    html = shown(log)
    assert said in html
    assert "The audit log needs attention." in html


def test_one_that_waits_to_take_over_is_no_alarm() -> None:
    html = shown(AuditStatus(public_key="ab" * 32, writer=False))
    assert "waits for another process" in html
    assert "The audit log needs attention." not in html
