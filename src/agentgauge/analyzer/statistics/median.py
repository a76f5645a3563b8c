"""Running medians by exchange networks: elementwise minima and maxima, no sorting."""

import numpy as np

from .grid import Matrix


def lagged(values: Matrix, lag: int) -> Matrix:
    """Return values (S, N) delayed by `lag` columns, the first column repeated before its time."""
    if lag == 0:
        return values
    delayed = np.empty_like(values)
    delayed[:, lag:] = values[:, : max(values.shape[1] - lag, 0)]
    delayed[:, :lag] = values[:, :1]
    return delayed


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


def recent_levels(values: Matrix) -> tuple[Matrix, Matrix, Matrix]:
    """Return the remedians of the 5, 15 and 45 values before each column.

    values: (S, N) without NaN. Source: Rousseeuw and Bassett, The Remedian (JASA 1990): a median of medians
    needs no sorted window, and shrugs off outliers as long as they are under a fourth of the window.
    """
    of_5 = median_of_5(*(lagged(values, lag) for lag in range(1, 6)))
    of_15 = median_of_3(of_5, lagged(of_5, 5), lagged(of_5, 10))
    of_45 = median_of_3(of_15, lagged(of_15, 15), lagged(of_15, 30))
    return of_5, of_15, of_45
