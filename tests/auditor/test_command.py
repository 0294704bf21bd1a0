"""``audit`` whole: from its arguments to its exit code."""

import argparse
import json
from pathlib import Path

import pytest

from exporter.audit.place import Place
from exporter.auditor.arguments import ACTIONS, add_parsers
from exporter.auditor.command import run
from exporter.auditor.moments import Moment
from exporter.settings import add_flags
from tests.auditor.logs import ADA, NOW, Heard, a_draft, known, place, work, write

ARGUMENTS = {
    "export": [],
    "verify": [],
    "backfill": ["--since=7d"],
    "redact": [ADA, "--yes"],
    "dead-letters": [],
    "resend": [],
}


def parse(*argv: str) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="flatfile-exporter audit")
    add_parsers(parser, add_flags)
    return parser.parse_known_args(argv)


def done(where: Place, *argv: str, heard: Heard | None = None) -> tuple[int, Heard]:
    heard = heard or Heard()

    async def backfill(since: Moment) -> int:
        heard.said.append(f"since {since.unix(NOW):.0f}")
        return 0

    return run(parse(*argv)[0], where, heard.streams(), backfill, now=NOW), heard


@pytest.fixture(name="log")
def a_log(tmp_path: Path) -> Place:
    where = place(tmp_path)
    ada = known(where, ADA, "Ada", "ada@example.org")
    write(where, [a_draft(n, actor=ada) for n in range(1, 4)])
    return where


@pytest.mark.parametrize("action", ACTIONS)
def test_each_subcommand_takes_settings_and_has_help(
    action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen, rest = parse(action, *ARGUMENTS[action], "--storage.path=/elsewhere", "--nonsense=1")
    assert (chosen.action, getattr(chosen, "storage.path")) == (action, "/elsewhere")
    assert rest == ["--nonsense=1"]
    with pytest.raises(SystemExit) as ended:
        parse(action, "--help")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--storage.path" in said
    assert "--auth.token " not in said


@pytest.mark.parametrize(
    "argv",
    [
        (),
        ("shred",),
        ("export", "--since=yesterday"),
        ("export", "--format=xml"),
        ("backfill",),
        ("redact",),
        ("export", "--sinc=7d", "--format"),
    ],
    ids=" ".join,
)
def test_arguments_that_are_wrong_end_it_with_2(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(*argv)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_an_abbreviation_is_no_flag() -> None:
    assert parse("export", "--sinc=7d")[1] == ["--sinc=7d"]


def test_an_export_selects_by_what_was_given(log: Place) -> None:
    since, until = "2027-01-14T08:02:00Z", "2027-01-14T08:03:00Z"
    code, heard = done(
        log,
        *("export", f"--since={since}", f"--until={until}", "--actor=Ada", "--actor=Bob"),
        *("--topic=space:*", "--environment=staging", "--space=Imports", "--format=ocsf"),
    )
    assert code == 0
    (line,) = heard.lines
    assert json.loads(line)["metadata"]["uid"] == "us_evt_2"


def test_an_export_is_native_and_whole_unless_something_else_is_asked_for(log: Place) -> None:
    code, heard = done(log, "export")
    assert (code, [json.loads(line)["record"]["sequence"] for line in heard.lines]) == (
        0,
        [1, 2, 3],
    )


def test_a_relative_time_counts_from_now(log: Place) -> None:
    assert len(done(log, "export", "--since=1d")[1].lines) == 3
    assert len(done(log, "export", "--since=23h")[1].lines) == 0
    assert done(log, "backfill", "--since=7d")[1].said == [f"since {NOW - 7 * 86_400:.0f}"]


def test_each_subcommand_does_its_own(log: Place, tmp_path: Path) -> None:
    code, heard = done(log, "verify")
    assert (code, heard.said[0].split()) == (0, ["proven", "ok"])
    file = tmp_path / "lines"
    file.write_bytes(done(log, "export")[1].out.getvalue())
    code, heard = done(log, "verify", f"--from-file={file}", f"--head={log.folder / 'head.json'}")
    assert code == 0
    assert any(line.startswith("repeated") for line in heard.said)
    assert done(log, "dead-letters", "--sink=loki")[0] == 0
    assert "will be sent again" in done(log, "resend")[1].said[0]
    code, heard = done(log, "redact", "Ada", heard=Heard(answer="no"))
    assert (code, len(heard.asked)) == (1, 1)
    assert done(log, "redact", "Ada", "--yes")[0] == 0


def test_a_log_that_does_not_verify_is_one_complaint_and_1(log: Place) -> None:
    work(log, lambda c: c.execute("DELETE FROM record WHERE sequence = 2").rowcount)
    code, heard = done(log, "verify")
    assert (code, heard.said) == (1, [])
    (complaint,) = heard.complaints
    assert complaint.startswith("record 2")
    assert heard.shown[-1] == ""


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"backfill"}))
def test_where_there_is_no_log_each_says_so_in_a_line_and_makes_none(
    action: str, tmp_path: Path
) -> None:
    code, heard = done(place(tmp_path), action, *ARGUMENTS[action])
    assert (code, heard.said, heard.lines) == (1, [], [])
    (complaint,) = heard.complaints
    assert "there is no audit log in" in complaint
    assert list(tmp_path.iterdir()) == []
