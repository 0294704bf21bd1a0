"""Configuration: one namespace of settings, spelled as flags, environment variables and YAML.

Only this package reads the environment, and only through the mapping it is handed.
"""

from exporter.settings.addresses import ListenAddress
from exporter.settings.arguments import add_flags, asks_for_help, from_namespace, unknown
from exporter.settings.catalogue import CONFIG_FILE, SETTINGS, Setting
from exporter.settings.collectors import Collector
from exporter.settings.durations import duration, seconds
from exporter.settings.loading import Loaded, Origins, load, resolve
from exporter.settings.model import Settings
from exporter.settings.reload import restart_needed
from exporter.settings.secrets import (
    ClientPair,
    Credential,
    PersonalToken,
    SecretSource,
    credential_source,
)
from exporter.settings.shards import Shard
from exporter.settings.tables import example_yaml, settings_table

__all__ = [
    "CONFIG_FILE",
    "SETTINGS",
    "ClientPair",
    "Collector",
    "Credential",
    "ListenAddress",
    "Loaded",
    "Origins",
    "PersonalToken",
    "SecretSource",
    "Setting",
    "Settings",
    "Shard",
    "add_flags",
    "asks_for_help",
    "credential_source",
    "duration",
    "example_yaml",
    "from_namespace",
    "load",
    "resolve",
    "restart_needed",
    "seconds",
    "settings_table",
    "unknown",
]
