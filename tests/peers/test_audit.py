"""The audit log of the real daemon: killed, taken over, taken offline, and never telling too much."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest

from exporter.emulator.names import MAIL_DOMAIN, PERSON, SECRET, SOURCE, TOKEN
from tests.peers.test_kill import under_load
from tests.support.processes import (
    SMALL,
    STILL,
    Account,
    Exporter,
    account,
    command,
    eventually,
    exporter,
    quick,
    run_to_end,
    running,
    spotless,
)

pytestmark = pytest.mark.peers

KILLS = 6
AUDIT = (
    "--audit",
    "--audit.interval=1s",
    "--audit.settle=0s",
    "--audit.overlap=10s",
    "--audit.checkpoint-records=100",
    "--audit.checkpoint-interval=1s",
)
SECRETS = (SECRET, SOURCE, TOKEN)
PEOPLE = (PERSON, MAIL_DOMAIN)


def store(folder: Path) -> Path:
    return folder / "data" / "audit" / "audit.db"


def records(folder: Path) -> list[Any]:
    """All records of the store, decoded, in their order; none before there is a store."""
    if not store(folder).exists():
        return []
    try:
        with closing(sqlite3.connect(f"file:{store(folder)}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT body FROM record ORDER BY sequence").fetchall()
    except sqlite3.OperationalError:  # it is just being made
        return []
    return [json.loads(body) for (body,) in rows]


def events(folder: Path) -> list[str]:
    return [record["uid"] for record in records(folder) if record["kind"] == "event"]


def lines(folder: Path) -> list[Any]:
    """What the sink `file` wrote, rotated or not."""
    found = sorted((folder / "data" / "audit").glob("flatfile-audit.jsonl*"), key=lambda p: p.name)
    return [json.loads(line) for path in found for line in path.read_bytes().splitlines()]


@contextmanager
def auditing(folder: Path, emulated: Account, *flags: str) -> Iterator[Exporter]:
    whole = (*quick("environments", "agents", "users"), "--no-collector.guests", *AUDIT, *flags)
    with exporter(folder, emulated, *whole) as daemon:
        yield daemon


def auditor(folder: Path, *arguments: str, emulated: Account | None = None) -> list[str]:
    return command("audit", *arguments, f"--storage.path={folder / 'data'}", emulated=emulated)


def verify(folder: Path, *arguments: str) -> None:
    done = run_to_end(auditor(folder, "verify", *arguments), folder)
    assert done.code == 0, done.out + done.err


def newcomer_is_noticed(folder: Path, emulated: Account) -> str:
    """The id of a new user who is a record by now: those of the first listing are none."""

    def look() -> str | None:
        emulated.do("users", {})
        found = [r["detail"]["id"] for r in records(folder) if r["topic"] == "user:added"]
        return str(found[0]) if found else None

    return eventually(look)


def test_kills_under_load_leave_each_event_once_in_a_whole_chain_and_in_the_file(
    tmp_path: Path,
) -> None:
    dice = Random(4)
    flags = ("--audit.sink.file", "--audit.sink.file.max-size=64KiB", "--audit.sink.file.keep=0")
    with account(tmp_path, *STILL) as emulated:
        with under_load(emulated) as sent:
            for _ in range(KILLS):
                with auditing(tmp_path, emulated, *flags) as daemon:
                    time.sleep(dice.uniform(0.2, 1.2))  # anywhere in what it does
                    daemon.run.signal(signal.SIGKILL)
                    assert daemon.run.wait() == -signal.SIGKILL
                    spotless(daemon.run.stderr)
            assert sent[0] > 100, "that was no load"
        with auditing(tmp_path, emulated, *flags) as daemon:
            truth = {event["id"] for event in emulated.truth(events=True)["event_list"]}
            eventually(lambda: len(events(tmp_path)) >= len(truth))
            assert sorted(events(tmp_path)) == sorted(truth)
            eventually(
                lambda: {line["record"]["uid"] for line in lines(tmp_path)} >= set(events(tmp_path))
            )
            page = daemon.series()
            assert page.value("flatfile_audit_gaps_total") == 0
            height = page.value("flatfile_audit_chain_height")
            assert height is not None
            assert height >= len(truth)
            daemon.run.signal(signal.SIGTERM)
            assert daemon.run.wait() == 0
            spotless(daemon.run.stderr)
    sequences = [record["sequence"] for record in records(tmp_path)]
    assert sequences == list(range(1, len(sequences) + 1))
    verify(tmp_path)
    verify(tmp_path, f"--head={tmp_path / 'data' / 'audit' / 'head.json'}")


def test_a_second_daemon_scrapes_on_and_takes_over_when_the_first_is_killed(
    tmp_path: Path,
) -> None:
    with (
        account(tmp_path, *SMALL, "--events-per-minute=60", "--rare=0") as emulated,
        auditing(tmp_path, emulated) as first,
    ):
        eventually(
            lambda: first.series().value("flatfile_audit_feed_last_success_timestamp_seconds")
        )
        with auditing(tmp_path, emulated) as second:
            waiting = eventually(
                lambda: (
                    page
                    if (page := second.series()).value("flatfile_audit_writer") == 0
                    and page["flatfile_environment_agents"]
                    else None
                )
            )
            assert waiting["flatfile_audit_records_total"] == {}
            first.run.signal(signal.SIGKILL)
            eventually(lambda: second.series().value("flatfile_audit_writer") == 1)
            before = len(events(tmp_path))
            emulated.do("events", {"count": 5})
            eventually(lambda: len(events(tmp_path)) >= before + 5)
            spotless(second.run.stderr)
    verify(tmp_path)


def test_who_did_it_is_told_by_name_and_no_secret_ever_gets_into_the_log(tmp_path: Path) -> None:
    with account(tmp_path) as emulated, auditing(tmp_path, emulated, "--audit.sink.file") as daemon:
        home = emulated.named("production")
        actors = emulated.do("events/actors", {"environment_id": home})["actors"]
        emulated.do("events/strange", {"environment_id": home})
        eventually(lambda: set(actors) <= set(events(tmp_path)))
        eventually(lambda: len(lines(tmp_path)) >= len(actors))
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in lines(tmp_path))
        assert PERSON in text, "nobody is told by name"
        stored = b"".join(path.read_bytes() for path in store(tmp_path).parent.iterdir())
        for secret in SECRETS:
            assert secret not in text
            assert secret.encode() not in stored
        bodies = json.dumps(records(tmp_path), ensure_ascii=False)
        for name in PEOPLE:
            assert name not in bodies, "the chain itself holds a name"
        page = daemon.page().text
        home_page = eventually(lambda: daemon).url
        assert home_page
        spotless(page, daemon.run.stderr)
        kinds = {r["actor"]["kind"] for r in records(tmp_path) if r["actor"]}
        assert kinds == {"user", "guest", "agent", "api_key", "unknown"}


def test_a_pseudonymous_log_holds_no_name_and_no_address_anywhere(tmp_path: Path) -> None:
    flags = ("--audit.sink.file", "--audit.personal-data=pseudonymous")
    with account(tmp_path) as emulated, auditing(tmp_path, emulated, *flags) as daemon:
        home = emulated.named("production")
        actors = emulated.do("events/actors", {"environment_id": home})["actors"]
        eventually(lambda: len(lines(tmp_path)) >= len(actors))
        newcomer_is_noticed(tmp_path, emulated)
        known = [r["actor"] for r in records(tmp_path) if r["actor"] and r["actor"]["name"]]
        assert known
        assert all(actor["name"].startswith("hmac-sha256:") for actor in known)
        spotless(daemon.run.stderr, daemon.page().text)
    for path in store(tmp_path).parent.iterdir():
        content = path.read_bytes()
        for mark in (*SECRETS, *PEOPLE):
            assert mark.encode() not in content, f"{path.name} holds a canary"


def test_a_log_that_becomes_pseudonymous_forgets_also_those_who_are_not_listed_any_more(
    tmp_path: Path,
) -> None:
    def names() -> list[str]:
        found = [path.read_bytes() for path in store(tmp_path).parent.glob("audit.db*")]
        return [mark for mark in PEOPLE for content in found if mark.encode() in content]

    with account(tmp_path) as emulated:
        with auditing(tmp_path, emulated):
            one = newcomer_is_noticed(tmp_path, emulated)
            emulated.do(f"users/{one}/rename", {})
            eventually(lambda: [r for r in records(tmp_path) if r["topic"] == "user:changed"])
            emulated.do(f"users/{one}/delete", {})
            eventually(lambda: [r for r in records(tmp_path) if r["topic"] == "user:removed"])
        assert names()
        with auditing(tmp_path, emulated, "--audit.personal-data=pseudonymous") as daemon:
            eventually(
                lambda: daemon.series().value("flatfile_audit_feed_last_success_timestamp_seconds")
            )
            assert not names()
    verify(tmp_path)


def test_users_who_come_change_and_go_are_records_of_their_own(
    tmp_path: Path,
) -> None:
    with account(tmp_path) as emulated, auditing(tmp_path, emulated) as daemon:

        def topics() -> set[str]:
            return {r["topic"] for r in records(tmp_path) if r["kind"] == "change"}

        one = newcomer_is_noticed(tmp_path, emulated)
        emulated.do(f"users/{one}/rename", {})
        eventually(lambda: "user:changed" in topics())
        emulated.do(f"users/{one}/delete", {})
        eventually(lambda: "user:removed" in topics())
        spotless(daemon.run.stderr)


def test_a_person_is_erased_while_the_daemon_runs_and_the_log_still_verifies(
    tmp_path: Path,
) -> None:
    with account(tmp_path) as emulated, auditing(tmp_path, emulated) as daemon:
        one = emulated.do("users", {})["id"]
        emulated.do("events", {"count": 3, "actor_id": one, "topic": "space:updated"})

        def by(person: str) -> list[Any]:
            return [r for r in records(tmp_path) if r["actor"] and r["actor"]["id"] == person]

        eventually(lambda: [r for r in by(one) if r["actor"]["name"]])
        done = run_to_end(auditor(tmp_path, "redact", one, "--yes"), tmp_path)
        assert done.code == 0, done.err
        emulated.do("events", {"count": 1, "actor_id": one, "topic": "space:archived"})
        eventually(lambda: [r for r in by(one) if r["topic"] == "space:archived"])
        after = next(r for r in by(one) if r["topic"] == "space:archived")
        assert (after["actor"]["name"], after["actor"]["basis"]) == (None, "erased")
        done = run_to_end(auditor(tmp_path, "export", f"--actor={one}"), tmp_path)
        assert done.code == 0, done.err
        assert len(done.out.splitlines()) >= 4
        assert all(json.loads(line)["people"] == {} for line in done.out.splitlines())
        daemon.run.signal(signal.SIGTERM)
        assert daemon.run.wait() == 0
    verify(tmp_path)


def test_a_backfill_beside_the_daemon_reads_what_was_before_and_resumes(tmp_path: Path) -> None:
    flags = ("--audit.start=0s",)
    with account(tmp_path, *STILL) as emulated:
        emulated.do("events", {"count": 300, "spread": 3000})
        with auditing(tmp_path, emulated, *flags) as daemon:
            eventually(lambda: daemon.series().value("flatfile_audit_writer") == 1)
            eventually(lambda: store(tmp_path).exists())
            asked = auditor(tmp_path, "backfill", "--since=2h", emulated=emulated)
            with running(asked, tmp_path, env=daemon_environment()) as run:
                time.sleep(0.6)
                run.signal(signal.SIGKILL)
            done = run_to_end(asked, tmp_path, daemon_environment())
            assert done.code == 0, done.err
            truth = {event["id"] for event in emulated.truth(events=True)["event_list"]}
            assert len(truth) >= 300
            assert truth == set(events(tmp_path))
            assert len(truth) == len(events(tmp_path))
    verify(tmp_path)


def daemon_environment() -> dict[str, str]:
    from tests.support.processes import CREDENTIAL

    return dict(CREDENTIAL)


def test_what_was_forgotten_while_the_daemon_was_away_is_a_gap_and_not_silence(
    tmp_path: Path,
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("events", {"count": 20})
        with auditing(tmp_path, emulated) as daemon:
            eventually(lambda: len(events(tmp_path)) >= 20)
            daemon.run.signal(signal.SIGTERM)
            daemon.run.wait()
        emulated.do("events", {"count": 20})
        time.sleep(0.1)
        emulated.do("events/forget", {"before": time.time()})
        emulated.do("events", {"count": 1})
        with auditing(tmp_path, emulated) as daemon:
            eventually(lambda: daemon.series().value("flatfile_audit_gaps_total") == 1)
            told = daemon.series().value("flatfile_audit_last_gap_timestamp_seconds")
            assert told is not None
            assert time.time() - 60 < told <= time.time()
            (gap,) = [r for r in records(tmp_path) if r["kind"] == "gap"]
            assert gap["detail"]["kind"] == "forgotten"
    verify(tmp_path)


def test_a_reload_changes_nothing_about_the_log(tmp_path: Path) -> None:
    with account(tmp_path) as emulated, auditing(tmp_path, emulated) as daemon:
        eventually(lambda: daemon.series().value("flatfile_audit_writer") == 1)
        emulated.do("events", {"count": 3})
        eventually(lambda: len(events(tmp_path)) == 3)
        daemon.run.signal(signal.SIGHUP)
        daemon.run.said("msg=reloaded")
        emulated.do("events", {"count": 3})
        eventually(lambda: len(events(tmp_path)) == 6)


@pytest.mark.parametrize("sink", ["loki", "otlp", "postgresql"])
def test_a_sink_that_cannot_be_reached_stops_neither_the_feed_nor_the_others(
    tmp_path: Path, sink: str
) -> None:
    where = {
        "loki": "--audit.sink.loki.url=http://127.0.0.1:9",
        "otlp": "--audit.sink.otlp.url=http://127.0.0.1:9",
    }
    env = {**daemon_environment()}
    if sink == "postgresql":
        env["FLATFILE_EXPORTER_AUDIT_SINK_POSTGRESQL_DSN"] = "postgresql://a:CANARY@127.0.0.1:9/b"
    flags = [f"--audit.sink.{sink}", "--audit.sink.file", *filter(None, [where.get(sink)])]
    whole = (*quick("environments", "agents"), "--no-collector.guests", *AUDIT, *flags)
    with account(tmp_path) as emulated, exporter(tmp_path, emulated, *whole, env=env) as daemon:
        emulated.do("events", {"count": 10})
        eventually(lambda: len(lines(tmp_path)) == 10)
        backlog = "flatfile_audit_sink_backlog_records"

        def only_that_one_waits() -> Any:
            found = daemon.series()
            waiting = found.value(backlog, sink=sink), found.value(backlog, sink="file")
            return found if waiting == (10, 0) else None

        page = eventually(only_that_one_waits)
        oldest = page["flatfile_audit_sink_oldest_unsent_timestamp_seconds"]
        assert set(oldest) == {frozenset({("sink", sink)})}
        daemon.run.said(f"msg=sink_failing .*sink={sink}")
        spotless(daemon.run.stderr)
