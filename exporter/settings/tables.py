"""The documentation that is generated from the catalogue."""

import json
import textwrap
from collections.abc import Iterator

from exporter.settings.catalogue import CONFIG_FILE, NEGATION, SETTINGS, Setting
from exporter.settings.kinds import Number, Switch

_HEADING = """\
# Configuration of flatfile-exporter; every setting with its default.
# A flag (--web.listen-address) wins over an environment variable
# (FLATFILE_EXPORTER_WEB_LISTEN_ADDRESS), and that over this file. Durations: 500ms, 30s, 1h30m, 1d.
"""


def settings_table() -> str:
    """Every setting as a Markdown table."""
    rows = ["| setting | default | what it does, and why so |", "|---|---|---|"]
    rows += ["| " + " | ".join(_row(setting)) + " |" for setting in (CONFIG_FILE, *SETTINGS)]
    return "\n".join(rows) + "\n"


def _row(setting: Setting) -> Iterator[str]:
    name = f"`{setting.name}`"
    yield f"{name}, `{NEGATION}{setting.name}`" if setting.switch else name
    yield f"`{setting.default_text}`" if setting.default_text else ""
    notes = [setting.help]
    if setting.secret:
        notes.append("Never a flag.")
    if setting.at_restart:
        notes.append("Takes effect at a restart.")
    yield " ".join(notes).replace("|", "\\|")


def example_yaml() -> str:
    """The example configuration: settings without a default commented out, the others as they are.

    It parses, and gives exactly the defaults.
    """
    root: dict[str, object] = {}
    for setting in SETTINGS:
        branch = root
        *sections, last = _keys(setting)
        for section in sections:
            branch = branch.setdefault(section, {})  # type: ignore[assignment] # a tree of unknown depth
        branch[last] = setting
    return _HEADING + "".join(_lines(root, 0))


def _keys(setting: Setting) -> list[str]:
    nested = setting.switch and any(s.name.startswith(f"{setting.name}.") for s in SETTINGS)
    return [*setting.name.split("."), *(["enabled"] if nested else [])]


def _lines(branch: dict[str, object], depth: int) -> Iterator[str]:
    pad = "  " * depth
    for key, item in branch.items():
        if isinstance(item, Setting):
            if depth == 0:
                yield "\n"
            yield from (f"{pad}# {line}\n" for line in _wrapped(item.help, 96 - len(pad)))
            written = _yaml(item)
            yield f"{pad}{key}: {written}\n" if written else f"{pad}# {key}:\n"
        elif isinstance(item, dict):
            yield f"\n{pad}{key}:\n" if depth == 0 else f"{pad}{key}:\n"
            yield from _lines(item, depth + 1)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def _yaml(setting: Setting) -> str:
    text = setting.default_text
    if isinstance(setting.kind, Number | Switch):
        return text
    return json.dumps(text, ensure_ascii=False) if text else ""
