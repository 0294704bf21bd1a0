"""The settings of the program around its collectors."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import SecretStr, model_validator

from exporter.settings.addresses import ListenAddress
from exporter.settings.durations import seconds
from exporter.settings.kinds import Choice, Credential, Lasting, Number, Secret, Switch
from exporter.settings.paths import Folder, Regular, SecretFile
from exporter.settings.places import Addresses, BaseUrl, UrlPath
from exporter.settings.section import AtRestart, Named, Section

REGIONS = {
    "us": "https://platform.flatfile.com/api/v1",
    "uk": "https://platform.uk.flatfile.com/api/v1",
    "eu": "https://platform.eu.flatfile.com/api/v1",
    "au": "https://platform.au.flatfile.com/api/v1",
    "ca": "https://platform.ca.flatfile.com/api/v1",
}


class Api(Section):
    """How Flatfile's API is reached."""

    url: Annotated[str, BaseUrl()] = REGIONS["us"]
    """Base URL of the API; `/v1` is added if it is missing. The default is the address that
    Flatfile's own tools use."""

    region: Annotated[str | None, Choice(tuple(REGIONS))] = None
    """Region of the account, the short form of `api.url`. Not together with `api.url`."""

    timeout: Annotated[float, Lasting("100ms", "10m")] = seconds("30s")
    """How long one request may take. Long listings are slow; beyond half a minute a new attempt
    is the better bet."""

    concurrency: Annotated[int, Number(1, 256)] = 8
    """Requests under way at once, all collectors together. Enough to hide latency, little enough
    to leave the account's own integrations alone."""

    requests_per_second: Annotated[float, Number(0.1, 1000, whole=False)] = 10.0
    """Requests begun in a second, all collectors together. Flatfile documents no limit; this is
    what a busy person with a browser causes."""

    page_size: Annotated[int, Number(1, 1000)] = 100
    """Items asked for in a page. Flatfile documents no maximum; this is the
    largest that its own tools ask for."""

    ca_file: Annotated[Path | None, Regular()] = None
    """Certificates (PEM) to trust beside the system's, for a proxy that opens TLS."""

    @model_validator(mode="before")
    @classmethod
    def _region_gives_the_url(cls, values: Any) -> Any:
        if isinstance(values, dict) and "url" not in values:
            url = REGIONS.get(str(values.get("region")).strip().lower())
            return {**values, "url": url} if url else values
        return values


class Auth(Section):
    """The credential: a pair, or a token, each from a value or from a file."""

    client_id: Annotated[str | None, Credential()] = None
    """Client id of a personal access token, exchanged with its secret for an access token."""

    client_id_file: Annotated[Path | None, SecretFile()] = None
    """File that holds the client id."""

    client_secret: Annotated[SecretStr | None, Secret()] = None
    """Secret that belongs to the client id."""

    client_secret_file: Annotated[Path | None, SecretFile()] = None
    """File that holds the secret; read again when it changes."""

    token: Annotated[SecretStr | None, Secret()] = None
    """Personal access token (`pat_…`), used as it is."""

    token_file: Annotated[Path | None, SecretFile()] = None
    """File that holds the token; read again when it changes."""


class Web(Section):
    """What this program serves."""

    listen_address: Annotated[tuple[ListenAddress, ...], Addresses(), AtRestart()] = (
        ListenAddress("", 10042),
    )
    """Where to listen: `host:port`, `:port` or `[v6]:port`; several in a list, separated by
    commas, or by giving the flag again. Port 0 lets the system choose one."""

    telemetry_path: Annotated[str, UrlPath(), AtRestart()] = "/metrics"
    """Path of the metrics. Prometheus looks there unless told otherwise."""

    config_file: Annotated[Path | None, Regular(), AtRestart(), Named("config.file")] = None
    """Web configuration file of the Prometheus exporter toolkit: TLS, client certificates,
    passwords, response headers, rate limit. What it and the files that it names hold is read again
    when it changes; another file, or TLS where there was none, is not."""

    systemd_socket: Annotated[bool, Switch(), AtRestart()] = False
    """Listen on the sockets that systemd passes (`LISTEN_FDS`), and not on `web.listen-address`."""

    max_requests: Annotated[int, Number(0, 10_000)] = 128
    """Scrapes that are answered at once, 0 for any number; one more gets 503. A scraper that does
    not read holds its place for half a minute, and costs less than 100 KiB."""


class Log(Section):
    """What is written to standard error."""

    level: Annotated[str, Choice(("debug", "info", "warning", "error"))] = "info"
    """The least severe line that is written. A healthy day at `info` is a handful of lines."""

    format: Annotated[str, Choice(("logfmt", "json", "console"))] = "logfmt"
    """How a line is written. `logfmt` is what Prometheus writes, readable by people and Loki."""


class Storage(Section):
    """Where counts and cursors survive a restart."""

    path: Annotated[Path | None, Folder(), AtRestart()] = Path("data")
    """Folder of the embedded state; `none` keeps it in memory, and counters then start at zero
    with each start."""


class Events(Section):
    """The event feed."""

    window: Annotated[float, Lasting("1m", "7d")] = seconds("1h")
    """Trailing window of `flatfile_recent_events`. Long enough that a quiet environment shows
    something, short enough to be about now."""

    overlap: Annotated[float, Lasting("0s", "1h")] = seconds("2m")
    """How late an event may appear in the feed and still be counted: each round reads again this
    far back. The API promises nothing about lateness; two minutes cover a slow index."""

    watch: Annotated[bool, Switch()] = True
    """Look at the end of the feed between the rounds, and ask at once again about an environment
    whose agents or Spaces an event says have changed. It is how a lost agent shows in seconds."""

    watch_interval: Annotated[float, Lasting("1s", "10m")] = seconds("5s")
    """Time between two looks. One request each, for the whole account."""
