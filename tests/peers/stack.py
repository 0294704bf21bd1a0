"""The whole constellation: account, exporter, Prometheus, Alertmanager, and somebody who is told.

The tests notify through it with shortened durations; ``make stack`` starts it for a person. The
rules and the configuration of Alertmanager are the ones in ``deploy``, with other durations.
"""

import json
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from exporter.rules import Thresholds, prometheus
from tests.support.answering import Quiet, answering
from tests.support.processes import EXPORTER, START, ask, eventually, free_port, running

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Notification:
    """One alert of one notification, as it arrived. ``status`` is ``firing`` or ``resolved``."""

    status: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        return self.labels["alertname"]


@dataclass
class Receiver:
    """A webhook on loopback that keeps what it is told."""

    url: str = ""
    told: list[Notification] = field(default_factory=list)
    show: Callable[[Notification], None] = lambda _: None

    def take(self, body: bytes) -> None:
        for alert in json.loads(body)["alerts"]:
            one = Notification(alert["status"], alert["labels"], alert["annotations"])
            self.told.append(one)
            self.show(one)

    def of(self, name: str, status: str = "firing") -> list[Notification]:
        return [one for one in self.told if (one.name, one.status) == (name, status)]


@contextmanager
def receiver(show: Callable[[Notification], None] = lambda _: None) -> Iterator[Receiver]:
    kept = Receiver(show=show)

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

    with answering(Handler) as url:
        kept.url = f"{url}/"
        yield kept


@contextmanager
def _listening(command: Sequence[str], folder: Path, port: int = 0) -> Iterator[str]:
    """The URL of a program with ``/-/ready``, on this port or on any that is free."""
    chosen = port or free_port()
    whole = [*command, f"--web.listen-address=127.0.0.1:{chosen}", "--log.level=warn"]
    with running(whole, folder) as run:
        url = f"http://127.0.0.1:{chosen}"

        def ready() -> bool:
            assert run.alive, run.stderr
            return ask(f"{url}/-/ready").status == 200

        eventually(ready, START)
        try:
            yield url
        finally:
            run.signal(signal.SIGTERM)
            with suppress(AssertionError):
                run.wait()


@contextmanager
def alertmanager(
    program: str, folder: Path, webhook: str, *, wait: str, interval: str, port: int = 0
) -> Iterator[str]:
    """Its URL. ``deploy/alertmanager/alertmanager.yml`` with another webhook and other waits."""
    source = (ROOT / "deploy/alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    config = yaml.safe_load(source)
    config["route"].update(group_wait=wait, group_interval=interval)
    (people, *_) = config["receivers"]
    people["webhook_configs"][0]["url"] = webhook
    file = folder / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")

    storage = f"--storage.path={folder / 'alertmanager'}"
    command = [program, f"--config.file={file}", storage, "--cluster.listen-address="]
    with _listening(command, folder, port) as url:
        yield url


@contextmanager
def watching(
    program: str,
    folder: Path,
    target: str,
    alerts: str,
    thresholds: Thresholds,
    *,
    scrape: str = "1s",
    port: int = 0,
) -> Iterator[str]:
    """The URL of a Prometheus that scrapes ``target`` and evaluates the rules."""
    rules = folder / "rules.yml"
    rules.write_text(prometheus(thresholds), encoding="utf-8")
    config = {
        "global": {"scrape_interval": scrape, "evaluation_interval": scrape},
        "rule_files": [str(rules)],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [urlsplit(alerts).netloc]}]}]
        },
        "scrape_configs": [
            {"job_name": "flatfile", "static_configs": [{"targets": [urlsplit(target).netloc]}]}
        ],
    }
    file = folder / "prometheus.yml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")

    storage = f"--storage.tsdb.path={folder / 'tsdb'}"
    command = [program, f"--config.file={file}", storage, "--rules.alert.resend-delay=1s"]
    with _listening(command, folder, port) as url:
        yield url


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        sys.exit(f"{name} is not installed: run tests/peers/install, or install it by hand")
    return path


def _tell(one: Notification) -> None:
    severity = one.labels.get("severity", "")
    texts = [one.annotations.get(name, "") for name in ("summary", "description", "runbook_url")]
    lines = [f"[{one.status.upper()}] {one.name} ({severity})", *(f"    {text}" for text in texts)]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


_QUICK = {"lost_after": "60s", "mass_after": "45s", "lookback": "1m", "evaluation": "5s"}


def _thresholds(values: Mapping[str, Any]) -> Thresholds:
    thresholds = Thresholds()
    for name, text in values.items():
        thresholds = thresholds.having(name, text)
    return thresholds


def main() -> None:
    """Start it for a person, say where to look, and end it in order on ctrl-C."""
    programs = [_program(name) for name in ("prometheus", "prometheus-alertmanager")]
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flatfile-stack-")))
        told = stack.enter_context(receiver(_tell))
        demo = stack.enter_context(running([EXPORTER, "demo"], folder))
        exporter = demo.said(r"The exporter\s+(\S+)", "stdout")[1]
        control = demo.said(r"The emulated account\s+(\S+)", "stdout")[1]
        alerts = stack.enter_context(
            alertmanager(programs[1], folder, told.url, wait="5s", interval="10s", port=9093)
        )
        seen = stack.enter_context(
            watching(
                programs[0], folder, exporter, alerts, _thresholds(_QUICK), scrape="5s", port=9090
            )
        )
        sys.stdout.write(
            f"The exporter           {exporter}\n"
            f"The emulated account   {control}   (take all agents of an environment away)\n"
            f"Prometheus             {seen}/alerts\n"
            f"Alertmanager           {alerts}/\n"
            "Notifications are printed here, about a minute and a half after an agent was lost.\n"
            "Stop with ctrl-C.\n"
        )
        sys.stdout.flush()
        stop.wait()
        sys.stdout.write("Stopping ...\n")
        demo.signal(signal.SIGTERM)
        demo.wait()


if __name__ == "__main__":
    main()
