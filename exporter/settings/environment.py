"""Settings from environment variables."""

import re
from collections.abc import Iterator, Mapping

from exporter.errors import Mistake
from exporter.settings.catalogue import CONFIG_FILE, PREFIX, VARIABLES, did_you_mean
from exporter.settings.layers import Entry, Layer, layer

# Kubernetes puts variables for each Service of the namespace into every container. For a Service
# called flatfile-exporter they begin with our prefix; for flatfile-exporter-metrics too, with more
# in between. Refusing them would keep the exporter from starting beside its own Service.
_OF_THE_SERVICE = re.compile(
    r"SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?"
)
_OF_A_LONGER_SERVICE = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://\S+")


def origin(variable: str) -> str:
    return f"environment variable {variable}"


def environment_layer(environ: Mapping[str, str]) -> Layer:
    """Take every ``FLATFILE_EXPORTER_…``; one that is empty counts as not set."""
    entries: list[Entry] = []
    mistakes: list[Mistake] = []
    for variable in _ours(environ):
        name = VARIABLES.get(variable)
        if name is None:
            message = f"is unknown; {did_you_mean(variable, VARIABLES, PREFIX)}"
            mistakes.append(Mistake(variable, origin(variable), message))
        elif name != CONFIG_FILE.name:
            entries.append(Entry(name, environ[variable], origin(variable)))
    return layer(entries, mistakes)


def _ours(environ: Mapping[str, str]) -> Iterator[str]:
    for variable in sorted(environ):
        foreign = not variable.startswith(PREFIX) or _service_link(variable, environ[variable])
        if variable in VARIABLES or not foreign:
            yield variable


def _service_link(variable: str, value: str) -> bool:
    rest = variable.removeprefix(PREFIX)
    if _OF_THE_SERVICE.fullmatch(rest) or _OF_A_LONGER_SERVICE.fullmatch(rest):
        return True
    # …_WEB_PORT may as well be a setting spelled wrong; Kubernetes' value tells them apart.
    return rest.endswith("_PORT") and bool(_SERVICE_ADDRESS.fullmatch(value))
