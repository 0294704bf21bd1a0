"""Up to when something was read."""

from exporter.audit.store import cursors
from tests.audit.store.stage import opened


def test_a_mark_moves_forward_only_until_it_is_forgotten() -> None:
    with opened() as log:
        assert cursors.mark(log, "feed") is None
        for at, expected in ((5.0, 5.0), (3.0, 5.0), (7.5, 7.5)):
            cursors.advance(log, "feed", at)
            assert cursors.mark(log, "feed") == expected
        cursors.forget(log, "feed")
        assert cursors.mark(log, "feed") is None


def test_marks_are_found_by_the_beginning_of_their_scope() -> None:
    with opened() as log:
        for at, scope in enumerate(["feed", "feed/b", "feed/a", "feedx/a", "backfill/1/%"]):
            cursors.advance(log, scope, at)
        assert cursors.marks(log, "feed/") == {"feed/a": 2.0, "feed/b": 1.0}
        assert cursors.marks(log, "backfill/1/%") == {"backfill/1/%": 4.0}
        assert cursors.marks(log, "%") == {}
