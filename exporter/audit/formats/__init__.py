"""In which words a record is told: a pure function for each format.

Each gives one line without its end, in UTF-8. ``csv`` is apart, because it has a header
(:mod:`exporter.audit.formats.csv`).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from exporter.audit.formats.ecs import ecs
from exporter.audit.formats.native import native
from exporter.audit.formats.ocsf.event import ocsf
from exporter.audit.record import Entry

Format = Callable[[Entry], bytes]

FORMATS: Mapping[str, Format] = MappingProxyType({"native": native, "ocsf": ocsf, "ecs": ecs})
