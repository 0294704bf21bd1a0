"""The command line as a person meets it: versions, help, and every mistake at once."""

import re
import socket
from pathlib import Path

import pytest

from exporter import __version__
from tests.support.processes import (
    CREDENTIAL,
    account,
    ask,
    command,
    exporter,
    run_to_end,
    running,
    spotless,
)


def test_the_version_is_said_and_is_all(tmp_path: Path) -> None:
    done = run_to_end(command("--version"), tmp_path)
    assert (done.code, done.out, done.err) == (0, f"flatfile-exporter {__version__}\n", "")


@pytest.mark.parametrize("arguments", [("-h",), ("--help",), ("inventory", "-h")], ids=" ".join)
def test_help_names_commands_settings_their_defaults_and_variables(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    done = run_to_end(command(*arguments), tmp_path)
    assert (done.code, done.err) == (0, "")
    for text in ("--web.listen-address", "FLATFILE_EXPORTER_API_URL", "--collector.agents"):
        assert text in done.out
    assert re.search(r"--auth\.(token|client-secret) ", done.out) is None
    assert ("--format" in done.out) is ("inventory" in arguments)


def test_every_mistake_of_every_source_is_said_at_once_in_a_line_with_where_it_came_from(
    tmp_path: Path,
) -> None:
    file = tmp_path / "exporter.yaml"
    file.write_text("api:\n  timeout: soon\nlog:\n  colour: blue\n", encoding="utf-8")
    done = run_to_end(
        command(f"--config.file={file}", "--web.listen-adress=:1", "--api.concurrency=none"),
        tmp_path,
        {"FLATFILE_EXPORTER_LOG_LEVEL": "loud", **CREDENTIAL},
    )
    assert (done.code, done.out) == (2, "")
    lines = done.err.splitlines()
    assert all(line.startswith("flatfile-exporter: ") for line in lines), done.err
    for setting, origin in (
        ("web.listen-adress", "flag --web.listen-adress"),
        ("api.concurrency", "flag --api.concurrency"),
        ("log.level", "environment variable FLATFILE_EXPORTER_LOG_LEVEL"),
        ("api.timeout", f"file {file}, line 2"),
        ("log.colour", f"file {file}, line 4"),
    ):
        about = [line for line in lines if line.split()[1] == setting]
        assert len(about) == 1, (setting, done.err)
        assert f"({origin}):" in about[0]
    assert len(lines) == 5
    assert "did you mean" in done.err.lower() or "--web.listen-address" in done.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("flag", "variables"),
    [
        ("--audit.sink.otlp.ca-file=no.pem", CREDENTIAL),
        ("--no-audit.sink.otlp", {**CREDENTIAL, "SSL_CERT_FILE": "no.pem"}),
        ("--audit.sink.otlp", {**CREDENTIAL, "SSL_CERT_FILE": "no.pem"}),
    ],
    ids=["authority of a sink", "authorities of the API", "authorities of all"],
)
def test_what_only_shows_when_clients_are_made_leaves_nothing_behind_either(
    tmp_path: Path, flag: str, variables: dict[str, str]
) -> None:
    (tmp_path / "no.pem").write_text("no certificate", encoding="utf-8")
    sink = ("--audit.sink.otlp", "--audit.sink.otlp.url=https://127.0.0.1:9")
    done = run_to_end(command("--audit", *sink, flag), tmp_path, variables)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert "PEM" in done.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("form", ["--auth.client-secret=", "--auth.token=", "--auth.token "])
def test_a_secret_in_a_flag_is_refused_and_not_repeated(tmp_path: Path, form: str) -> None:
    given = f"{form}hunter2-hunter2".split()
    done = run_to_end(command(*given), tmp_path)
    assert (done.code, done.out) == (2, "")
    assert "hunter2" not in done.err
    assert "never a flag" in done.err
    assert "FLATFILE_EXPORTER_AUTH_" in done.err


@pytest.mark.parametrize("what", ["", "check", "inventory"])
def test_without_a_credential_nothing_starts_and_the_ways_to_give_one_are_said(
    tmp_path: Path, what: str
) -> None:
    arguments = [what] if what else []
    done = run_to_end(command(*arguments, "--web.listen-address=127.0.0.1:0"), tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET" in done.err
    assert "FLATFILE_EXPORTER_AUTH_TOKEN" in done.err
    assert not (tmp_path / "data").exists()


def test_a_port_that_is_taken_is_said_clearly_and_ends_it_before_anything_is_written(
    tmp_path: Path,
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run_to_end(command(f"--web.listen-address=127.0.0.1:{port}"), tmp_path, CREDENTIAL)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert "web.listen-address" in line
    assert f"127.0.0.1:{port}" in line
    assert "in use" in line
    assert not (tmp_path / "data").exists()


def test_a_storage_path_that_cannot_be_a_folder_is_a_mistake(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious", encoding="utf-8")
    done = run_to_end(command(f"--storage.path={file}"), tmp_path, CREDENTIAL)
    assert (done.code, done.out) == (2, "")
    assert "storage.path (flag --storage.path)" in done.err
    assert file.read_text(encoding="utf-8") == "precious"


def test_it_listens_on_each_address_that_is_given(tmp_path: Path) -> None:
    with (
        account(tmp_path) as emulated,
        exporter(tmp_path, emulated, "--web.listen-address=127.0.0.1:0") as daemon,
    ):
        ports = re.findall(r"127\.0\.0\.1:(\d+)", daemon.run.stderr.splitlines()[0])
        assert len(set(ports)) == 2
        for port in ports:
            assert ask(f"http://127.0.0.1:{port}/-/healthy").status == 200


def test_the_demo_runs_whole_without_using_the_credential_that_is_there(tmp_path: Path) -> None:
    env = {
        "FLATFILE_EXPORTER_AUTH_TOKEN_FILE": str(tmp_path / "no such file"),
        "FLATFILE_EXPORTER_API_URL": "http://192.0.2.1/api/v1",
        "FLATFILE_EXPORTER_LOG_FORMAT": "logfmt",
    }
    arguments = command("demo", "--web.listen-address=127.0.0.1:0")
    with running(arguments, tmp_path, env=env) as run:
        run.said("Stop with", "stdout")
        page = re.search(r"The exporter\s+http://localhost:(\d+)/\n", run.stdout)
        assert page, run.stdout
        metrics = re.search(r"Its metrics\s+(\S+)", run.stdout)
        assert metrics, run.stdout
        assert metrics[1] == f"http://localhost:{page[1]}/metrics"
        emulated = re.search(r"http://127\.0\.0\.1:\d+/_control/", run.stdout)
        assert emulated, run.stdout
        url = f"http://127.0.0.1:{page[1]}"
        run.said("collector_first_round collector=environments")
        run.said("collector_first_round collector=agents")
        assert ask(f"{url}/-/ready").status == 200
        seen = ask(f"{url}/metrics").text
        assert "\nflatfile_environments 5\n" in seen
        assert "Fernwood Logistics" in ask(f"{url}/").text
        assert "Take an agent away" in ask(emulated[0]).text
        run.process.terminate()
        assert run.wait(10.0) == 0
        spotless(run.stdout, run.stderr, seen)
    assert not (tmp_path / "data").exists()
