"""agentgauge's spool: where it is, and how a process that lives for milliseconds appends a record to it.

One file, outside of the package, that imports nothing a bare interpreter has not: finding a package and a module in it
would cost a hook more than all of its own work. It may be copied to where agentgauge is not installed.
"""

import os
import time

MAX_LABEL_CHARS = 200
"""A longer label value is cut, as the reader would; ``record`` is too dear to import for it."""

_MAX_BYTES = 1 << 30


def append(kind: str, /, **fields: str | float) -> bool:
    """Append one record to the spool; never raises, for no hook may fail over its measurement.

    Args:
        kind: a kind of record, for instance "hook".
        fields: its labels (text) and amounts (numbers), ``time`` (unix seconds; now by default) and ``id``.

    Returns:
        Whether the whole line was written. AGENTGAUGE_DEBUG in the environment says on stderr why not.
    """
    try:
        return write(encode(kind, fields))
    except (OverflowError, TypeError, ValueError) as error:
        _complain(error)
        return False


def encode(kind: str, fields: dict[str, str | float]) -> bytes:
    """Return a record as one JSON line with its newline.

    Raises:
        TypeError: a field is neither text nor a number.
        ValueError: a number is not finite.
    """
    parts = [f'"kind":{_text(kind)}']
    if "time" not in fields:
        parts.append(f'"time":{time.time()!r}')
    for key, value in fields.items():
        if not isinstance(value, str):
            parts.append(f"{_text(key)}:{_number(value)}")
        elif key == "id":
            parts.append(f'"id":{_text(value)}')
        else:
            parts.append(f"{_text(key)}:{_text(value[:MAX_LABEL_CHARS])}")
    return f"{{{','.join(parts)}}}\n".encode("utf-8", "replace")


def write(line: bytes) -> bool:
    """Append one JSON line, as ``encode`` or ``Record.to_line`` make it, to the spool in one write; never raises."""
    # A line that a dying writer or a full disk cut short has no newline; this one keeps it from spoiling ours.
    line = b"\n" + line
    path = spool_file()
    try:
        descriptor = _open(path)
        try:
            if os.fstat(descriptor).st_size >= spool_max_bytes():
                _drop(path)
                return False
            # One write with O_APPEND is one place in the file, whoever else writes. The rest of a short one must not
            # follow: another writer's line may be between.
            if os.write(descriptor, line) == len(line):
                return True
        finally:
            os.close(descriptor)
    except OSError as error:
        _complain(error)
        return False
    _complain("the disk is full")
    return False


def home() -> str:
    """Return the state directory: AGENTGAUGE_HOME, else ``agentgauge`` under XDG_STATE_HOME or ~/.local/state."""
    # Settings files of hooks pass a tilde on as it is; no shell expands it there.
    if own := os.environ.get("AGENTGAUGE_HOME"):
        return os.path.abspath(os.path.expanduser(own))  # noqa: PTH100, PTH111 - pathlib costs a hook a tenth of its time
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):  # the specification says that relative ones are to be ignored
        base = os.path.expanduser("~/.local/state")  # noqa: PTH111
    return base + "/agentgauge"


def spool_file() -> str:
    """Return the one file that writers append to."""
    return home() + "/spool/spool.jsonl"


def spool_max_bytes() -> int:
    """Return the size of that file at which writers drop: AGENTGAUGE_SPOOL_MAX_BYTES, else 1 GiB."""
    text = os.environ.get("AGENTGAUGE_SPOOL_MAX_BYTES", "")
    return int(text) if text.isascii() and text.isdigit() else _MAX_BYTES


def _drop(path: str) -> None:
    """Count a record that is not written, a byte each; to shells, which see no size, a mark tells."""
    directory = os.path.dirname(path)  # noqa: PTH120
    for name, content in (("dropped", b"."), ("full", b"")):
        descriptor = _open(f"{directory}/{name}")
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)
    _complain(f"{path} is full")


def _open(path: str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        # makedirs gives its mode to the last directory alone.
        directory = os.path.dirname(path)  # noqa: PTH120
        for each in (os.path.dirname(directory), directory):  # noqa: PTH120
            os.makedirs(each, 0o700, exist_ok=True)  # noqa: PTH103
        return os.open(path, flags, 0o600)


def _text(value: str) -> str:
    if not value.isprintable() or '"' in value or "\\" in value:
        # Made only here: most hooks have no such name, and making it costs each of them a hundredth of its time.
        escapes = {code: f"\\u{code:04x}" for code in range(0x20)} | {0x22: '\\"', 0x5C: "\\\\"}
        value = value.translate(escapes)
    return f'"{value}"'


def _number(value: float) -> str:
    number = float(value)
    if number - number != 0.0:
        raise ValueError("a number is not finite")
    return repr(number)


def _complain(problem: object) -> None:
    if os.environ.get("AGENTGAUGE_DEBUG"):
        try:
            os.write(2, f"agentgauge: not recorded: {problem}\n".encode("utf-8", "replace"))
        except OSError:  # stderr is closed: there is nobody to tell
            return
