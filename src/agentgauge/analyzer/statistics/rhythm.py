"""Rhythm: how calm a series usually is at this time of its season."""

import numpy as np

from .baseline import SEASONS_REMEMBERED, Season
from .grid import Indices, Matrix
from .presence import Presence

PARTS = 24
COLUMNS_PER_PART = 8
SEASONS_IMAGINED = 2.0
LEAST = 0.3


def calmness(deviations: Matrix, presence: Presence, season: Season) -> Matrix:
    """Return the typical deviation of the last five seasons over that of the same part of each of them (S, N).

    deviations: (S, N) absolute, 0 where missing. A season has up to 24 parts of at least eight columns. Typical is a
    mean of square roots, so that an outage hardly counts and a part that is four times as restless is divided by two
    only; two more seasons are imagined in which all parts were alike. It is 1 before the season is known.
    """
    series, columns = deviations.shape
    parts = min(PARTS, season.length // COLUMNS_PER_PART)
    if parts < 2 or columns <= season.length:
        return np.ones((1, columns))
    edges: Indices = np.rint(np.arange(-(-columns * parts // season.length)) * (season.length / parts)).astype(np.int64)
    edges = edges[edges < columns]
    lengths = np.diff(np.append(edges, columns))
    totals = in_seasons_before(np.add.reduceat(np.sqrt(deviations), edges, axis=1), parts)
    counts = in_seasons_before(np.add.reduceat(presence.present, edges, axis=1), parts)
    typical = totals.sum(axis=2, keepdims=True) / np.maximum(counts.sum(axis=2, keepdims=True), 1.0)
    imagined = SEASONS_IMAGINED * season.length / parts
    usual = (counts + imagined) * typical
    own = np.maximum(totals + imagined * typical, LEAST * usual)
    result = np.divide(usual, own, out=np.ones_like(own), where=own > 0).reshape(series, -1)[:, : edges.size]
    result[:, edges < season.known] = 1.0
    return np.repeat(result, lengths, axis=1)


def in_seasons_before(sums: Matrix, parts: int) -> Matrix:
    """Return the sums (S, all parts so far) of the five seasons before each, as (S, seasons, parts)."""
    seasons = -(-sums.shape[1] // parts)
    each = np.zeros((len(sums), seasons * parts))
    each[:, : sums.shape[1]] = sums
    each = each.reshape(len(sums), seasons, parts)
    result = np.zeros_like(each)
    for back in range(1, min(SEASONS_REMEMBERED, seasons - 1) + 1):
        result[:, back:] += each[:, :-back]
    return result
