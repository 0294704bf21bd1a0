"""JSON in the form that is hashed: as RFC 8785 says, the fast way as well as the slow one."""

import json
import struct
from types import MappingProxyType
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from exporter.audit.canonical import Said, canonical, digest, encodable, sure

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_PLAIN = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _TEXT


def _json(
    leaves: st.SearchStrategy[Any], keys: st.SearchStrategy[str] = _TEXT
) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5),
        max_leaves=20,
    )


@given(_json(_PLAIN | _NUMBERS))
@example({"￼": 1, "😀": 2})  # by code points the other way round
@example({"a": ['\x00\x1f\x7f\u2028"\\/\b\f\n\r\t']})
@example({"a": 1e16, "b": -0.0, "c": 1e-7, "d": 1.0, "e": 1e21, "f": 5e-324})
def test_it_is_what_the_reference_makes_of_it(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(_json(_PLAIN))
def test_what_is_read_back_is_what_was_said(value: Any) -> None:
    assert json.loads(canonical(value)) == value


_NARROW = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))


@given(_json(st.none() | st.booleans() | st.integers(-9, 9) | st.text(), _NARROW))
def test_what_is_not_doubtful_need_not_be_looked_through(value: Any) -> None:
    assert sure(value) == canonical(value)


@given(st.dictionaries(_TEXT, _PLAIN | _NUMBERS | st.text(), max_size=5))
def test_a_part_carries_its_own_canonical_form(value: dict[str, Any]) -> None:
    assert Said(value).text == canonical(value)


@given(st.dictionaries(_TEXT, _PLAIN, max_size=8), st.randoms())
def test_the_order_of_keys_does_not_matter(value: dict[str, Any], dice: Any) -> None:
    keys = list(value)
    dice.shuffle(keys)
    assert canonical({key: value[key] for key in keys}) == canonical(value)


def test_the_sample_of_the_rfc_comes_out_as_the_rfc_says() -> None:
    # RFC 8785, sections 3.2.2 and 3.2.4.
    sample = json.loads(
        r"""{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"""
    )
    assert (
        canonical(sample)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            r""""string":"€$\u000f\nA'B\"\\\\\"/"}"""
        ).encode()
    )


@pytest.mark.parametrize(
    ("bits", "said"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_numbers_are_written_as_in_the_table_of_the_rfc(bits: str, said: str) -> None:
    # RFC 8785, appendix B.
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(number) == said.encode()
    assert canonical(json.loads(canonical({"a": number}))) == canonical({"a": number})


def test_keys_are_sorted_as_the_rfc_sorts_its_sample() -> None:
    # RFC 8785, section 3.2.3.
    sample = {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With "
              "Dagesh", "1": "One", "\U0001f600": "Emoji: Grinning Face", "\x80": "Control",
              "\xf6": "Latin Small Letter O With Diaeresis"}  # fmt: skip
    assert list(json.loads(canonical(sample))) == [
        "\r", "1", "\x80", "\xf6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (float("inf"), b"null"),
        (float("nan"), b"null"),
        (2**53, b"9007199254740992"),
        (12345678901234567890, b"12345678901234567000"),
        (-(10**400), b"null"),
        (["\ud800", "\ude00\ud83d", "\ud83d\ude00"], '["�","��","😀"]'.encode()),
        ({"\udfff": 1}, '{"�":1}'.encode()),
        (MappingProxyType({"b": 1, "a": (1, 2)}), b'{"a":[1,2],"b":1}'),
    ],
)
def test_what_cannot_be_said_is_replaced_and_never_refused(value: Any, said: bytes) -> None:
    assert canonical([value]) == b"[" + said + b"]"


def test_what_is_nested_as_deep_as_an_answer_may_be_is_said() -> None:
    value: Any = 1
    for _ in range(220):
        value = {"a": [value]}
    assert json.loads(canonical(value)) == value


def test_what_is_nested_too_deep_is_an_error_that_can_be_expected() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    with pytest.raises(ValueError, match="too deep"):
        canonical(value)


def test_a_digest_is_a_sha_256() -> None:
    # FIPS 180-4, the example of one block.
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@given(st.text())
def test_what_is_encodable_can_be_encoded_and_stays_what_it_is(text: str) -> None:
    made = encodable(text)
    assert made.encode().decode() == made
    assert made == text or any("\ud800" <= character <= "\udfff" for character in text)
