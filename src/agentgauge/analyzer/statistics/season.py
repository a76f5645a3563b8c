"""Season lengths, found by autocorrelation."""

import numpy as np
import numpy.typing as npt

from .grid import Matrix

SHORTEST_SEASON = 4
STRONG = 0.5
PROMINENT = 0.3
CHUNK_SAMPLES = 16_384
ROUGHEST = 12
HUMP = 0.9
Vector = npt.NDArray[np.float64]


def autocorrelations(centred: Matrix, lags: int) -> Matrix:
    """Return the autocorrelation (S, lags) of centred series (S, N) from lag 0 on, by fast Fourier transform."""
    columns = centred.shape[1]
    size = 1 << (2 * columns - 1).bit_length()
    spectrum = np.fft.rfft(centred, size, axis=1)
    parts = spectrum.view(np.float64)
    np.square(parts, out=parts)
    products = np.fft.irfft(parts[:, ::2] + parts[:, 1::2], size, axis=1)[:, :lags]
    result: Matrix = products * (columns / (columns - np.arange(lags))) / np.maximum(products[:, :1], 1e-300)
    return result


def season_lengths(filled: Matrix, *, settled: bool = False) -> list[int]:
    """Return each series' strongest season in columns, 0 where there is none.

    filled: (S, N) without NaN; settled: the middle of the whole hump of the autocorrelation, not its first peak. The
    season is the highest local maximum of the differenced and clipped series' autocorrelation that at least three
    seasons of data support.
    """
    columns = filled.shape[1]
    if columns < 3 * SHORTEST_SEASON:
        return [0] * len(filled)
    few = max(CHUNK_SAMPLES // columns, 1)
    return [length for start in range(0, len(filled), few) for length in _lengths(filled[start : start + few], settled)]


def _lengths(filled: Matrix, settled: bool) -> list[int]:
    columns = filled.shape[1]
    trendless = filled - np.linspace(0, 1, columns) * (filled[:, -1:] - filled[:, :1])
    half = columns // 2
    middle = np.sort(trendless, axis=1)
    centred = trendless - (middle[:, (columns - 1) // 2, None] + middle[:, half, None]) / 2
    spread = 4 * np.abs(centred).mean(axis=1, keepdims=True)
    np.clip(centred, -spread, spread, out=centred)
    centred -= centred.mean(axis=1, keepdims=True)
    scale = np.abs(centred).max(axis=1, keepdims=True)
    centred /= np.where(scale > 0, scale, 1.0)
    correlation = autocorrelations(centred, columns // 3 + 1)
    inner = correlation[:, 1:-1]
    peak = (inner > correlation[:, :-2]) & (inner >= correlation[:, 2:]) & (inner > STRONG)
    # A slow wander has bumps too; a season's peak rises from a valley.
    peak &= inner - np.minimum.accumulate(inner, axis=1) > PROMINENT
    peak[:, : SHORTEST_SEASON - 1] = False
    best = np.where(peak, inner, -1.0)
    highest = best.max(axis=1)
    # The shortest of the near-equal peaks: a week is seven days, a day is not a seventh of a week.
    lengths = np.argmax(best >= 0.9 * highest[:, None], axis=1) + 1
    found: list[int] = np.where(highest > 0, lengths, 0).tolist()
    if settled:
        # What is left of a whole number of seasons beyond a lag makes for more or less of a correlation.
        power = np.cumsum(centred**2, axis=1)
        return [
            _hump(*series) if series[2] >= ROUGHEST else series[2]
            for series in zip(correlation, power, found, strict=True)
        ]
    return found


def _hump(correlation: Vector, power: Vector, rough: int) -> int:
    """Return the middle of the hump of an autocorrelation (lags,) around a rough season length.

    Noise on a round season has peaks before the highest, and moves that one; the middle stays. power: (N,) the sums
    of squares of the series.
    """
    columns = power.size
    lags = np.arange(rough - rough // 10, min(rough + rough // 4, correlation.size - 1) + 1)
    both = power[columns - 1 - lags] * (power[-1] - power[lags - 1])
    found = correlation[lags] * (columns - lags) / np.sqrt(np.maximum(both, 1e-300))
    top = int(found.argmax())
    reach = min(top, lags.size - 1 - top)
    around = slice(top - reach, top + reach + 1)
    weight = np.maximum(found[around] - HUMP * found[top], 0.0)
    total = float(weight.sum())
    return round(float(weight @ lags[around]) / total) if total > 0 else rough
