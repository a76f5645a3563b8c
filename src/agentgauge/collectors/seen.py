"""Seen: the last identities met, hashed, so that what is copied from file to file is counted once."""

import base64
from hashlib import blake2b
from typing import Final

from agentgauge.errors import SpoolError

_BYTES: Final = 6
_GENERATION: Final = 4096


def digest(identity: str) -> str:
    """Return a short hash of an identity, for use as a key in a state that is saved."""
    return blake2b(identity.encode("utf-8", "replace"), digest_size=_BYTES).hexdigest()


class Seen:
    """A set of identities that forgets the oldest.

    Args:
        generations: how many times 4,096 identities are kept; of 65,536 random ones two share their hash with
            a probability of 1 in 130,000.
    """

    def __init__(self, generations: int = 16) -> None:
        self._limit = generations
        self._generations: list[set[int]] = [set()]
        self._encoded: list[str] = []

    def add(self, identity: str) -> bool:
        """Add an identity; return whether it is new."""
        key = int.from_bytes(blake2b(identity.encode("utf-8", "replace"), digest_size=_BYTES).digest(), "big")
        for generation in self._generations:
            if key in generation:
                return False
        if len(self._generations[-1]) >= _GENERATION:
            # A full generation never changes again, so that it is encoded once.
            self._encoded.append(_encode(self._generations[-1]))
            self._generations.append(set())
            if len(self._generations) > self._limit:
                del self._generations[0], self._encoded[0]
        self._generations[-1].add(key)
        return True

    def state(self) -> list[str]:
        """Return a JSON-able copy, 8 bytes an identity."""
        return [*self._encoded, _encode(self._generations[-1])]

    def restore(self, state: object) -> None:
        """Become what a state says.

        Raises:
            SpoolError: it is not a state.
        """
        try:
            encoded = [str(text) for text in state] if isinstance(state, list) else None
            generations = [_decode(text) for text in encoded or [""]]
        except ValueError as error:
            raise SpoolError(f"identities that cannot be read: {error}") from error
        if encoded is None:
            raise SpoolError("identities that cannot be read: not a list")
        self._generations, self._encoded = generations, encoded[:-1]


def _encode(keys: set[int]) -> str:
    return base64.b64encode(b"".join([key.to_bytes(_BYTES, "big") for key in sorted(keys)])).decode()


def _decode(text: str) -> set[int]:
    raw = base64.b64decode(text, validate=True)
    return {int.from_bytes(raw[i : i + _BYTES], "big") for i in range(0, len(raw), _BYTES)}
