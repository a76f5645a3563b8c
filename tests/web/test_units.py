import math

import pytest

from agentgauge.analyzer.builtin import BUILTIN
from agentgauge.web.units import unit_of


def test_a_band_leaves_out_what_no_value_can_be() -> None:
    unit = unit_of("tool_error_ratio")
    assert unit.band(-0.042, 0.036) == "0\u202f% … 3.6\u202f%"
    assert unit.band(0.98, 1.3) == "98\u202f% … 100\u202f%"
    assert unit_of("cost_per_run").band(-0.01, 0.05).startswith("$0.00 …")


def test_a_signal_of_ones_own_may_be_negative() -> None:
    assert unit_of("temperature").band(-3.0, 4.5) == "-3 … 4.5"


def test_nothing_known_stays_so() -> None:
    assert math.isnan(unit_of("tool_error_ratio").inside(math.nan))


@pytest.mark.parametrize("signal", [signal.name for signal in BUILTIN])
def test_every_built_in_signal_has_a_unit(signal: str) -> None:
    assert unit_of(signal).floor == 0.0
    assert unit_of(signal).say(math.nan) == "–"
