"""The kinds of value that name a file or a folder. Relative ones start where the program does."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.settings.kinds import Kind, line, one_text, quoted
from exporter.settings.secretfiles import SecretUnreadable, read_secret


@dataclass(frozen=True)
class FileName(Kind):
    """A file that may come and go."""

    @property
    def metavar(self) -> str:
        return "FILE"

    @property
    def form(self) -> str:
        return "the path of a file"

    def read(self, raw: object) -> Path:
        return Path(line(one_text(raw)))


@dataclass(frozen=True)
class Regular(FileName):
    """A file that exists when the configuration is read."""

    def read(self, raw: object) -> Path:
        path = super().read(raw)
        try:
            found = path.is_file()
        except OSError:
            found = False
        if not found:
            raise ValueError(f"there is no readable file {quoted(str(path))}; correct the path")
        return path


@dataclass(frozen=True)
class SecretFile(FileName):
    """A file that holds one secret and can be read now."""

    @property
    def form(self) -> str:
        return "the path of a file that holds the value"

    def read(self, raw: object) -> Path:
        path = super().read(raw)
        try:
            read_secret(path)
        except SecretUnreadable as error:
            raise ValueError(str(error)) from None
        return path


@dataclass(frozen=True)
class Folder(Kind):
    """A folder that need not exist yet; ``none`` (the value None) for no folder at all."""

    @property
    def metavar(self) -> str:
        return "FOLDER"

    @property
    def form(self) -> str:
        return "the path of a folder, or none"

    def read(self, raw: object) -> Path | None:
        text = line(one_text(raw))
        if text == "none":
            return None
        if Path(text).is_file():
            raise ValueError(f"{quoted(text)} is a file; name a folder, or none")
        return Path(text)

    def show(self, value: Any) -> str:
        return "none" if value is None else f"{value}/"
