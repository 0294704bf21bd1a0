"""Where the parts of the audit log are, by the settings."""

from dataclasses import dataclass, field
from pathlib import Path

from exporter.settings import Settings

KEY_FILE = "signing-key.pem"
LINES_FILE = "flatfile-audit.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Its folder, its signing key, and where else its signed heads are kept."""

    folder: Path
    key: Path
    heads: tuple[Path, ...] = field(default=())


def place(settings: Settings) -> Place:
    """What is not set is beside the log.

    The settings are complete: :func:`exporter.settings.incomplete.incomplete` has seen to that.
    """
    audit = settings.audit
    folder = audit.path or (settings.storage.path or Path()) / "audit"
    return Place(
        folder=folder,
        key=audit.signing_key_file or folder / KEY_FILE,
        heads=(audit.head_file,) if audit.head_file else (),
    )
