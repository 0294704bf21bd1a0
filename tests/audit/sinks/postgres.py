"""A real PostgreSQL server on loopback, which can be stopped and started in the middle."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import START, environment, free_port

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), Path())
HINT = "run tests/peers/install, or install the package postgresql"


def _as_somebody(folder: Path) -> list[str]:
    """PostgreSQL refuses to run as root: what to put before a command, and whose the folder is."""
    if os.geteuid() != 0:
        return []
    known = {user.pw_name for user in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@dataclass
class Server:
    """``dsn`` is of a superuser without a password; the server trusts whoever connects."""

    folder: Path
    port: int
    prefix: Sequence[str]
    _process: "subprocess.Popen[bytes] | None" = field(default=None)

    def dsn(self, user: str = "postgres", password: str = "", database: str = "postgres") -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Also waits until it answers."""
        if self._process is not None:
            return
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "fsync": "off",  # the machine does not lose power in a test
            "max_connections": "20",
        }
        settings = [f"-c{name}={value}" for name, value in options.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.prefix, BINARIES / "postgres", "-D", self.folder / "data", *settings],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=environment({"LC_ALL": "C"}),
            )
        until = time.monotonic() + START
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < until, "PostgreSQL did not start in time"
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: connections are ended in order. SIGQUIT: everything ends at once, recovery next."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(START)

    def _answers(self) -> bool:
        asked = [str(BINARIES / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0


@contextmanager
def server() -> Iterator[Server]:
    """Running; whatever is left of it ends with the context."""
    folder = Path(tempfile.mkdtemp(prefix="flatfile-postgres-"))
    try:
        prefix = _as_somebody(folder)
        options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-Upostgres"]
        initdb: list[str | Path] = [*prefix, BINARIES / "initdb", "-D", folder / "data", *options]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
        made = Server(folder, free_port(), prefix)
        try:
            made.start()
            yield made
        finally:
            made.stop(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder)
