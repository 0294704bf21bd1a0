"""``check``, ``inventory``: what they say about an account, and how they end."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import (
    CREDENTIAL,
    Account,
    Done,
    account,
    command,
    run_to_end,
)

NOWHERE = {**CREDENTIAL, "FLATFILE_EXPORTER_API_URL": "http://192.0.2.1/api/v1"}
"""An address of the documentation network: nobody answers there, ever."""


def check(emulated: Account, folder: Path, *flags: str) -> Done:
    return run_to_end(command("check", *flags, emulated=emulated), folder, CREDENTIAL)


def states(done: Done) -> dict[str, str]:
    """What each line of the list says, by its first word."""
    return {
        found[1]: found[2]
        for line in done.out.splitlines()
        if (found := re.match(r"(\w+) +(ok|FAILED|off) ", line))
    }


WELL = dict.fromkeys(
    ("configuration", "login", "environments", "agents", "spaces", "users", "guests", "events"),
    "ok",
)


def test_check_finds_everything_well_where_it_is(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        done = check(emulated, tmp_path)
        truth = emulated.truth()
    assert (done.code, done.err) == (0, "")
    assert states(done) == {**WELL, "executions": "off"}
    assert truth["account_id"] in done.out
    assert "5 of 5 environments" in done.out
    assert f"{truth['users']} users" in done.out
    assert truth["dangerous_calls"] == []


def test_check_says_that_a_credential_is_refused(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("credentials", {"refused": True})
        done = check(emulated, tmp_path)
    assert done.code == 1
    assert states(done) == {"configuration": "ok", "login": "FAILED"}
    (line,) = (line for line in done.out.splitlines() if "FAILED" in line)
    assert "unauthorized" in line


def test_check_says_which_question_is_forbidden_and_that_the_others_work(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("quirks", {"forbid_routes": {"/users": 403}})
        done = check(emulated, tmp_path, "--collector.executions")
    assert done.code == 1
    assert states(done) == {**WELL, "executions": "ok", "users": "FAILED"}
    assert re.search(r"users +FAILED +forbidden", done.out)


@pytest.mark.parametrize("arguments", [("check", "--offline"), ("--config.check",)], ids=" ".join)
def test_the_configuration_is_checked_without_a_network(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_to_end(command(*arguments, "--log.level=debug"), tmp_path, NOWHERE)
    assert (done.code, done.err) == (0, "")
    assert states(done) == {"configuration": "ok"}
    assert "log.level = debug (flag --log.level)" in done.out
    assert "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET" in done.out
    wrong = run_to_end(command(*arguments, "--log.level=loud"), tmp_path, NOWHERE)
    assert (wrong.code, wrong.out) == (2, "")
    assert "log.level (flag --log.level)" in wrong.err


def inventory(emulated: Account, folder: Path, form: str) -> Done:
    arguments = command("inventory", f"--format={form}", emulated=emulated)
    return run_to_end(arguments, folder, CREDENTIAL)


def test_the_inventory_as_json_is_what_the_account_has(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        done, truth = inventory(emulated, tmp_path, "json"), emulated.truth()
        spaces = {s["id"]: s for s in emulated.list("/spaces?archived=true&pageSize=200")}
    assert (done.code, done.err) == (0, "")
    found: list[Any] = json.loads(done.out)
    assert {e["id"] for e in found} == truth["environments"].keys()
    for one in found:
        true = truth["environments"][one["id"]]
        assert (one["name"], one["production"]) == (true["name"], true["is_prod"])
        assert sorted(s["id"] for s in one["spaces"]) == sorted(true["space_ids"])
        by_state = {
            state: sorted(a["id"] for a in one["agents"] if a["state"] == state)
            for state in ("deployed", "system")
        }
        assert by_state["deployed"] == sorted(true["agent_ids"])
        assert by_state["system"] == sorted(true["system_agent_ids"])
        archived = [s for s in one["spaces"] if s["state"] == "archived"]
        assert len(archived) == true["archived_spaces"]
        assert {s["id"]: s["name"] for s in one["spaces"]}.items() <= {
            id_: s["name"] for id_, s in spaces.items()
        }.items()


def test_the_inventory_as_csv_has_a_line_for_each_thing(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        done, truth = inventory(emulated, tmp_path, "csv"), emulated.truth()
    assert (done.code, done.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    for kind, names in (
        ("environment", ("id",)),
        ("space", ("space_ids",)),
        ("agent", ("agent_ids", "system_agent_ids")),
    ):
        expected = {
            (id_, e["id"])
            for e in truth["environments"].values()
            for name in names
            for id_ in ([e[name]] if name == "id" else e[name])
        }
        listed = [(r["id"], r["environment_id"]) for r in rows if r["kind"] == kind]
        assert len(listed) == len(expected)
        assert set(listed) == expected, kind


def test_the_inventory_as_a_table_shows_each_environment_with_its_numbers(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        done, truth = inventory(emulated, tmp_path, "table"), emulated.truth()
        default = run_to_end(command("inventory", emulated=emulated), tmp_path, CREDENTIAL)
    assert (done.code, done.err) == (0, "")
    assert default.out == done.out
    for e in truth["environments"].values():
        note = ", production" if e["is_prod"] else ""
        heading = f"{e['name']} ({e['id']}{note}): {e['agents']} deployed agents, "
        assert f"{heading}{len(e['space_ids'])} Spaces" in done.out.splitlines()
        for id_ in (*e["space_ids"], *e["agent_ids"], *e["system_agent_ids"]):
            assert done.out.count(id_) == 1


@pytest.mark.parametrize(
    ("route", "fault"),
    [
        ("/agents", {"kind": "status", "status": 404}),
        ("/spaces", {"kind": "cut_json"}),
        ("/environments", {"kind": "html"}),
    ],
    ids=["agents", "spaces", "environments"],
)
def test_an_inventory_that_cannot_be_whole_is_no_inventory(
    tmp_path: Path, route: str, fault: dict[str, Any]
) -> None:
    with account(tmp_path) as emulated:
        emulated.do("faults", [{**fault, "route": route}])
        done = inventory(emulated, tmp_path, "csv")
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert route in done.err


def test_an_inventory_for_a_refused_credential_says_so(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        emulated.do("credentials", {"refused": True})
        done = inventory(emulated, tmp_path, "json")
    assert (done.code, done.out) == (1, "")
    assert "unauthorized" in done.err


def test_check_prints_the_shard_and_how_many_environments_are_its_own(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        parts = [check(emulated, tmp_path, f"--shard={index}/2") for index in range(2)]
    assert [done.code for done in parts] == [0, 0]
    own = []
    for index, done in enumerate(parts):
        assert f"shard = {index}/2 (flag --shard)" in done.out
        (found,) = re.findall(rf"5 of 5 .*; (\d) of them are of shard {index}/2", done.out)
        own.append(int(found))
    assert sum(own) == 5
    assert [states(done)["users"] for done in parts] == ["ok", "off"]


def test_the_inventory_is_of_the_whole_account_whatever_the_shard(tmp_path: Path) -> None:
    with account(tmp_path) as emulated:
        whole, part = (
            run_to_end(command("inventory", *flags, emulated=emulated), tmp_path, CREDENTIAL)
            for flags in ((), ("--shard=1/2",))
        )
    assert part.code == 0
    assert part.out == whole.out != ""
