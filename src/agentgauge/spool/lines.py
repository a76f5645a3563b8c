"""Lines of the spool and what they say: most of them in batches, at a fourth of what one record at a time costs.

A line of a common kind is decoded into a type made for that kind, which checks it on the way. Whatever such a type
does not take as it is goes the long way of ``parse_line``, which says what is wrong with it, or that nothing is.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec

from agentgauge.catalogue import METRICS
from agentgauge.errors import InvalidRecordError
from agentgauge.kinds import KINDS, Kind
from agentgauge.record import MAX_LABEL_CHARS, Batch, Delta, Record, parse_line

_REMEMBERED_IDS: Final = 10_000

_Label = Annotated[str, msgspec.Meta(max_length=MAX_LABEL_CHARS)]
_Amount = Annotated[float, msgspec.Meta(ge=0)]


def _type(kind: Kind) -> type[msgspec.Struct]:
    """Make the type of a kind's lines: a row of labels and amounts, then time and id."""
    fields: list[tuple[str, Any, Any]] = [(name, _Label, "") for name in kind.labels]
    fields += [(name, _Amount, math.nan) for name in (*kind.amounts, "time")]
    fields.append(("id", str, ""))
    return msgspec.defstruct(
        kind.name.title(), fields, tag_field="kind", tag=kind.name, forbid_unknown_fields=True, gc=False
    )


# What sets a gauge depends on what other records set before; "read" is what we say ourselves.
_TYPES: Final = {
    _type(kind): kind.name
    for kind in KINDS.values()
    if kind.name != "read" and all(METRICS[fold.metric].type != "gauge" for fold in kind.folds)
}
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(functools.reduce(operator.or_, _TYPES)).decode


class Lines:
    """Makes entries of lines; remembers ids, and counts in ``refused`` what it refuses, by result."""

    def __init__(self) -> None:
        self.ids: dict[str, None] = {}
        self.refused = {"invalid": 0, "duplicate": 0}

    def entry(self, line: bytes) -> Record | Delta | None:
        """Return what a line says, or None where it is refused."""
        try:
            entry = parse_line(line)
        except InvalidRecordError:
            self.refused["invalid"] += 1
            return None
        if isinstance(entry, Record) and entry.id and self._is_known(entry.kind, entry.id):
            return None
        return entry

    def entries(self, chunk: bytes) -> Iterator[tuple[int, Record | Delta | None]]:
        """Yield what lines say one by one, each time with the bytes that were used; None where that is nothing."""
        for line in chunk[:-1].split(b"\n"):
            yield len(line) + 1, self.entry(line) if line else None

    def batches(self, chunk: bytes) -> Iterator[tuple[int, Record | Delta | Batch | None]]:
        """Yield what lines say, exactly as ``entries`` but that most records come in batches.

        Args:
            chunk: at least one whole line, with the newlines.
        """
        lines = chunk.split(b"\n")
        unused = iter(lines)
        told = [line for line in lines if line]
        start, left = 0, len(chunk)
        while left:
            rows, upto = self._rows(told, start)
            size = left if upto == len(told) else sum(_sizes(unused, upto - start))
            left -= size
            yield size, Batch(rows) if rows else None
            start = upto
            if start < len(told):
                size = sum(_sizes(unused, 1))
                left -= size
                yield size, self.entry(told[start])
                start += 1

    def _rows(self, lines: Sequence[bytes], start: int) -> tuple[dict[str, list[tuple[Any, ...]]], int]:
        """Return rows by kind, and the index of the first line that has to go the long way."""
        groups: dict[type, list[Any]] = {}
        found = 0
        try:
            for entry in map(_decode, itertools.islice(lines, start, None) if start else lines):
                found += 1
                if entry.id and self._is_known(_TYPES[type(entry)], entry.id):
                    continue
                group = groups.get(type(entry))
                if group is None:
                    groups[type(entry)] = [entry]
                else:
                    group.append(entry)
        except (msgspec.DecodeError, RecursionError):
            pass
        rows = {_TYPES[each]: list(map(msgspec.structs.astuple, group)) for each, group in groups.items()}
        return rows, start + found

    def _is_known(self, kind: str, identity: str) -> bool:
        """Return whether an id of this kind was seen, and count that, or remember it."""
        digest = blake2b(f"{kind} {identity}".encode(), digest_size=8).hexdigest()
        if digest in self.ids:
            self.refused["duplicate"] += 1
            return True
        self.ids[digest] = None
        if len(self.ids) > _REMEMBERED_IDS:
            del self.ids[next(iter(self.ids))]
        return False


def _sizes(lines: Iterator[bytes], count: int) -> Iterator[int]:
    """Yield the sizes, newline included, of the next lines until so many that are not empty have been passed."""
    while count:
        line = next(lines)
        count -= bool(line)
        yield len(line) + 1
