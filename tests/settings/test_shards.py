"""Which shard an environment belongs to: for ever the same one."""

from collections import Counter

import pytest

from exporter.settings import Shard
from exporter.settings.shards import number

PINNED = {
    "us_env_12345678": (1, 0, 0),
    "us_env_0": (0, 2, 5),
    "eu_env_AbCdEfGh": (1, 2, 0),
    "dev_env_ü": (1, 0, 1),
}
"""The shard of each id among 2, 3 and 7."""
IDS = [f"us_env_{n:08d}" for n in range(2_000)]


@pytest.mark.parametrize("environment_id", PINNED)
def test_the_shard_of_an_environment_is_the_same_in_every_version(environment_id: str) -> None:
    found = tuple(number(environment_id) % count for count in (2, 3, 7))
    assert found == PINNED[environment_id]


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_each_environment_has_exactly_one_shard(count: int) -> None:
    shards = [Shard(index, count) for index in range(count)]
    assert {sum(shard.owns(one) for shard in shards) for one in IDS} == {1}


@pytest.mark.parametrize("count", [2, 3, 7])
def test_the_shards_are_of_about_the_same_size(count: int) -> None:
    sizes = Counter(number(one) % count for one in IDS)
    assert max(sizes.values()) <= 1.2 * len(IDS) / count
    assert min(sizes.values()) >= 0.8 * len(IDS) / count


def test_what_names_no_environment_is_of_the_first_shard() -> None:
    assert [Shard(index, 3).owns("") for index in range(3)] == [True, False, False]


def test_an_id_that_is_no_text_a_file_could_hold_has_a_shard_all_the_same() -> None:
    assert sum(Shard(index, 3).owns("\ud800") for index in range(3)) == 1
