"""How large an emulated account is and how fast it lives."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """`events_per_minute` is for the whole account; 0 makes an account where nothing happens.

    `rare` is the share of events that change the account (a Space comes, a guest is added, an
    agent is deployed anew); 0 freezes everything but the stream, for tests that compare numbers.
    `history_seconds` of events are there at the start; `keep_events` bounds how many are kept.
    """

    environments: int = 5
    spaces: int = 320
    users: int = 40
    guests: int = 180
    agents_per_environment: tuple[int, int] = (1, 3)
    events_per_minute: float = 60.0
    rare: float = 0.008
    history_seconds: float = 7200.0
    keep_events: int = 200_000


DEMO = Scale()
