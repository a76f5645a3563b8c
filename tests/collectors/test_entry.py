"""Bytes become entries, whatever is wrong with some of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentgauge.collectors.entry import MAX_LINE_BYTES, entries

ONE = b'{"type":"user","uuid":"1","message":{"role":"user","content":"hello"}}'
TWO = b'{"type":"summary","summary":"of it","leafUuid":"1"}'


def types(buffer: bytes, *, final: bool = False) -> tuple[list[str], int, int]:
    found, invalid, used = entries(buffer, final=final)
    return [entry.type for entry in found], invalid, used


def test_lines_become_entries() -> None:
    buffer = ONE + b"\n\n" + TWO + b"\r\n"
    assert types(buffer) == (["user", "summary"], 0, len(buffer))


def test_a_line_without_newline_waits_unless_nothing_follows() -> None:
    assert types(ONE + b"\n" + TWO) == (["user"], 0, len(ONE) + 1)
    assert types(ONE + b"\n" + TWO, final=True) == (["user", "summary"], 0, len(ONE) + 1 + len(TWO))


def test_a_truncated_last_line_is_invalid_only_at_the_end() -> None:
    assert types(ONE + b"\n" + TWO[:20]) == (["user"], 0, len(ONE) + 1)
    assert types(ONE + b"\n" + TWO[:20], final=True)[:2] == (["user"], 1)


@pytest.mark.parametrize("between", [b"", b" ", b"\t"])
def test_two_objects_on_a_line_are_two_entries(between: bytes) -> None:
    buffer = ONE + between + TWO + b"\n" + ONE + b"\n"
    assert types(buffer) == (["user", "summary", "user"], 0, len(buffer))


def test_an_object_and_rubbish_on_a_line_are_one_entry_and_one_invalid_line() -> None:
    assert types(ONE + b"rubbish\n" + TWO + b"\n")[:2] == (["user", "summary"], 1)


@pytest.mark.parametrize("indent", [1, 2, 4])
def test_an_object_printed_over_lines_is_one_entry(indent: int) -> None:
    printed = json.dumps(json.loads(ONE), indent=indent).encode() + b"\n"
    buffer = printed + TWO + b"\n" + printed
    assert types(buffer) == (["user", "summary", "user"], 0, len(buffer))


def test_a_printed_list_of_objects_is_its_objects() -> None:
    buffer = json.dumps([json.loads(ONE), json.loads(TWO), json.loads(ONE)], indent=2).encode() + b"\n"
    assert types(buffer) == (["user", "summary", "user"], 0, len(buffer))


def test_a_printed_object_without_end_waits_from_its_first_line() -> None:
    printed = json.dumps(json.loads(ONE), indent=2).encode()
    assert types(TWO + b"\n" + printed[:-1]) == (["summary"], 0, len(TWO) + 1)
    assert types(TWO + b"\n" + printed[:-1], final=True)[:2] == (["summary"], 1)


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"17",
        b'"text"',
        b"[1, 2]",
        b"null",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type":"assistant","message":{"usage":{"input_tokens":-4}}}',
        b'{"type":"assistant","message":{"usage":{"input_tokens":"many"}}}',
        b'{"type":"assistant","message":"none"}',
    ],
)
def test_what_is_no_entry_is_counted_and_the_rest_is_read(line: bytes) -> None:
    buffer = ONE + b"\n" + line + b"\n" + TWO + b"\n"
    assert types(buffer) == (["user", "summary"], 1, len(buffer))


def test_an_entry_of_a_type_not_read_may_have_any_shape() -> None:
    assert types(b'{"type":"progress","message":"text","timestamp":5}\n')[:2] == (["progress"], 0)


def test_text_that_is_not_utf_8_costs_nothing_but_its_signs() -> None:
    line = ONE.replace(b"hello", b"caf\xe9")
    assert types(line + b"\n")[:2] == (["user"], 0)
    assert types(b"\xef\xbb\xbf" + ONE + b"\n")[:2] == (["user"], 0)


def test_a_printed_object_longer_than_any_line_may_be_is_given_up() -> None:
    buffer = b"{\n" + b'  "a": "b",\n' * (MAX_LINE_BYTES // 12 + 1)
    _, invalid, used = types(buffer)
    assert (invalid, used) == (1, len(buffer))


@pytest.mark.parametrize("stamp", [None, "", "yesterday", "9999-99-99T00:00:00Z"])
def test_a_time_that_is_none_is_zero(stamp: str | None) -> None:
    (entry,), _, _ = entries(json.dumps({"type": "user", "timestamp": stamp}).encode() + b"\n")
    assert entry.time() == 0.0


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_without_an_error_and_to_their_end(content: bytes, final: bool) -> None:
    _, invalid, used = entries(content, final=final)
    assert used == (len(content) if final else used)
    assert 0 <= used <= len(content)
    assert invalid <= content.count(b"\n") + 1


@given(st.lists(st.sampled_from([ONE, TWO, ONE + TWO, b"rubbish", b""]), max_size=8), st.integers(0, 500))
def test_reading_in_two_parts_is_reading_at_once(lines: list[bytes], cut: int) -> None:
    buffer = b"".join(line + b"\n" for line in lines)
    whole = types(buffer)
    first, first_invalid, used = types(buffer[:cut])
    second, second_invalid, rest = types(buffer[used:])
    assert (first + second, first_invalid + second_invalid, used + rest) == whole
