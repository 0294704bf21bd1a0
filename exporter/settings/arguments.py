"""Settings from the command line, through argparse."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NoReturn

from exporter.errors import ConfigurationError, Mistake
from exporter.settings.catalogue import CONFIG_FILE, NEGATION, SETTINGS, Setting, did_you_mean
from exporter.settings.layers import Entry, Layer, Raw, layer

_WITH_FLAGS = (CONFIG_FILE, *SETTINGS)
_ABOUT = re.compile(r"argument --([^:/]+)[^:]*: (.*)")  # what argparse writes about a flag
_FLAGS = [s.flag for s in _WITH_FLAGS if not s.secret]


def add_flags(parser: argparse.ArgumentParser, *, described: bool = True) -> None:
    """Add a flag for every setting that is not a secret, grouped by section.

    Also turns abbreviations off: ``--api.r`` would change its meaning when a setting is added.
    Where nobody asks for help, leave the descriptions out: they are read from our own source,
    which takes 40 ms.
    """
    parser.allow_abbrev = False
    for section, settings in groupby(_WITH_FLAGS, key=lambda s: s.name.partition(".")[0]):
        group = parser.add_argument_group(section)
        for setting in settings:
            _add(group, setting, described=described)


def asks_for_help(argv: Sequence[str]) -> bool:
    """Whether anybody may see what the flags are described with; rather yes than no."""
    return any(word.startswith(("-h", "--h")) for word in argv)


def from_namespace(namespace: argparse.Namespace) -> Mapping[str, Raw]:
    """Take the flags that were given, by setting's name, out of what the parser returned."""
    taken: dict[str, Raw] = {}
    for setting in _WITH_FLAGS:
        value = getattr(namespace, setting.name, None)
        if isinstance(value, bool):
            taken[setting.name] = "true" if value else "false"
        elif value is not None:
            taken[setting.name] = tuple(value) if isinstance(value, list) else value
    return taken


def parse(argv: Sequence[str]) -> tuple[Mapping[str, Raw], tuple[Mistake, ...]]:
    """Read a command line of settings and nothing else; also returns what is wrong with it.

    Raises ConfigurationError, with the first mistake only, if the flags cannot be told apart.
    """
    parser = _Parser(add_help=False)
    add_flags(parser, described=False)
    namespace, rest = parser.parse_known_args(argv)
    return from_namespace(namespace), unknown(rest)


def unknown(rest: Sequence[str]) -> tuple[Mistake, ...]:
    """Say what is wrong with the arguments that the parser did not know, without their values."""
    mistakes: list[Mistake] = []
    after_flag = False
    for argument in rest:
        name = argument.partition("=")[0]
        if argument.startswith("-"):
            message = f"is unknown; {did_you_mean(name, _FLAGS)}"
            mistakes.append(Mistake(name.lstrip("-"), f"flag {name}", message))
        elif not after_flag:
            message = (
                "there is an argument that belongs to no flag; write --name=value (--help lists the"
                " flags), and a command before them"
            )
            mistakes.append(Mistake("arguments", "command line", message))
        after_flag = argument.startswith("-") and "=" not in argument
    return tuple(mistakes)


def flag_layer(flags: Mapping[str, Raw], mistakes: Sequence[Mistake] = ()) -> Layer:
    """Gather the flags; one that was given empty is a mistake, unlike an empty variable."""
    entries: list[Entry] = []
    found = list(mistakes)
    for setting in SETTINGS:
        if setting.name not in flags:
            continue
        raw = flags[setting.name]
        if setting.secret:
            found.append(Mistake(setting.name, f"flag {setting.flag}", _no_flag(setting)))
        elif raw == "" or (isinstance(raw, tuple) and "" in raw):
            message = f"is empty; write {setting.kind.form}, or leave the flag out"
            found.append(Mistake(setting.name, f"flag {setting.flag}", message))
        else:
            entries.append(Entry(setting.name, raw, f"flag {_as_given(setting, raw)}"))
    return layer(entries, found)


def _as_given(setting: Setting, raw: Raw) -> str:
    return f"--{NEGATION}{setting.name}" if setting.switch and raw == "false" else setting.flag


def _no_flag(setting: Setting) -> str:
    variable = setting.environment_variable
    return (
        "a secret is never a flag, other users of the machine could read it; set the environment"
        f" variable {variable}, or name a file with --{setting.name}-file or {variable}_FILE"
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        about = _ABOUT.fullmatch(message)
        name, what = about.groups() if about else ("arguments", message)
        origin = f"flag --{name}" if about else "command line"
        raise ConfigurationError(Mistake(name, origin, f"{what}; see --help")) from None


def _add(group: argparse._ArgumentGroup, setting: Setting, *, described: bool) -> None:
    options: dict[str, Any] = {"dest": setting.name, "default": argparse.SUPPRESS}
    if setting.secret:
        # Known to the parser, so that the value after it is taken and never repeated in an error.
        group.add_argument(setting.flag, nargs="?", const="", help=argparse.SUPPRESS, **options)
        return
    if described:
        options["help"] = " ".join(_help(setting)).replace("%", "%%")
    if setting.switch:
        group.add_argument(setting.flag, action=argparse.BooleanOptionalAction, **options)
        return
    action = "append" if setting.repeatable else "store"
    group.add_argument(setting.flag, action=action, metavar=setting.kind.metavar, **options)


def _help(setting: Setting) -> Iterator[str]:
    yield setting.help
    if setting.default_text:
        yield f"Default: {setting.default_text}."
    yield f"[{setting.environment_variable}]"
