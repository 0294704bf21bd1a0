"""A family measures what it is given, in order, once."""

from random import Random

import pytest

from exporter.families import (
    DuplicateSeries,
    Family,
    Sample,
    confine,
    counter,
    gauge,
    info,
    measure,
    one,
)

LABELS = ("environment_id", "topic")


def test_samples_come_out_sorted_whatever_the_order_of_the_data() -> None:
    family = counter("things_total", "Things.", lambda data: data, LABELS)
    (measured,) = measure([family], [(("b", "x"), 1), (("a", "y"), 2), (("a", "x"), 3)])
    assert [values for values, _ in measured.samples] == [("a", "x"), ("a", "y"), ("b", "x")]


@pytest.mark.parametrize("amount", [1, 256, 257, 5_000])
def test_thousands_of_samples_come_out_sorted_as_well(amount: int) -> None:
    dice = Random(amount)
    labels = [(f"us_env_{dice.randrange(40)}", f"us_ag_{number}") for number in range(amount)]
    dice.shuffle(labels)
    family = gauge("things", "Things.", lambda data: data, LABELS)
    (measured,) = measure([family], [(values, 1.0) for values in labels])
    assert [values for values, _ in measured.samples] == sorted(labels)


def test_a_label_set_that_appears_twice_is_loud() -> None:
    family = gauge("things", "Things.", lambda data: data, ("environment_id",))
    with pytest.raises(DuplicateSeries, match="things measured the label set"):
        measure([family], [(("a",), 1), (("a",), 2)])


def test_a_label_set_of_the_wrong_length_is_loud() -> None:
    family = gauge("things", "Things.", lambda data: data, LABELS)
    with pytest.raises(DuplicateSeries, match="1 values"):
        measure([family], [(("a",), 1)])


def test_a_family_that_knows_nothing_is_left_out() -> None:
    known: Family[None] = gauge("known", "Known.", lambda _: one(0))
    unknown: Family[None] = gauge("unknown", "Unknown.", lambda _: one(None))
    assert [m.name for m in measure([known, unknown], None)] == ["known"]


def test_the_interval_stands_at_the_end_of_the_help_text() -> None:
    (measured,) = measure([gauge("a", "Of a.", lambda _: one(1))], None, suffix=" Polled every 1m.")
    assert measured.help == "Of a. Polled every 1m."


def test_an_info_family_has_the_value_one() -> None:
    (measured,) = measure([info("a_info", "Of a.", ("name",), lambda names: names)], [("x",)])
    assert measured.samples == ((("x",), 1.0),)


def test_what_is_gone_is_left_out_and_what_names_no_environment_stays() -> None:
    family = gauge("things", "Things.", lambda data: data, LABELS)
    measured = measure([family], [(("a", "x"), 1), (("b", "x"), 2), (("", "x"), 3)])
    (left,) = confine(measured, frozenset({"a"}))
    assert [values for values, _ in left.samples] == [("", "x"), ("a", "x")]


def test_a_family_of_which_all_is_gone_goes_whole() -> None:
    family = gauge("things", "Things.", lambda data: data, ("environment_id",))
    assert confine(measure([family], [(("a",), 1)]), frozenset()) == ()


def test_where_nothing_is_gone_the_same_value_comes_back() -> None:
    family = gauge("things", "Things.", lambda data: data, ("environment_id",))
    measured = measure([family], [(("a",), 1)])
    assert confine(measured, frozenset({"a", "b"})) is measured


def test_families_of_the_same_things_share_their_label_sets() -> None:
    def samples(number: int) -> list[Sample]:
        return [((f"environment {number}", f"agent {number}"), 1.0)]

    labels = ("environment_id", "agent_id")
    families = [gauge(name, "Text.", samples, labels) for name in ("a", "b")]
    one, other = measure(families, 7)
    assert one.samples[0][0] is other.samples[0][0]


def test_a_measurement_gives_way_to_answers_all_the_time() -> None:
    rests: list[None] = []
    family = gauge("things", "Things.", lambda data: data, ("environment_id",))
    samples = [((f"us_env_{number}",), 1.0) for number in range(5_000)]
    measure([family], samples, give_way=lambda: rests.append(None))
    assert len(rests) >= 2 * 5_000 / 500


def test_what_was_left_out_once_is_not_looked_for_again() -> None:
    family = gauge("things", "Things.", lambda data: data, ("environment_id",))
    measured = measure([family], [(("a",), 1), (("b",), 2)])
    left = confine(measured, frozenset({"a"}))
    assert confine(left, frozenset({"a"})) is left
