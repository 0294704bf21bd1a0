"""The daemon behind a web configuration file: a real Prometheus, curl, systemd's side of things."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.peers.support import Prometheus
from tests.support.processes import (
    CREDENTIAL,
    START,
    Account,
    Running,
    account,
    ask,
    command,
    eventually,
    free_port,
    quick,
    run_to_end,
    running,
    spotless,
)
from tests.web.guard.authority import Authority, web_config, with_tls

pytestmark = pytest.mark.peers
HINT = "run tests/peers/install, or apt-get install"
PASSWORD = "canary-password"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(6)).decode()
USERS = f"basic_auth_users:\n  prometheus: {HASH}\n"
VERIFY = (
    "client_auth_type: RequireAndVerifyClientCert",
    "client_ca_file: ca.pem",
    "client_allowed_sans: [scraper.test]",
)


@dataclass(frozen=True)
class Secured:
    """The daemon; ``url`` is without a path."""

    run: Running
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def secured(
    folder: Path, emulated: Account, *flags: str, env: dict[str, str] | None = None
) -> Iterator[Secured]:
    whole = command(
        "--web.listen-address=127.0.0.1:0",
        f"--web.config.file={folder / 'web.yml'}",
        f"--storage.path={folder / 'data'}",
        "--api.requests-per-second=1000",
        *quick(),
        *flags,
        emulated=emulated,
    )
    with running(whole, folder, env={**CREDENTIAL, **(env or {})}) as run:
        said = run.said(r"msg=started .*listening=\S?127\.0\.0\.1:(\d+)\S? scheme=(https?)")
        yield Secured(run, f"{said[2]}://localhost:{said[1]}")


Curl = Callable[..., tuple[int, str]]


@pytest.fixture
def curl(need: Any) -> Curl:
    """Its exit code and what it writes."""
    program = need("curl", f"{HINT} curl")

    def run(*arguments: str) -> tuple[int, str]:
        options = ("-sS", "-m", "10", "--noproxy", "*")
        done = subprocess.run(
            [program, *options, *arguments], capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


@contextmanager
def scraping(program: str, folder: Path, port: int, **logins: str) -> Iterator[Prometheus]:
    """A Prometheus that scrapes that port of localhost every second, as one job for each login."""
    jobs = (
        f"  - job_name: {name}\n    static_configs: [{{targets: ['localhost:{port}']}}]\n{written}"
        for name, written in logins.items()
    )
    config = folder / "prometheus.yml"
    head = "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
    config.write_text(head + "".join(jobs), encoding="utf-8")
    own = free_port()
    arguments = [
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{own}",
        "--log.level=warn",
    ]
    with running(arguments, folder) as run:
        server = Prometheus(f"http://127.0.0.1:{own}")
        eventually(lambda: run.alive and ask(f"{server.url}/-/ready").status == 200, START)
        yield server


def login(folder: Path, *, password: str = PASSWORD, certificate: str = "scraper") -> str:
    """As Prometheus' configuration has it, for one job."""
    return (
        "    scheme: https\n"
        f"    basic_auth: {{username: prometheus, password: {password}}}\n"
        "    tls_config:\n"
        f"      ca_file: {folder / 'ca.pem'}\n"
        f"      cert_file: {folder / certificate}.crt\n"
        f"      key_file: {folder / certificate}.key\n"
    )


@pytest.fixture(scope="module")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """One account for all: nothing here changes it."""
    with account(tmp_path_factory.mktemp("account")) as one:
        yield one


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    made = Authority(tmp_path)
    made.issue("server")
    made.issue("scraper", "scraper.test")
    made.issue("other", "other.test")
    made.issue("expired", "scraper.test", days=-1)
    return made


def test_prometheus_scrapes_with_tls_a_client_certificate_and_a_password_and_not_with_less(
    authority: Authority, emulated: Account, need: Any
) -> None:
    program, folder = need("prometheus", f"{HINT} prometheus"), authority.folder
    with_tls(folder, *VERIFY, rest=USERS)
    logins = {
        "flatfile": login(folder),
        "password": login(folder, password="wrong"),
        "expired": login(folder, certificate="expired"),
        "other": login(folder, certificate="other"),
    }
    with (
        secured(folder, emulated) as daemon,
        scraping(program, folder, daemon.port, **logins) as server,
    ):

        def targets(field: str) -> dict[str, str]:
            return {one["scrapePool"]: one[field] for one in server.get("targets")["activeTargets"]}

        eventually(lambda: server.query('up{job="flatfile"} == 1'))
        assert eventually(lambda: server.series().value("flatfile_environments")) == 5
        eventually(lambda: targets("health") == {**dict.fromkeys(logins, "down"), "flatfile": "up"})
        eventually(lambda: "401 Unauthorized" in targets("lastError")["password"])
        eventually(lambda: "expired certificate" in targets("lastError")["expired"])

        # Both sides change their certificates; nothing is restarted.
        authority.issue("server")
        authority.issue("scraper", "scraper.test")
        before = targets("lastScrape")["flatfile"]
        eventually(lambda: targets("lastScrape")["flatfile"] > before)
        eventually(lambda: targets("health")["flatfile"] == "up")
        daemon.run.said("msg=web_config_reread")
        assert "level=error" not in daemon.run.stderr
        spotless(daemon.run.stderr)


def test_curl_gets_in_with_everything_and_with_nothing_less(
    authority: Authority, emulated: Account, curl: Curl
) -> None:
    folder = authority.folder
    with_tls(
        folder, *VERIFY, rest=USERS + "http_server_config: {headers: {X-Frame-Options: deny}}\n"
    )
    trust = ("--cacert", str(authority.pem))

    def shown(name: str) -> tuple[str, ...]:
        return ("--cert", str(folder / f"{name}.crt"), "--key", str(folder / f"{name}.key"))

    with secured(folder, emulated) as daemon:
        mine = (*trust, *shown("scraper"))
        right = ("-u", f"prometheus:{PASSWORD}")
        for path in ("/metrics", "/", "/-/healthy", "/-/ready"):
            eventually(lambda path=path: curl("-f", *mine, *right, daemon.url + path)[0] == 0)  # type: ignore[misc] # mypy cannot infer a default's type
            code, said = curl("-i", *mine, daemon.url + path)
            assert (code, said.split()[1]) == (0, "401"), said
            assert "\nwww-authenticate: Basic\n" in said
        code, said = curl("-i", *mine, *right, f"{daemon.url}/metrics")
        assert "x-frame-options: deny" in said
        assert "\nflatfile_up 1\n" in said
        reload = (f"{daemon.url}/-/reload", "-X", "POST")
        assert curl(*mine, *reload)[1] == "Unauthorized.\n"
        assert curl(*mine, *right, *reload)[1] == "The configuration is in force.\n"
        for user in (f"other:{PASSWORD}", "prometheus:wrong", "prometheus:"):
            assert curl(*mine, "-u", user, f"{daemon.url}/metrics")[1] == "Unauthorized.\n"
        for refused in (trust, (*trust, *shown("expired")), (*trust, *shown("other"))):
            assert curl(*refused, *right, f"{daemon.url}/metrics")[0] in {35, 52, 56}
        code, said = curl("-i", daemon.url.replace("https", "http"))
        assert said.startswith("HTTP/1.1 400 ")
        spotless(daemon.run.stderr)
        assert PASSWORD not in daemon.run.stderr
        assert HASH not in daemon.run.stderr


@pytest.mark.parametrize("more", [(), ("--config.check",)])
def test_a_bad_file_stops_the_start_with_a_line_for_each_field(
    tmp_path: Path, more: tuple[str, ...]
) -> None:
    text = """\
        tls_server_config: {cert_file: nil, key_file: nil}
        basic_auth_users: {prometheus: canary-plain}
        rate_limit: {interval: x}
        nonsense: 1
    """
    path = web_config(tmp_path, text)
    flags = (f"--web.config.file={path}", "--web.listen-address=127.0.0.1:0", *more)
    done = run_to_end(command(*flags), tmp_path, CREDENTIAL)
    assert done.code == 2, done.err
    assert [line.partition("): ")[0] for line in done.err.splitlines()] == [
        f"flatfile-exporter: {field} (file {path}, line {line}"
        for field, line in (
            ("nonsense", 4),
            ("basic_auth_users", 2),
            ("rate_limit.interval", 3),
            ("tls_server_config.cert_file", 1),
            ("tls_server_config.key_file", 1),
        )
    ]
    assert "canary" not in done.err


def test_a_file_that_becomes_bad_changes_nothing_and_fails_a_reload(
    authority: Authority, emulated: Account, curl: Curl
) -> None:
    folder = authority.folder
    path = with_tls(folder, rest=USERS)
    mine = ("--cacert", str(authority.pem), "-u", f"prometheus:{PASSWORD}")
    with secured(folder, emulated) as daemon:
        path.write_text("nonsense: 1\n")
        for _ in range(3):
            assert curl(*mine, f"{daemon.url}/-/healthy") == (0, "The exporter is healthy.\n")
        daemon.run.said("msg=web_config_unusable")
        assert daemon.run.stderr.count("msg=web_config_unusable") == 1
        _, said = curl(*mine, "-X", "POST", f"{daemon.url}/-/reload")
        assert f"nonsense (file {path}, line 1): is unknown" in said
        good = curl(*mine, f"{daemon.url}/metrics")[1]
        assert "\nflatfile_exporter_config_last_reload_successful 0\n" in good
        with_tls(folder, rest=USERS.replace("prometheus", "other"))
        assert curl(*mine, f"{daemon.url}/-/healthy")[1] == "Unauthorized.\n"
        theirs = ("--cacert", str(authority.pem), "-u", f"other:{PASSWORD}")
        assert curl(*theirs, "-X", "POST", f"{daemon.url}/-/reload")[0] == 0
        daemon.run.said("msg=reloaded")


def test_a_key_that_others_can_read_is_warned_about(
    authority: Authority, emulated: Account
) -> None:
    folder = authority.folder
    (folder / "server.key").chmod(0o644)
    with_tls(folder)
    with secured(folder, emulated) as daemon:
        found = daemon.run.said(r"level=warning msg=web_config_note .*")
        assert "tls_server_config.key_file" in found[0]


def test_a_thousand_idle_clients_do_not_keep_a_scraper_out(
    authority: Authority, emulated: Account, curl: Curl
) -> None:
    folder = authority.folder
    with_tls(folder, rest=USERS)
    mine = ("-f", "--cacert", str(authority.pem), "-u", f"prometheus:{PASSWORD}")
    with secured(folder, emulated) as daemon, ExitStack() as stack:
        before = daemon.run.memory()
        for number in range(1000):
            one = stack.enter_context(socket.create_connection(("127.0.0.1", daemon.port)))
            one.sendall((b"", b"\x16", b"\x16\x03\x01\x02\x00\x01", b"G")[number % 4])
        for _ in range(3):
            assert curl(*mine, f"{daemon.url}/metrics")[0] == 0
        opened = len(os.listdir(f"/proc/{daemon.run.pid}/fd"))  # noqa: PTH208 - only their number
        assert opened < 600
        assert daemon.run.memory() - before < 64 * 1024 * 1024


def heard(ear: socket.socket) -> list[str]:
    found = []
    try:
        while True:
            found.append(ear.recv(4096).decode())
    except BlockingIOError:
        return found


def test_systemd_hears_of_the_start_of_reloads_of_the_loop_and_of_the_stop(
    tmp_path: Path, emulated: Account
) -> None:
    web_config(tmp_path, "")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        env = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "1000000"}
        with secured(tmp_path, emulated, env=env) as daemon:
            said: list[str] = []

            def waits_for(start: str) -> str:
                said.extend(heard(ear))
                return next((one for one in said if one.startswith(start)), "")

            ready = eventually(lambda: waits_for("READY=1"))
            assert ready.startswith("READY=1\nSTATUS=")
            assert f"127.0.0.1:{daemon.port}" in ready
            eventually(lambda: waits_for("WATCHDOG=1"))
            said.clear()
            daemon.run.signal(signal.SIGHUP)
            eventually(lambda: waits_for("READY=1"))
            reloading = [one for one in said if one != "WATCHDOG=1"]
            assert [one.partition("\n")[0] for one in reloading] == ["RELOADING=1", "READY=1"]
            # A loop that is stuck says nothing.
            daemon.run.signal(signal.SIGSTOP)
            heard(ear)
            said.clear()
            ear.settimeout(1.5)
            with pytest.raises(TimeoutError):
                ear.recv(4096)
            ear.setblocking(False)
            daemon.run.signal(signal.SIGCONT)
            eventually(lambda: waits_for("WATCHDOG=1"))
            daemon.run.signal(signal.SIGTERM)
            eventually(lambda: waits_for("STOPPING=1"))
            assert daemon.run.wait() == 0


def test_systemd_starts_it_by_a_socket_and_tls_stands_on_that_too(
    authority: Authority, emulated: Account, need: Any, curl: Curl
) -> None:
    program, folder = need("systemd-socket-activate", f"{HINT} systemd"), authority.folder
    with_tls(folder)
    port = free_port()
    flags = (
        "--web.systemd-socket",
        f"--web.config.file={folder / 'web.yml'}",
        "--storage.path=none",
    )
    daemon: Sequence[str] = command(*flags, emulated=emulated)
    passed = [f"--setenv={name}={value}" for name, value in CREDENTIAL.items()]
    if "PYTHONPATH" in os.environ:
        passed.append("--setenv=PYTHONPATH=" + os.environ["PYTHONPATH"])
    whole = [program, f"--listen=127.0.0.1:{port}", *passed, *daemon]
    with running(whole, folder, env={"PATH": os.environ["PATH"]}) as run:
        run.said("Listening on")
        address = f"https://localhost:{port}/-/healthy"
        trust = ("--cacert", str(authority.pem))
        # Whoever connects first waits for the start in the queue of the socket.
        assert curl(*trust, address) == (0, "The exporter is healthy.\n"), run.stderr
        run.said(rf"msg=started .*listening=\S?127\.0\.0\.1:{port}\S? scheme=https")
        run.signal(signal.SIGTERM)
        assert run.wait() == 0


def test_without_a_socket_of_systemd_the_start_is_refused(tmp_path: Path) -> None:
    done = run_to_end(command("--web.systemd-socket"), tmp_path, CREDENTIAL)
    assert done.code == 2
    assert "web.systemd-socket (environment variable LISTEN_PID): " in done.err
