"""What the feed's cursors are called in the store.

===========================  ======================================================================
scope                        meaning (Unix seconds unless said otherwise)
===========================  ======================================================================
``feed``                     the mark of the account: the time of the newest event that was read
``feed/<environment>``       the same of one environment, while they are read one by one
``upto/feed[/<e.>]``         the time up to which everything that was shown then had been read
``read/feed``                when, by our clock, the account was last read whole
``origin/feed``              where this log begins
``agreed/feed``              up to when the account's own feed was proven to be that of all
``apart/feed``               there if environments are read one by one for good
``owed/feed``                up to where the account's own feed was read before environments were
                             read one by one; from there on it is to be read once more
``owing/feed``               the account's ``upto`` at that time
``partial/feed[/<e.>]``      of what was never read whole: as long as the source goes back to that
                             time it has forgotten nothing that was not read
``void/feed[/<e.>]``         anchors up to that time were found to be forgotten
``held/feed``                the age in seconds that events were seen to reach at the source
``anchor/<e.>/<event>``      the newest events that were read, by environment
===========================  ======================================================================
"""

import sqlite3
from urllib.parse import quote, unquote

from exporter.audit.store import cursors

FEED, READ = "feed", "read/feed"
UPTO, PARTIAL, VOID = "upto/feed", "partial/feed", "void/feed"
ORIGIN, AGREED, APART = "origin/feed", "agreed/feed", "apart/feed"
HELD, OWED, OWING = "held/feed", "owed/feed", "owing/feed"
_ANCHOR = "anchor/"


def of(name: str, scope: str) -> str:
    """That cursor of an environment, or of the account where ``scope`` is empty."""
    return f"{name}/{scope}" if scope else name


def anchor(environment_id: str, event_id: str) -> str:
    """The cursor of an event; ids may hold anything."""
    return f"{_ANCHOR}{quote(environment_id, safe='')}/{quote(event_id, safe='')}"


def by_scope(connection: sqlite3.Connection, name: str) -> dict[str, float]:
    """Those of the account and of all environments."""
    return {
        scope.removeprefix(name).removeprefix("/"): at
        for scope, at in cursors.marks(connection, name).items()
    }


def anchors(connection: sqlite3.Connection) -> dict[str, dict[str, float]]:
    """By environment: the time of each event by its id."""
    found: dict[str, dict[str, float]] = {}
    for scope, at in cursors.marks(connection, _ANCHOR).items():
        environment_id, event_id = map(unquote, scope.removeprefix(_ANCHOR).split("/"))
        found.setdefault(environment_id, {})[event_id] = at
    return found
