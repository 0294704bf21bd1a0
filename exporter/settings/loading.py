"""From a command line, an environment and a file to one `Settings`, or to every mistake at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from exporter.errors import ConfigurationError, Mistake
from exporter.settings.arguments import flag_layer, parse
from exporter.settings.catalogue import CONFIG_FILE, SETTINGS, by_path
from exporter.settings.contradictions import contradictions
from exporter.settings.environment import environment_layer, origin
from exporter.settings.incomplete import incomplete
from exporter.settings.layers import Given, Layer, Raw
from exporter.settings.model import Settings

DEFAULT = "default"

Origins = Mapping[str, str]
"""Where the value of each setting came from, by dotted name: ``flag --x``, ``environment variable
X``, ``file PATH, line N`` or ``default``."""


@dataclass(frozen=True)
class Loaded:
    settings: Settings
    origins: Origins


def load(argv: Sequence[str], environ: Mapping[str, str]) -> Loaded:
    """Read a command line that holds settings only; raises ConfigurationError with every mistake."""
    flags, mistakes = parse(argv)
    return resolve(flags, environ, mistakes)


def resolve(
    flags: Mapping[str, Raw], environ: Mapping[str, str], mistakes: Sequence[Mistake] = ()
) -> Loaded:
    """Put flags over environment over file over defaults.

    ``flags`` is what `from_namespace` returns; ``mistakes`` what the parser has found already.
    Raises ConfigurationError with those and every further one.
    """
    layers = (flag_layer(flags, mistakes), environment_layer(environ), _file(flags, environ))
    given: dict[str, Given] = {}
    for layer in reversed(layers):
        given.update(layer.given)
    wrong = [mistake for layer in layers for mistake in layer.mistakes]
    wrong += contradictions(given)
    try:
        settings = Settings(layers=tuple(layer.nested() for layer in layers))
        wrong += (_located(mistake, given) for mistake in incomplete(settings))
    except ValidationError as error:
        wrong += _mistakes(error, given)
    except UnicodeEncodeError:
        wrong += _undecodable(given)
    if wrong:
        # From nothing: the validation error holds the values, and some are secrets.
        raise ConfigurationError(*wrong) from None
    names = {s.name: given[s.name].origin if s.name in given else DEFAULT for s in SETTINGS}
    return Loaded(settings, MappingProxyType(names))


def _file(flags: Mapping[str, Raw], environ: Mapping[str, str]) -> Layer:
    if not (flags.keys() & {CONFIG_FILE.name} or environ.get(CONFIG_FILE.environment_variable)):
        return Layer({})
    from exporter.settings.file import file_layer  # noqa: PLC0415 - YAML takes 16 ms to import

    flag, variable = flags.get(CONFIG_FILE.name), environ.get(CONFIG_FILE.environment_variable)
    if isinstance(flag, str):
        if not flag:
            message = "is empty; name a file, or leave the flag out"
            return Layer({}, (Mistake(CONFIG_FILE.name, f"flag {CONFIG_FILE.flag}", message),))
        return file_layer(Path(flag), f"flag {CONFIG_FILE.flag}")
    if variable:
        return file_layer(Path(variable), origin(CONFIG_FILE.environment_variable))
    return Layer({})


def _located(mistake: Mistake, given: Mapping[str, Given]) -> Mistake:
    """With the place where the setting was given, if it was."""
    found = given.get(mistake.setting)
    return Mistake(mistake.setting, found.origin if found else DEFAULT, mistake.message)


def _undecodable(given: Mapping[str, Given]) -> Iterator[Mistake]:
    """What the system handed over as bytes that are no UTF-8 (PEP 383)."""
    for name, one in given.items():
        texts = (one.raw,) if isinstance(one.raw, str) else one.raw
        try:
            "".join(map(str, texts)).encode()
        except UnicodeEncodeError:
            yield Mistake(name, one.origin, "is not UTF-8; write it again")


def _mistakes(error: ValidationError, given: Mapping[str, Given]) -> list[Mistake]:
    mistakes = []
    for detail in error.errors(include_url=False, include_input=False):
        setting = by_path(detail["loc"])
        if setting is None:
            raise error  # the layers hold settings only, so this is our bug
        cause = detail.get("ctx", {}).get("error")
        message = str(cause) if cause else f"is not {setting.kind.form}"
        place = given[setting.name].origin if setting.name in given else DEFAULT
        mistakes.append(Mistake(setting.name, place, message))
    return mistakes
