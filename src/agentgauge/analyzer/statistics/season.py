"""Season lengths, found by autocorrelation."""

import numpy as np

from .grid import Matrix

SHORTEST_SEASON = 4
STRONG = 0.5
PROMINENT = 0.3


def autocorrelations(centred: Matrix) -> Matrix:
    """Return the autocorrelation (S, N // 2 + 1) of centred series (S, N) at each lag, by fast Fourier transform."""
    columns = centred.shape[1]
    size = 1 << (2 * columns - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=1)
    products = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size, axis=1)[:, : columns // 2 + 1]
    overlap = columns / (columns - np.arange(products.shape[1]))
    result: Matrix = products * overlap / np.maximum(products[:, :1], 1e-300)
    return result


def season_lengths(filled: Matrix) -> list[int]:
    """Return each series' strongest season in columns, 0 where there is none.

    filled: (S, N) without NaN. The season is the highest local maximum of the differenced and clipped series'
    autocorrelation that at least three seasons of data support.
    """
    columns = filled.shape[1]
    if columns < 3 * SHORTEST_SEASON:
        return [0] * len(filled)
    trendless = filled - np.linspace(0, 1, columns) * (filled[:, -1:] - filled[:, :1])
    centred = trendless - np.median(trendless, axis=1, keepdims=True)
    spread = np.abs(centred).mean(axis=1, keepdims=True)
    centred = np.clip(centred, -4 * spread, 4 * spread)
    centred -= centred.mean(axis=1, keepdims=True)
    scale = np.abs(centred).max(axis=1, keepdims=True)
    correlation = autocorrelations(centred / np.where(scale > 0, scale, 1.0))[:, : columns // 3 + 1]
    inner = correlation[:, 1:-1]
    peak = (inner > correlation[:, :-2]) & (inner >= correlation[:, 2:]) & (inner > STRONG)
    # A slow wander has bumps too; a season's peak rises from a valley.
    peak &= inner - np.minimum.accumulate(inner, axis=1) > PROMINENT
    peak[:, : SHORTEST_SEASON - 1] = False
    best = np.where(peak, inner, -1.0)
    lengths = []
    for series in best:
        highest = float(series.max(initial=-1.0))
        # The shortest of the near-equal peaks: a week is seven days, a day is not a seventh of a week.
        lengths.append(int(np.argmax(series >= 0.9 * highest)) + 1 if highest > 0 else 0)
    return lengths
