"""Recent levels: running medians by exchange networks, elementwise minima and maxima without sorting."""

from collections.abc import Sequence

import numpy as np

from .grid import Matrix

REACHES = 5, 15, 45, 135
REACH = REACHES[-1]


def median_of_3(a: Matrix, b: Matrix, c: Matrix, out: Matrix | None = None, spare: Matrix | None = None) -> Matrix:
    """Return the elementwise median of three arrays, in `out`, and what is computed on the way in `spare`."""
    low = np.minimum(a, b, out=out)
    high = np.maximum(a, b, out=spare)
    np.minimum(high, c, out=high)
    return np.maximum(low, high, out=low)


def median_of_5(a: Matrix, b: Matrix, c: Matrix, d: Matrix, e: Matrix) -> Matrix:
    """Return the elementwise median of five arrays."""
    low = np.minimum(a, b)
    np.maximum(low, np.minimum(c, d), out=low)
    high = np.maximum(a, b)
    np.minimum(high, np.maximum(c, d), out=high)
    return median_of_3(e, low, high)


def recent_levels(values: Matrix, places: Sequence[Matrix]) -> None:
    """Put the remedians of the 5, 15, 45 and 135 values before each column, shorter ones while there are fewer.

    values: (S, N) without NaN; places: four arrays (S, N); all of them contiguous. Source: Rousseeuw and Bassett, The
    Remedian (JASA 1990): a median of medians needs no sorted window, and shrugs off outliers as long as they are under
    a fourth of the window.
    """
    # As one vector of all series, which is several times as fast as row by row: where a window reaches into the series
    # before, there are too few values for it and a shorter one's takes its place.
    flat = values.reshape(-1)
    of_5, of_15, of_45, of_135 = (place.reshape(-1)[reach:] for place, reach in zip(places, REACHES, strict=True))
    low = np.minimum(flat[:-2], flat[1:-1])
    inner = np.maximum(low[:-3], low[2:-1])
    high = np.maximum(flat[:-2], flat[1:-1], out=low)
    outer = np.minimum(high[:-3], high[2:-1])
    spare = low[: of_5.size]
    median_of_3(inner, outer, flat[4:-1], of_5, spare)
    for shorter, longer, lag in ((of_5, of_15, 5), (of_15, of_45, 15), (of_45, of_135, 45)):
        median_of_3(shorter[2 * lag :], shorter[lag:-lag], shorter[: -2 * lag], longer, spare[: longer.size])
    # Before the first value are copies of it.
    places[0][:, :4] = values[:, :1]
    if values.shape[1] > 4:
        places[0][:, 4] = median_of_5(values[:, 0], values[:, 0], *values.T[1:4])
    for shorter, longer, reach in zip(places[:-1], places[1:], REACHES[1:], strict=True):
        longer[:, :reach] = shorter[:, :reach]
