"""One strange value must not hide a page, and what is no JSON stays none."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from exporter.flatfile.mend import DEEPEST, mended

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SURROGATES = st.text(st.characters(categories=["Cs"]) | st.sampled_from('ab"\\/ué😀'))


@given(JSON, st.booleans())
def test_what_the_decoder_takes_stays_as_it_is(value: Any, ascii_only: bool) -> None:
    body = json.dumps(value, ensure_ascii=ascii_only).encode()
    assert mended(body) == body


@given(st.dictionaries(SURROGATES, SURROGATES))
def test_lone_surrogates_are_replaced_and_pairs_are_kept(value: dict[str, str]) -> None:
    read = from_json(mended(json.dumps(value).encode()))
    told = json.dumps(value)  # what it is when halves that stand together are one character
    whole = json.loads(told)
    clean = {_clean(key): _clean(text) for key, text in whole.items()}
    assert read == clean


def _clean(text: str) -> str:
    return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 100_000])
def test_what_is_nested_too_deep_becomes_null_and_its_neighbours_stay(depth: int) -> None:
    inner = b"[" * (depth - 1) + b'"]"' + b"]" * (depth - 1)
    body = b'{"a":' + inner + b',"b":"[{","c":' + inner + b',"d":1}'
    read = from_json(mended(body))
    assert (read["b"], read["d"]) == ("[{", 1)
    levels = 1
    at = read["a"]
    while isinstance(at, list):
        levels, at = levels + 1, at[0]
    assert levels == DEEPEST
    assert (at == "]") == (depth == DEEPEST)


def test_numbers_without_measure_become_null_and_the_same_in_a_string_stays() -> None:
    digits = "9" * 5000
    body = f'{{"a":{digits},"b":-{digits}.5e3,"c":"{digits}","d":12}}'.encode()
    assert from_json(mended(body)) == {"a": None, "b": None, "c": digits, "d": 12}


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"a":', b'"half', b"\xff", b"[" * 300, b"]" * 300, b'{"a":\\ud800}']
)
def test_what_is_no_json_stays_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_json(mended(body))


@pytest.mark.parametrize(
    "hostile", [b'"' + rb"\"" * 500_000, b'"\\' * 500_000, b"9" * 399 + b" ", rb"\ud800" * 150_000]
)
def test_it_takes_time_in_proportion_to_the_length(hostile: bytes) -> None:
    body = hostile * (1_000_000 // len(hostile))
    began = time.perf_counter()
    mended(body)
    assert time.perf_counter() - began < 5.0  # a quadratic one would take an hour
