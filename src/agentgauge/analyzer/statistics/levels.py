"""Recent levels: running medians by exchange networks, elementwise minima and maxima without sorting."""

import numpy as np

from .grid import Matrix

REACH = 135


def median_of_3(a: Matrix, b: Matrix, c: Matrix) -> Matrix:
    """Return the elementwise median of three arrays."""
    low = np.minimum(a, b)
    high = np.maximum(a, b)
    np.minimum(high, c, out=high)
    return np.maximum(low, high, out=low)


def median_of_5(a: Matrix, b: Matrix, c: Matrix, d: Matrix, e: Matrix) -> Matrix:
    """Return the elementwise median of five arrays."""
    low = np.minimum(a, b)
    np.maximum(low, np.minimum(c, d), out=low)
    high = np.maximum(a, b)
    np.minimum(high, np.maximum(c, d), out=high)
    return median_of_3(e, low, high)


def recent_levels(values: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return the remedians of the 5, 15, 45 and 135 values before each column, shorter ones while there are fewer.

    values: (S, N) without NaN. Source: Rousseeuw and Bassett, The Remedian (JASA 1990): a median of medians
    needs no sorted window, and shrugs off outliers as long as they are under a fourth of the window.
    """
    series, columns = values.shape
    padded = np.empty((series, columns + REACH))
    padded[:, :REACH] = values[:, :1]
    padded[:, REACH:] = values
    size = columns + REACH - 5
    of_5 = median_of_5(*(padded[:, lag : lag + size] for lag in range(5)))
    of_15 = median_of_3(of_5[:, 10:], of_5[:, 5:-5], of_5[:, :-10])
    of_45 = median_of_3(of_15[:, 30:], of_15[:, 15:-15], of_15[:, :-30])
    of_135 = median_of_3(of_45[:, 90:], of_45[:, 45:-45], of_45[:, :-90])
    levels = of_5[:, -columns:], of_15[:, -columns:], of_45[:, -columns:], of_135
    for shorter, longer, reach in zip(levels[:-1], levels[1:], (15, 45, 135), strict=True):
        longer[:, :reach] = shorter[:, :reach]
    return levels
