"""What turning the pages of a feed shows of their order."""

import pytest

from exporter.flatfile.walk import Walk


def _walked(*pages: str, times: dict[str, float] | None = None) -> Walk:
    """Each letter is a thing; its time is its place in the alphabet unless ``times`` says."""
    walk = Walk()
    for page in pages:
        walk.turn([(key, (times or {}).get(key, float(ord(key)))) for key in page])
    return walk


def test_new_things_at_the_front_push_others_on_and_that_is_no_disorder() -> None:
    walk = _walked("fed", "dcb", "ba")
    assert walk.repeated
    assert not walk.disorder
    assert walk.newest_first


def test_things_that_come_again_anywhere_else_are_disorder() -> None:
    assert _walked("fed", "fcb").disorder
    assert _walked("fed", "cbd").disorder
    assert not _walked("fed", "cba").repeated


def test_several_that_were_pushed_on_do_not_spoil_the_order() -> None:
    assert _walked("hgfe", "gfed").newest_first
    assert not _walked("hgfe", "gfed").disorder


def test_what_one_page_shows_twice_is_told() -> None:
    assert _walked("fede", "cba").doubled
    assert not _walked("fed", "dcb").doubled


def test_newest_first_there_is_nothing_more_to_come_once_things_are_too_old() -> None:
    walk = _walked("fed", "cba")
    assert walk.past(float(ord("b")))
    assert not walk.past(float(ord("a")))
    assert not _walked("cde").past(float(ord("z")))


@pytest.mark.parametrize(
    ("pages", "oldest_first"),
    [
        (("abcdefghi",), True),
        (("abcde", "fghi"), True),
        (("abcdefgh",), False),  # too few to be sure
        (("abcdefghi", "a"), True),  # only shown again
        (("bcdefghij", "a"), False),
        (("ihgfedcba",), False),
        ((), False),
    ],
)
def test_oldest_first_has_to_be_beyond_doubt(pages: tuple[str, ...], oldest_first: bool) -> None:
    assert _walked(*pages).oldest_first is oldest_first


def test_how_far_down_everything_was_shown_is_told_only_where_that_is_sure() -> None:
    assert _walked("ihgfe", "dcba").reached == ord("a")
    assert _walked("hgfe", "dcba").reached is None
    assert _walked("ihgfe", "dcbaz").reached is None


def test_things_of_one_moment_stand_in_any_order() -> None:
    times = dict.fromkeys("abcdefghijk", 5.0)
    walk = _walked("abcdef", "ghijk", times=times)
    assert walk.newest_first
    assert not walk.oldest_first
