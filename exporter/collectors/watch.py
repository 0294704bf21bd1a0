"""Watching the account's feed between the rounds: a request each few seconds, nothing counted.

The events collector counts, with an overlap that outlasts a slow index; here only what is new at
the end of the feed matters, and what is missed is found by a round.
"""

from dataclasses import dataclass

from exporter.flatfile.models import Event
from exporter.flatfile.protocol import Flatfile
from exporter.flatfile.walk import Walk

BEFORE = 300.0
"""Seconds before the start from which a watch begins: the server's clock may be slow."""

_OVERLAP = 10.0  # seconds that are read again: about as late as an event commonly shows
_SHORT = 10  # events; a shorter page is the last: the API's own default, and no server gives less
_MOST = 20  # pages of one look; beyond it the rounds are the better way to find out


@dataclass(slots=True)
class Watch:
    """``mark`` is up to when the feed was read, Unix seconds by the server's own times."""

    mark: float

    async def look(self, flatfile: Flatfile, wall: float) -> list[Event]:
        """What came since the last look, and some of what was there before.

        ``wall`` is Unix time now. Raises what the client raises.
        """
        since = self.mark - _OVERLAP
        walk = Walk()
        found: list[Event] = []
        async for page in flatfile.events(since):
            found += page
            walk.turn([(event.id, event.created_at) for event in page])
            if walk.past(since) or len(page) < _SHORT:
                break
            if walk.pages >= _MOST:
                self.mark = wall
                break
        self.mark = max([self.mark, *(e.created_at for e in found if e.created_at <= wall)])
        return found
