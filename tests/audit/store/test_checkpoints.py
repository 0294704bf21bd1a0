"""Checkpoints end segments, by number and by age, and are signed with the one key of the log."""

import json

import pytest

from exporter.audit.store import chain, seal, tallies
from exporter.audit.store.checkpoints import checkpoint, due
from exporter.errors import StorageFailed
from tests.audit.store.stage import KEY, NOW, OTHER, drafts, one, opened


def test_a_checkpoint_is_due_after_so_many_records_or_so_long() -> None:
    with opened() as log:
        assert not due(log, NOW, records=1, seconds=0)
        chain.append(log, drafts(1, 2), now=NOW)
        assert not due(log, NOW + 59, records=3, seconds=60)
        assert due(log, NOW + 60, records=3, seconds=60)
        assert due(log, NOW, records=2, seconds=60)
        checkpoint(log, KEY, NOW)
        assert not due(log, NOW + 1_000, records=1, seconds=1)
        chain.append(log, drafts(3), now=NOW + 2_000)
        assert not due(log, NOW + 2_000, records=2, seconds=60)
        assert due(log, NOW + 2_060, records=2, seconds=60)


def test_a_checkpoint_says_where_the_chain_was_and_which_one_came_before() -> None:
    with opened() as log:
        for number in (1, 2):
            chain.append(log, drafts(number), now=NOW)
            checkpoint(log, KEY, NOW + number)
        first, second = (
            json.loads(payload)
            for (payload,) in log.execute("SELECT payload FROM checkpoint ORDER BY number")
        )
        assert (first["sequence"], first["number"]) == (1, 1)
        assert (second["sequence"], second["number"]) == (2, 2)
        assert second["hash"] == chain.head(log).hash
        assert second["time"] == "2027-01-15T08:00:02.000Z"
        assert second["previous"] != first["previous"]
        assert tallies.reading(log).checkpointed == NOW + 2


def test_where_a_segment_ends_already_only_the_head_is_given() -> None:
    with opened() as log:
        empty = checkpoint(log, KEY, NOW)
        assert (empty.sequence, one(log, "SELECT count(*) FROM checkpoint")) == (0, 0)
        chain.append(log, drafts(1), now=NOW)
        made = checkpoint(log, KEY, NOW)
        assert checkpoint(log, KEY, NOW + 1) == made
        assert one(log, "SELECT count(*) FROM checkpoint") == 1
        assert (made.sequence, made.hash) == (1, chain.head(log).hash)
        assert made.signed_by(KEY.public)
        assert not made.signed_by(OTHER.public)


def test_a_head_is_signed_again_only_when_it_moved() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        first = seal.sign(log, KEY, NOW)
        assert seal.sign(log, KEY, NOW + 5) == first
        chain.append(log, drafts(1), now=NOW)
        assert seal.sign(log, KEY, NOW + 5) == first
        chain.append(log, drafts(2), now=NOW)
        assert seal.sign(log, KEY, NOW + 5).said["time"] == "2027-01-15T08:00:05.000Z"


def test_one_log_has_one_key() -> None:
    with opened() as log:
        chain.append(log, drafts(1), now=NOW)
        checkpoint(log, KEY, NOW)
        chain.append(log, drafts(2), now=NOW)
        with pytest.raises(StorageFailed, match="begun with the key"):
            checkpoint(log, OTHER, NOW)
        assert one(log, "SELECT count(*) FROM checkpoint") == 1
