"""Numbers as people read them, and text that is safe in HTML."""

import math
from collections.abc import Iterable
from html import escape
from typing import Final, NewType

Html = NewType("Html", str)
"""Text that is HTML already; everything else is escaped by ``html``."""

NONE: Final = Html("–")
_NARROW_SPACE: Final = "\u202f"


def html(value: object) -> Html:
    """Escape anything for an HTML text or a quoted attribute."""
    return Html(escape(str(value), quote=True))


def join(parts: Iterable[Html], separator: str = "") -> Html:
    """Put HTML together."""
    return Html(separator.join(parts))


def count(value: float) -> str:
    """Format a number of things: 999, 1.2 k, 3.4 M."""
    if not math.isfinite(value):
        return NONE
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            divisor = 1e3 if unit == "k" else size
            return f"{significant(value / divisor)}{_NARROW_SPACE}{unit}"
    return f"{value:,.0f}".replace(",", _NARROW_SPACE) if value == int(value) else significant(value)


def seconds(value: float) -> str:
    """Format a duration: 820 µs, 12 ms, 1.25 s, 3 min 20 s, 2 h, 2 h 5 min, 3 d 4 h."""
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return f"0{_NARROW_SPACE}s"
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if abs(value) < limit:
            return f"{significant(value * factor)}{_NARROW_SPACE}{unit}"
    for size, unit, small, small_unit in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if value >= size:
            whole, rest = divmod(int(value), size)
            parts = [(whole, unit), (rest // small, small_unit)]
            return " ".join(f"{part}{_NARROW_SPACE}{name}" for part, name in parts if part)
    return f"{significant(value)}{_NARROW_SPACE}s"


def size(value: float) -> str:
    """Format a number of bytes: 512 B, 1.5 MiB."""
    if not math.isfinite(value):
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{significant(value)}{_NARROW_SPACE}{unit}"
        value /= 1024
    return f"{significant(value)}{_NARROW_SPACE}TiB"


def money(value: float) -> str:
    """Format an amount of USD: $0.0042, $12.30, $1 234."""
    if not math.isfinite(value):
        return NONE
    if abs(value) >= 1000:
        return "$" + f"{value:,.0f}".replace(",", _NARROW_SPACE)
    if 0 < abs(value) < 1e-4:
        return "<$0.0001"
    return f"${value:.2f}" if value == 0 or abs(value) >= 0.1 else f"${value:.2g}"


def percent(value: float) -> str:
    """Format a share: 0 %, 0.4 %, 37 %."""
    if not math.isfinite(value):
        return NONE
    share = value * 100
    if 0 < abs(share) < 0.01:
        return f"<0.01{_NARROW_SPACE}%"
    return f"{share:.0f}{_NARROW_SPACE}%" if share == 0 or abs(share) >= 10 else f"{share:.2g}{_NARROW_SPACE}%"


def significant(value: float) -> str:
    """Format a number with three significant digits and no exponent where it would be short without one."""
    if not math.isfinite(value):
        return NONE
    if value == 0 or 1e-3 <= abs(value) < 1e6:
        digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 4
        text = f"{value:.{digits}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:.2g}"
