"""The real programs as processes: the emulated account and the exporter.

Everything listens on a port of its own on the loopback interface, and everything that is started
here is ended on leaving its context, whatever happened inside.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from exporter.emulator.credentials import CLIENT_ID, SECRET
from exporter.emulator.names import MARKS

T = TypeVar("T")

COLLECTORS = ("environments", "agents", "spaces", "users", "guests", "events", "executions")
CREDENTIAL = {
    "FLATFILE_EXPORTER_AUTH_CLIENT_ID": CLIENT_ID,
    "FLATFILE_EXPORTER_AUTH_CLIENT_SECRET": SECRET,
}
CANARIES = (*MARKS, "CANARY", "canary-mail")
"""What must never be seen in anything that the exporter writes."""

EXPORTER = str(Path(sys.executable).with_name("flatfile-exporter"))
_STEP = 0.05  # seconds between two looks at a condition
START = 30.0  # seconds for a program to start, on a machine that is busy with other tests
_numbers = count(1)


def eventually(look: Callable[[], T | None], within: float = 20.0) -> T:
    """What ``look`` returns as soon as that is true, or why it never was.

    Whatever it raises by assertion or because nobody answers counts as not yet.
    """
    until = time.monotonic() + within
    while True:
        problem: Exception | None = None
        found: T | None = None
        try:
            found = look()
        except (AssertionError, LookupError, OSError, HTTPException) as error:
            problem = error
        if problem is None and found:
            return found
        if time.monotonic() > until:
            raise problem or AssertionError(f"not within {within:g} seconds; last seen: {found!r}")
        time.sleep(_STEP)


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    method: str = "GET",
    document: Any = None,
    headers: Mapping[str, str] | None = None,
    within: float = 10.0,
) -> Reply:
    """One request on a connection of its own, through no proxy. Header names in lower case."""
    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    body = None if document is None else json.dumps(document)
    with closing(HTTPConnection(parts.netloc, timeout=within)) as connection:
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, names, answer.read())


def free_port() -> int:
    """One that nobody has right now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours without what would configure an exporter or send it through a proxy."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLATFILE_EXPORTER_") and not name.lower().endswith("_proxy")
    }
    return {**kept, **(extra or {})}


@dataclass
class Running:
    """A program that was started; what it writes is in two files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def stdout(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace")

    @property
    def stderr(self) -> str:
        return self.err.read_text(encoding="utf-8", errors="replace")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def said(self, pattern: str, where: str = "stderr", within: float = START) -> re.Match[str]:
        """The first place where it wrote that, once it has."""

        def look() -> re.Match[str] | None:
            ended = not self.alive
            found = re.search(pattern, getattr(self, where))
            if found is None and ended:
                raise Ended(f"it ended with {self.process.returncode}:\n{self.stdout}{self.stderr}")
            return found

        return eventually(look, within)

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, within: float = 10.0) -> int:
        """Its exit code. Fails if it does not end in time."""
        try:
            return self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {within:g} seconds") from None

    def memory(self) -> int:
        """Resident bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found, "it has no memory any more"
        return int(found[1]) * 1024


class Ended(Exception):
    """The program ended although it should run. Never waited for."""


@contextmanager
def running(
    command: Sequence[str], folder: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """Run it in a process group of its own; what is left of the group ends with the context."""
    name = f"{Path(command[0]).name}-{next(_numbers)}"
    out, err = folder / f"{name}.out", folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=folder,
            env=environment(env),
            start_new_session=True,
        )
    try:
        yield Running(process, out, err)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass
class Account:
    """An emulated account behind a real socket. ``url`` is without a path."""

    run: Running
    url: str
    _token: str = field(default="", repr=False)

    @property
    def api(self) -> str:
        return f"{self.url}/api/v1"

    def do(self, path: str, document: Any = None, method: str = "POST") -> Any:
        """Pull a lever of the control interface."""
        reply = ask(f"{self.url}/_control/{path}", method, document)
        assert reply.status == 200, f"{path}: {reply.status} {reply.text}"
        return reply.json()

    def truth(self, *, events: bool = False, since: float = 0.0) -> Any:
        """With ``events`` also each of them from ``since`` on (Unix seconds)."""
        query = f"?events=1&since={since!r}" if events else ""
        return self.do(f"truth{query}", method="GET")

    def requests(self) -> list[Any]:
        """What it was asked so far, the control interface left out."""
        return list(self.do("requests", method="GET"))

    def list(self, path: str) -> list[Any]:
        """What the API itself lists, asked the way any other client would."""
        if not self._token:
            pair = {"clientId": CLIENT_ID, "secret": SECRET}
            headers = {"content-type": "application/json"}
            self._token = ask(f"{self.api}/auth", "POST", pair, headers).json()["accessToken"]
        reply = ask(f"{self.api}{path}", headers={"authorization": f"Bearer {self._token}"})
        assert reply.status == 200, reply.text
        return list(reply.json()["data"])

    def named(self, name: str) -> str:
        """The id of the environment of that name."""
        found = [e["id"] for e in self.truth()["environments"].values() if e["name"] == name]
        assert len(found) == 1, f"{len(found)} environments are named {name}"
        return str(found[0])


SMALL = ("--spaces=40", "--guests=30", "--users=30")
STILL = (*SMALL, "--events-per-minute=0")
"""An account in which nothing happens by itself."""


@contextmanager
def account(folder: Path, *flags: str) -> Iterator[Account]:
    """An emulated account; without flags a small one in which nothing happens by itself."""
    command = [sys.executable, "-m", "exporter.emulator", "--port=0", *(flags or STILL)]
    # The module is found from the checkout, wherever the folder is.
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(command, folder, env=env) as run:
        url = run.said(r"listening on (\S+)", "stdout")[1]
        yield Account(run, url)


@dataclass
class Exporter:
    """The daemon. ``url`` is without a path."""

    run: Running
    url: str

    def page(self, accept: str = "") -> Reply:
        return ask(f"{self.url}/metrics", headers={"accept": accept} if accept else None)

    def series(self) -> "Series":
        return Series.parse(self.page().text)


_SAMPLE = re.compile(r"([a-zA-Z_:]\w*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Series:
    """What stands on a page, by the name of the sample and its labels."""

    values: Mapping[str, Mapping[Labels, float]]

    @classmethod
    def parse(cls, text: str) -> "Series":
        values: dict[str, dict[Labels, float]] = {}
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            found = _SAMPLE.fullmatch(line)
            assert found, f"not a sample: {line}"
            labels = frozenset(_LABEL.findall(found[2] or ""))
            family = values.setdefault(found[1], {})
            assert labels not in family, f"twice: {line}"
            family[labels] = float(found[3])
        return cls(values)

    def __getitem__(self, name: str) -> Mapping[Labels, float]:
        """Every series of that name; none if there is none."""
        return self.values.get(name, {})

    def value(self, name: str, **labels: str) -> float | None:
        """Of the one series with exactly these labels; None if it is not there."""
        return self[name].get(frozenset(labels.items()))

    def total(self, name: str, **labels: str) -> float:
        """The sum over all series with at least these labels."""
        wanted = set(labels.items())
        return sum(value for found, value in self[name].items() if wanted <= found)

    def mentioning(self, text: str) -> list[str]:
        """Names of the families with a series that has this value of a label."""
        return [
            name
            for name, family in self.values.items()
            if any(text == value for labels in family for _, value in labels)
        ]


def quick(*names: str) -> tuple[str, ...]:
    """Flags that have these collectors play a round every second; all of them if none is named."""
    return tuple(f"--collector.{name}.interval=1s" for name in names or COLLECTORS)


def command(*arguments: str, emulated: Account | None = None) -> list[str]:
    """The exporter's command line, with the address of the account if there is one."""
    address = () if emulated is None else (f"--api.url={emulated.api}",)
    return [EXPORTER, *arguments, *address]


@contextmanager
def exporter(
    folder: Path,
    emulated: Account | None = None,
    *flags: str,
    env: Mapping[str, str] | None = None,
) -> Iterator[Exporter]:
    """The daemon on a free port, with its state in ``folder`` and more requests than it needs.

    Given ``env``, that is all of its configuration beside the flags; else it has the credential.
    """
    whole = command(
        "--web.listen-address=127.0.0.1:0",
        f"--storage.path={folder / 'data'}",
        "--api.requests-per-second=1000",
        *flags,
        emulated=emulated,
    )
    with running(whole, folder, env=CREDENTIAL if env is None else env) as run:
        port = run.said(r"msg=started .*listening=\S?127\.0\.0\.1:(\d+)")[1]
        yield Exporter(run, f"http://127.0.0.1:{port}")


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    code: int
    out: str
    err: str


def run_to_end(
    arguments: Sequence[str], folder: Path, env: Mapping[str, str] | None = None
) -> Done:
    """Run it and wait; it must end by itself. Nothing that it writes may hold a canary."""
    with running(arguments, folder, env=env) as run:
        code = run.wait(30.0)
        done = Done(code, run.stdout, run.stderr)
    spotless(done.out, done.err)
    return done


def spotless(*texts: str) -> None:
    """No secret, no address, no name of a person. Says which kind, without the secret itself."""
    for text in texts:
        found = [mark for mark in CANARIES if mark in text]
        assert not found, f"a canary got out: {found}"
