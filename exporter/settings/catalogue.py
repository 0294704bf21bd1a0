"""Every setting there is, found by walking the model.

Flags, environment variables, keys of the file, help texts and the generated documentation all
come from here; to add a setting is to add a field to a section.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial, reduce
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from exporter.settings.docstrings import docstrings
from exporter.settings.kinds import Kind, Switch
from exporter.settings.model import Settings
from exporter.settings.paths import Regular
from exporter.settings.section import AtRestart, Named

PREFIX = "FLATFILE_EXPORTER_"
NEGATION = "no-"


@dataclass(frozen=True)
class Setting:
    """One setting, as every place that names settings needs it.

    ``name`` is dotted (``web.listen-address``), and ``path`` the fields that lead to its value.
    """

    name: str
    path: tuple[str, ...]
    kind: Kind
    default: object
    describe: Callable[[], str]
    at_restart: bool = False

    @property
    def help(self) -> str:
        """What it does and why its default is what it is."""
        return self.describe()

    @property
    def environment_variable(self) -> str:
        return environment_variable(self.name)

    @property
    def flag(self) -> str:
        """The flag, whether or not there is one: see `secret`."""
        return f"--{self.name}"

    @property
    def secret(self) -> bool:
        """A secret has no flag, and its value is never shown."""
        return self.kind.secret

    @property
    def repeatable(self) -> bool:
        return self.kind.repeatable

    @property
    def switch(self) -> bool:
        """On or off; has a second name that begins with ``no-``."""
        return isinstance(self.kind, Switch)

    @property
    def default_text(self) -> str:
        return self._text(self.default)

    def value(self, settings: Settings) -> Any:
        return reduce(getattr, self.path, settings)

    def text(self, settings: Settings) -> str:
        """The value as an operator would write it; ``[redacted]`` for a secret, empty if unset."""
        return self._text(self.value(settings))

    def _text(self, value: object) -> str:
        # A default of None is "unset"; any other setting's None is a word of its kind's.
        unset = value is None and (self.default is None or self.secret)
        return "" if unset else self.kind.show(value)


@dataclass(frozen=True)
class Spelling:
    """A setting under one of its names; ``negated`` under the one that begins with ``no-``."""

    setting: Setting
    negated: bool = False


def environment_variable(name: str) -> str:
    return PREFIX + re.sub("[.-]", "_", name).upper()


def _walk(model: type[BaseModel], path: tuple[str, ...], prefix: str) -> Iterator[Setting]:
    for field_name, field in model.model_fields.items():
        name = _name(field_name, field, prefix)
        here = (*path, field_name)
        kinds = [item for item in field.metadata if isinstance(item, Kind)]
        if kinds:
            at_restart = any(isinstance(item, AtRestart) for item in field.metadata)
            describe = partial(_described, model, field_name)
            yield Setting(name, here, kinds[0], field.default, describe, at_restart)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _walk(field.annotation, here, name)
        else:
            raise TypeError(f"the field {'.'.join(here)} has no kind; see exporter.settings.kinds")


def _described(model: type[BaseModel], field_name: str) -> str:
    return " ".join(docstrings(model).get(field_name, "").split())


def _name(field_name: str, field: FieldInfo, prefix: str) -> str:
    named = [item.name for item in field.metadata if isinstance(item, Named)]
    segment = named[0] if named else field_name.replace("_", "-")
    return ".".join(part for part in (prefix, segment) if part)


SETTINGS: tuple[Setting, ...] = tuple(_walk(Settings, (), ""))

CONFIG_FILE = Setting(
    "config.file",
    (),
    Regular(),
    None,
    lambda: "YAML file with any of these settings. Itself a flag or an environment variable only.",
)
"""Not in the model: it says where a part of the model comes from."""


def _spellings() -> Iterator[tuple[str, Spelling]]:
    for setting in SETTINGS:
        yield setting.name, Spelling(setting)
        if setting.switch:
            yield NEGATION + setting.name, Spelling(setting, negated=True)


SPELLINGS: Mapping[str, Spelling] = MappingProxyType(dict(_spellings()))
"""By dotted name, the ones that begin with ``no-`` included."""

VARIABLES: Mapping[str, str] = MappingProxyType(
    {environment_variable(name): name for name in (*SPELLINGS, CONFIG_FILE.name)}
)
"""Dotted names by environment variable."""


def did_you_mean(written: str, known: Iterable[str], prefix: str = "") -> str:
    """End a message about an unknown name: what was probably meant, or where to look.

    ``prefix`` is common to all and tells nothing; it does not count for likeness.
    """
    wanted = written.removeprefix(prefix)[:100]
    near = difflib.get_close_matches(wanted, [name.removeprefix(prefix) for name in known], n=1)
    return f"did you mean {prefix}{near[0]}?" if near else "remove it; --help lists every setting"


def by_path(location: tuple[int | str, ...]) -> Setting | None:
    """Find the setting that a location in the model is, or is in."""
    return next((s for s in SETTINGS if s.path == location[: len(s.path)]), None)
