"""Which version this is."""

import json
import platform
from importlib.metadata import distribution

from exporter.health.vitals import Build

_UNKNOWN = "unknown"


def this_build() -> Build:
    """From the metadata of the installed distribution.

    The revision is known where it was installed from version control (PEP 610).
    """
    installed = distribution("flatfile-exporter")
    return Build(
        version=installed.version,
        revision=_revision(installed.read_text("direct_url.json")),
        python_version=platform.python_version(),
    )


def _revision(direct_url: str | None) -> str:
    try:
        found = json.loads(direct_url or "{}")["vcs_info"]["commit_id"]
    except (ValueError, KeyError, TypeError):
        return _UNKNOWN
    return str(found)
