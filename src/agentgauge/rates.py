"""Rates: what a model costs, per unit."""

from typing import NamedTuple


class Rates(NamedTuple):
    """USD per token above a number of input tokens; per search for ``search``."""

    above: float
    input: float
    output: float
    cache_read: float
    cache_write: float
    cache_write_1h: float
    search: float
