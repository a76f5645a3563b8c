"""What a collector saved of itself, read back."""

from typing import TypeVar

import msgspec

from agentgauge.errors import SpoolError

S = TypeVar("S")


def read_state(collector: str, state: object, schema: type[S]) -> S:
    """Return a collector's state from its section of the checkpoint.

    Args:
        collector: its name, for the error.
        state: what ``state`` returned, after JSON.
        schema: the type it was made of.

    Raises:
        SpoolError: it is not one.
    """
    try:
        return msgspec.convert(state, schema)
    except msgspec.ValidationError as error:
        raise SpoolError(f"a state of the collector {collector} that cannot be read: {error}") from error
