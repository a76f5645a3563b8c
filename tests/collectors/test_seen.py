"""Identities are met once, across restarts, and the oldest are forgotten."""

import json

import pytest

from agentgauge.collectors.seen import Seen, digest
from agentgauge.errors import SpoolError


def test_an_identity_is_new_once() -> None:
    seen = Seen()
    assert [seen.add(identity) for identity in ("a", "b", "a", "b", "c")] == [True, True, False, False, True]


def test_what_was_seen_survives_as_json() -> None:
    seen = Seen()
    for number in range(10_000):
        seen.add(str(number))
    restored = Seen()
    restored.restore(json.loads(json.dumps(seen.state())))
    assert not any(restored.add(str(number)) for number in range(10_000))
    assert restored.add("new")
    assert restored.state() != seen.state()
    assert len("".join(seen.state())) <= 8 * 10_000 + 12


def test_the_oldest_are_forgotten_and_the_size_is_bounded() -> None:
    seen = Seen(generations=2)
    for number in range(100_000):
        seen.add(str(number))
    assert len("".join(seen.state())) <= 2 * 4096 * 8
    assert not seen.add("99999")
    assert seen.add("0")


@pytest.mark.parametrize("state", [None, {}, "text", ["not base64!"], 5])
def test_a_state_that_is_none_is_refused(state: object) -> None:
    with pytest.raises(SpoolError):
        Seen().restore(state)


def test_no_identity_can_be_read_in_a_state() -> None:
    seen = Seen()
    seen.add("msg_secret")
    assert "msg_secret" not in json.dumps(seen.state())
    assert digest("msg_secret") != "msg_secret"
