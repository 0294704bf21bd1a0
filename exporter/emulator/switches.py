"""The common disturbances, each behind one switch of the control page."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.emulator.faults import Fault

if TYPE_CHECKING:
    from exporter.emulator.api import Emulator


@dataclass(frozen=True, slots=True)
class Switch:
    """Without a fault it is the credential that is refused, and what it had minted revoked."""

    name: str
    title: str
    fault: Fault | None

    def is_on(self, emulator: "Emulator") -> bool:
        if self.fault is None:
            return emulator.credentials.refused
        return any(fault.name == self.name for fault in emulator.faults)

    def turn(self, emulator: "Emulator", *, on: bool) -> None:
        if self.fault is None:
            emulator.credentials.refused = on
            if on:
                emulator.credentials.revoke()
            return
        emulator.faults.remove(self.name)
        if on:
            emulator.faults.add(self.fault)


SWITCHES = (
    Switch("down", "The API is down (503)", Fault("status", name="down")),
    Switch(
        "limited",
        "Too many requests (429, Retry-After 20 s)",
        Fault("status", name="limited", status=429, retry_after=("20",)),
    ),
    Switch("slow", "Every answer takes 3 s", Fault("latency", name="slow", delay=3.0)),
    Switch(
        "flaky",
        "Every third answer is a 502",
        Fault("status", name="flaky", status=502, probability=0.33),
    ),
    Switch("html", "A web page instead of JSON", Fault("html", name="html")),
    Switch("refused", "The credential is revoked", None),
)
BY_NAME = {switch.name: switch for switch in SWITCHES}
