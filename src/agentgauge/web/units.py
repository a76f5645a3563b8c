"""How a signal's values are written, and between which bounds they make sense."""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

from agentgauge.web import text
from agentgauge.web.text import NONE


class Unit(NamedTuple):
    """A signal's unit.

    Args:
        say: writes a value.
        floor: no value is below.
        ceiling: no value is above.
        binary: whether its round values are powers of two, as bytes have them.
    """

    say: Callable[[float], str]
    floor: float = 0.0
    ceiling: float = math.inf
    binary: bool = False

    def inside(self, value: float) -> float:
        """Return a value, or the bound it lies beyond; NaN stays NaN."""
        return value if math.isnan(value) else min(max(value, self.floor), self.ceiling)

    def band(self, lower: float, upper: float) -> str:
        """Write a band; what no value can be is left out of it."""
        return f"{self.say(self.inside(lower))} … {self.say(self.inside(upper))}"


_ANY: Final = Unit(text.significant, -math.inf)
_SHARE: Final = Unit(text.percent, ceiling=1.0)
_UNITS: Final = (
    ("cost_rate", Unit(lambda value: f"{text.money(value)}/h" if math.isfinite(value) else NONE)),
    ("token_usage", Unit(lambda value: f"{text.count(value)}/s" if math.isfinite(value) else NONE)),
    ("tokens", Unit(text.count)),
    ("duration", Unit(text.seconds)),
    ("ratio", _SHARE),
    ("score", _SHARE),
    ("cost", Unit(text.money)),
    ("_per_run", Unit(text.significant)),
    ("memory", Unit(text.size, binary=True)),
    ("open_fds", Unit(text.count)),
    ("_time", Unit(lambda value: f"{text.seconds(value)}/s" if math.isfinite(value) else NONE)),
)


def unit_of(signal: str) -> Unit:
    """Return a signal's unit, known by its name."""
    return next((unit for word, unit in _UNITS if word in signal), _ANY)
