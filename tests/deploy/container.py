"""The image, really built, and its file system entered as a container would run it.

`podman run` needs control groups and limits that are not to be had everywhere tests run. What it
would do is done by hand: a mount namespace, the image's own root read-only, one folder that may be
written, no privileges, the image's user, environment and entry point.
"""

import fcntl
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "localhost/flatfile-exporter-base:trixie"
NAME = "localhost/flatfile-exporter"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

_ENTER = """
root=$1 data=$2 user=$3
shift 3
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs --bounding-set=-all,+setuid,+setgid,+sys_chroot \
  chroot --userspec="$user" --groups= "$root" "$@"
"""


@dataclass(frozen=True)
class Image:
    """A target as podman has it. ``root`` is its file system, mounted."""

    root: Path
    about: Mapping[str, Any]

    @property
    def config(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.about["Config"]
        return found

    @property
    def health(self) -> Sequence[str]:
        """The command of the health check, without the word that says how it is run."""
        test: Sequence[str] = self.about["Healthcheck"]["Test"]
        assert test[0] == "CMD", "a health check by a shell needs a shell"
        return test[1:]

    def enter(self, command: Sequence[str], data: Path, env: Mapping[str, str]) -> list[str]:
        """The command line that runs ``command`` in it, with ``data`` at ``/data``.

        ``env`` comes on top of the image's own environment, and nothing else does.
        """
        whole = dict(one.split("=", 1) for one in self.config["Env"]) | dict(env)
        user = self.config["User"]
        words = ["unshare", "--mount", "--propagation=private", "env", "-i"]
        words += ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "sh", "-eu", "-c", _ENTER, "sh"]
        words += [str(self.root), str(data), user]
        # The environment for the program is set from inside, or its PATH would find our tools.
        loader = "/opt/flatfile-exporter/bin/python3"
        inner = "import os,sys; n=int(sys.argv[1]); os.chdir('/data'); os.execve("
        inner += "sys.argv[2+n], sys.argv[2+n:], dict(a.split('=',1) for a in sys.argv[2:2+n]))"
        pairs = [f"{name}={value}" for name, value in whole.items()]
        return [*words, loader, "-c", inner, str(len(pairs)), *pairs, *command]


@dataclass(frozen=True)
class Builder:
    """podman with a store of its own in ``cache``, so that layers are kept and nothing else is."""

    podman: str
    cache: Path
    source: Path

    def __call__(self, *arguments: str) -> str:
        store = self.cache / "containers"
        own = ["--root", str(store), "--runroot", f"{store}-run"]
        done = subprocess.run(
            [self.podman, *own, *arguments],
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def has(self, name: str) -> bool:
        return name in self("images", "--format", "{{.Repository}}:{{.Tag}}").split()

    def once(self, *targets: str, **arguments: str) -> None:
        """Build these targets, once in a test run: several processes of it may ask.

        Layers of an earlier run are used again; those that nothing uses any more are removed.
        """
        run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
        with (self.cache / "containers.lock").open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if file.read() == run:
                return
            for target in targets:
                self._build(target, arguments)
            self("image", "prune", "--force")
            file.truncate(0)
            file.write(run)

    def _build(self, target: str, arguments: Mapping[str, str]) -> None:
        certificate = os.environ.get("PIP_CERT")
        flags = ["--volume", f"{certificate}:{_CERTIFICATES}:ro"] if certificate else []
        for key, value in ({"BASE": BASE} | dict(arguments)).items():
            flags += ["--build-arg", f"{key}={value}"]
        how = ["--pull=never", "--isolation", "chroot", "--format", "docker", "--quiet"]
        name = f"{NAME}:{target}"
        self("build", *how, *flags, "--target", target, "--tag", name, str(self.source))

    @contextmanager
    def mounted(self, target: str) -> Iterator[Image]:
        name = f"{NAME}:{target}"
        container = self("create", name, "unused").strip()
        try:
            root = Path(self("mount", container).strip())
            (about,) = json.loads(self("inspect", "--type", "image", name))
            yield Image(root, about)
        finally:
            self("rm", "--force", container)
