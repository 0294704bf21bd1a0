"""``python -m tests.fuzz [TARGET ...] [--seconds N]``: look for broken promises; grow the corpus.

Needs atheris (``make fuzz`` installs it), which is told what is executed and tries what leads to
something new. A broken promise ends the run and leaves its input in the corpus as ``crash-…``: the
test fails from then on until it is repaired.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_PACKAGES = ["exporter", "yaml", "h11"]  # whose branches the fuzzer is told of
_SLOWEST = 20  # seconds for one input; more is a hang
_MEMORY = 1024  # MiB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TARGET", help="all, unless some are named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.into is not None:
        _search(chosen.names[0], chosen.into, chosen.seconds)
        return 0
    from tests.fuzz.targets import TARGETS

    unknown = set(chosen.names) - TARGETS.keys()
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    return max(_run(name, chosen.seconds) for name in chosen.names or TARGETS)


def _run(name: str, seconds: int) -> int:
    """In a process of its own: libFuzzer ends the one that it runs in."""
    from tests.fuzz.corpus import FOLDER, keep
    from tests.fuzz.targets import TARGETS

    (FOLDER / name).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        command = [sys.executable, "-m", "tests.fuzz", name, "--seconds", str(seconds)]
        ended = subprocess.run([*command, "--into", folder], check=False)
        broken = [path for path in into.iterdir() if path.name.startswith(("crash-", "timeout-"))]
        for path in broken:
            shutil.copy(path, FOLDER / name)
            print(f"{name}: a promise is broken by {FOLDER / name / path.name}", flush=True)
        if not broken and ended.returncode == 0:
            new = (path.read_bytes() for path in into.iterdir() if path.is_file())
            found, kept = keep(name, TARGETS[name], new)
            print(f"{name}: {found} inputs, of which {kept} are kept beside the named ones")
        return ended.returncode


def _search(name: str, into: Path, seconds: int) -> None:
    import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore] # see the Makefile

    with atheris.instrument_imports(include=_PACKAGES):
        from tests.fuzz.corpus import FOLDER, LARGEST
        from tests.fuzz.targets import TARGETS

    # Before the first input: what is imported late would count as something new.
    TARGETS[name](b"")
    arguments = [
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST}",
        f"-timeout={_SLOWEST}",
        f"-rss_limit_mb={_MEMORY}",
        f"-artifact_prefix={into}{os.sep}",
        "-print_final_stats=1",
        str(into),
        str(FOLDER / name),
    ]
    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
