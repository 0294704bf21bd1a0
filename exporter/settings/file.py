"""Settings from the YAML file.

The nodes are read, not the values: then a number or ``off`` arrives as it was written, like in a
flag or a variable, a key given twice is seen, and each value knows its line. What the file holds
is never quoted in a message, secrets may be among it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from exporter.errors import Mistake
from exporter.settings.catalogue import CONFIG_FILE, SPELLINGS, did_you_mean
from exporter.settings.layers import Entry, Layer, Raw, layer

LARGEST = 1024 * 1024
_NULL = "tag:yaml.org,2002:null"
_OWN_NAME = ".enabled"  # collector: {agents: {enabled: false}} is collector: {agents: false}
_SECTIONS = frozenset(
    name[:end] for name in SPELLINGS for end, letter in enumerate(name) if letter == "."
)


def file_layer(path: Path, origin: str) -> Layer:
    """Read the file that ``origin`` (a flag, a variable) names. Everything wrong is a mistake."""
    try:
        text = _text(path)
        # SafeLoader only tells null from text here; nothing is constructed.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except OSError as error:
        message = f"cannot read {path}: {error.strerror}; correct the path or its permissions"
        return Layer({}, (Mistake(CONFIG_FILE.name, origin, message),))
    except UnicodeDecodeError:
        return Layer({}, (_unparsable(path, "it is not text in UTF-8"),))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Layer({}, (_unparsable(path, _where(error)),))
    walk = _Walk(path)
    if root is None or root.tag == _NULL:
        return Layer({})
    if not isinstance(root, yaml.MappingNode):
        return Layer({}, (_unparsable(path, "it is not a mapping of sections to settings"),))
    entries = list(walk.mapping(root, ""))
    return layer(entries, walk.mistakes)


def _text(path: Path) -> str:
    with path.open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise yaml.YAMLError
    return content.decode("utf-8-sig")


def _unparsable(path: Path, what: str) -> Mistake:
    message = f"cannot use this file: {what}; --help shows the settings, quote odd values"
    return Mistake(CONFIG_FILE.name, f"file {path}", message)


def _where(error: Exception) -> str:
    # Not error.problem: it quotes tokens, and a token may be a part of a secret.
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"it is not YAML that can be read{place}"


@dataclass
class _Walk:
    path: Path
    mistakes: list[Mistake] = field(default_factory=list)

    def mapping(self, node: yaml.MappingNode, prefix: str) -> Iterator[Entry]:
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._mistake(prefix or "file", key, "has a key that is not a word")
                continue
            dotted = f"{prefix}.{key.value}" if prefix else key.value
            if dotted in seen:
                self._mistake(dotted, key, "is given twice; keep one")
                continue
            seen.add(dotted)
            yield from self._member(dotted, key, value)

    def _member(self, dotted: str, key: yaml.Node, value: yaml.Node) -> Iterator[Entry]:
        name = dotted.removesuffix(_OWN_NAME) if dotted not in SPELLINGS else dotted
        known = name in SPELLINGS and (name == dotted or SPELLINGS[name].setting.switch)
        if isinstance(value, yaml.MappingNode) and dotted in _SECTIONS:
            yield from self.mapping(value, dotted)
        elif known and (raw := self._raw(name, value)) is not None:
            yield Entry(name, raw, self._origin(value))
        elif not known and dotted in _SECTIONS:
            if value.tag != _NULL:  # a section with every line commented out is no mistake
                self._mistake(dotted, key, "is a section; write its settings below it")
        elif not known:
            self._mistake(dotted, key, f"is unknown; {did_you_mean(dotted, SPELLINGS)}")

    def _raw(self, name: str, node: yaml.Node) -> Raw | None:
        if node.tag.startswith("!"):
            self._mistake(name, node, "has a YAML tag; write the value itself, in quotes")
        elif isinstance(node, yaml.ScalarNode):
            return "" if node.tag == _NULL else node.value
        elif isinstance(node, yaml.SequenceNode) and all(
            isinstance(item, yaml.ScalarNode) for item in node.value
        ):
            return tuple(item.value for item in node.value)
        else:
            self._mistake(name, node, "takes a value or a list of values, nothing deeper")
        return None

    def _origin(self, node: yaml.Node) -> str:
        return f"file {self.path}, line {node.start_mark.line + 1}"

    def _mistake(self, name: str, node: yaml.Node, message: str) -> None:
        self.mistakes.append(Mistake(name[:100], self._origin(node), message))
