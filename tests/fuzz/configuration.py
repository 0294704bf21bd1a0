"""What an operator writes: files, variables, flags, and the files that those name."""

import math
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import yaml

from exporter.collectors.maintenance import declared
from exporter.errors import ConfigurationError
from exporter.settings import SETTINGS, load
from exporter.settings.maintenance import Maintenance
from exporter.settings.secretfiles import FileSecret
from exporter.web.guard.protection import load as guarded
from tests.fuzz.promises import hold, overheard, silent, words

_PREFIX = "FLATFILE_EXPORTER_"
# Flags and files name files; what these hold is for other targets, and a device may block.
_ELSEWHERE = re.compile(r"/(dev|proc|sys)\b|\.\.")
_SECRET = re.compile(r"secret|token|password|dsn|headers|client-id", re.IGNORECASE)
_NAMES_A_FILE = re.compile(r"file", re.IGNORECASE)


def settings_file(content: bytes) -> None:
    """The YAML file."""
    if _ELSEWHERE.search(content.decode("latin-1")):
        return
    with _file(content) as path:
        told = _loaded([f"--config.file={path}"], {})
        told = [line.replace(str(path), "") for line in told]
    found = [text for key, text in _scalars(content) if _holds_a_secret(key)]
    silent(told, _only_there(found, content), "no secret of the file is repeated")


def environment(content: bytes) -> None:
    """Environment variables, a line each."""
    text = content.decode("utf-8", "surrogateescape").replace("\0", "")
    if _ELSEWHERE.search(text):
        return
    lines = (line.partition("=") for line in text.split("\n"))
    environ = {_PREFIX + name: value for name, _, value in lines}
    told = _loaded([], environ)
    secret = [v for k, v in environ.items() if _holds_a_secret(k.replace("_", "-"))]
    silent(told, _only_there(secret, content), "no secret of the environment is repeated")


def flags(content: bytes) -> None:
    """The command line, an argument a line."""
    text = content.decode("utf-8", "surrogateescape").replace("\0", "")
    if _ELSEWHERE.search(text):
        return
    argv = text.split("\n")
    told = _loaded(argv, {})
    secret = [a.partition("=")[2] for a in argv if _holds_a_secret(a.partition("=")[0])]
    silent(told, _only_there(secret, content), "no secret on the command line is repeated")


def web_config(content: bytes) -> None:
    """The web configuration file."""
    if _ELSEWHERE.search(content.decode("latin-1")):
        return
    told: tuple[str, ...]
    with _file(content) as path:
        try:
            protection = guarded(path).protection
        except ConfigurationError as error:
            told = tuple(str(mistake) for mistake in error.mistakes)
            hold(told, "an error names a mistake")
        else:
            told = protection.notes
            shown = repr(protection)
            hold(not any(h.decode() in shown for h in protection.users.values()), "hashes hide")
            headers = b"".join(name + value for name, value in protection.headers)
            hold(all(0x20 <= byte < 0x7F or byte == 9 for byte in headers), "headers can be sent")
        told = tuple(line.replace(str(path), "").replace(str(path.parent), "") for line in told)
    hold(all(line.isprintable() for line in told), "a mistake is a line")
    found = [text for key, text in _scalars(content) if not _NAMES_A_FILE.search(key)]
    silent(told, _only_there(found, content), "what the file holds is not repeated")


def secret_file(content: bytes) -> None:
    """A file with a secret."""
    with _file(content) as path:
        source = FileSecret("auth.token-file", path)
        try:
            found = source()
        except ConfigurationError as error:
            told = str(error).replace(str(path), "")
            silent([told], words(content), "a file that is no secret is not repeated")
        else:
            hold(re.fullmatch(r"[!-~]+", found), "a header can carry it")
            hold(source() == found, "the same file is the same secret")
            hold(f"{found!r}" not in repr(source), "a secret is not shown")


def maintenance_file(content: bytes) -> None:
    """The file of windows of maintenance."""
    with _file(content) as path, overheard() as lines:
        windows = declared(Maintenance.model_validate({"file": str(path)}))
    hold(all("\n" not in line for line in lines), "what is wrong is said in a line")
    hold(len(windows) + len(lines) <= len(content) + 1, "each line once")
    for window in windows:
        hold(window.environment.strip() and math.isfinite(window.until), "who, and until when")
        hold(str(window).startswith(window.environment), "which can be shown")


def _holds_a_secret(name: str) -> bool:
    """A file that holds one is named where it cannot be read."""
    return bool(_SECRET.search(name)) and not _NAMES_A_FILE.search(name)


def _loaded(argv: list[str], environ: Mapping[str, str]) -> list[str]:
    """What is wrong, a line each; or what is shown of it, if nothing is."""
    try:
        settings = load(argv, environ).settings
    except ConfigurationError as error:
        told = [str(mistake) for mistake in error.mistakes]
        hold(told, "an error names a mistake")
        hold(all(line.isprintable() for line in told), "a mistake is a line")
        hold(error.__cause__ is None, "and nothing hangs on it")
        return told
    shown = [setting.text(settings) for setting in SETTINGS if setting.name != "auth.client-id"]
    return [*shown, repr(settings.auth.client_secret), repr(settings.auth.token)]


class _file:  # noqa: N801 - used like a function
    """A file for a moment, in a folder of its own."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Path:
        path = Path(self._folder.name) / "fuzzed"
        path.write_bytes(self._content)
        return path

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def _scalars(content: bytes) -> list[tuple[str, str]]:
    """Every scalar below a key, with the dotted key; by PyYAML as well, but from outside."""
    try:
        root = yaml.compose(content.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    return list(_below(root, "", set()))


def _below(node: yaml.Node | None, key: str, seen: set[int]) -> Iterator[tuple[str, str]]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield key, node.value
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _below(item, key, seen)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            written = name.value if isinstance(name, yaml.ScalarNode) else ""
            yield from _below(value, f"{key}.{written}", seen)


def _only_there(found: list[str], content: bytes) -> list[str]:
    """Those that are words of nobody else, and stand in one place: others may be shown there."""
    text = content.decode("utf-8", "surrogateescape")
    # As it is told: what cannot be printed is shown as an escape, whose end may complete a word.
    escaped = text.encode("ascii", "backslashreplace").decode()
    return [
        one
        for one in found
        if len(one) > 5
        and text.count(one) == 1
        and escaped.count(one) <= 1
        and words(one.encode(errors="surrogateescape"))
    ]


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "settings-file": settings_file,
    "environment": environment,
    "flags": flags,
    "web-config": web_config,
    "secret-file": secret_file,
    "maintenance-file": maintenance_file,
}
