"""A judgement of each column against what its past lets expect."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .baseline import Pools, Season, Stack, expected_values, predictors
from .blocks import Blocks
from .grid import Indices, Matrix, carried_forward
from .presence import Presence
from .rhythm import calmness
from .scale import usual_deviation
from .significance import ALONE_AFTER, FALSE_ALARM_RATE, Flags, sustained
from .tail import surprises

WARM_UP = 30
LARGEST_DEVIATION = 1e6
AGREEMENT = 2.0
LONE = 1.0
# The best of three p-values is by chance about twice too small: they are correlated, or it would be three times.
CHANCES = 0.4
TOGETHER = 3
LARGEST_TOGETHER = 30.0
LARGEST_EARLIER = 3.0
SUPPORT = 0.5
LASTING_AGREEMENT = 3.0
DISCOUNT = 0.2
HOLDING = 5.0
BY_CHANCE = 7
SUDDEN = 2.5
CALM_COLUMNS = 45


class Judged(NamedTuple):
    """What is told of each column shown, (S, columns).

    surprise: -log10 p; slow_surprise: the slow baseline's alone; expected, usual, deviation: the slow baseline's value,
    the usual absolute residual, and the signed residual over that.
    """

    surprise: Matrix
    slow_surprise: Matrix
    expected: Matrix
    usual: Matrix
    deviation: Matrix


class Judgement(NamedTuple):
    """What the baselines, the quick and the slow one, expect, the usual absolute residuals, and signed deviations over
    these: each (2, S, N)."""

    expected: Stack
    usual: Stack
    deviation: Stack


def judged(filled: Matrix, presence: Presence, pools: Pools, blocks: Blocks) -> Judgement:
    """Judge filled (S, N) against two pools of predictors."""
    expected = expected_values(filled, presence, pools, blocks)
    residual = filled - expected
    if presence.missing is not None:
        residual[:, presence.missing] = 0.0
    usual = usual_deviation(np.abs(residual), presence, expected, blocks)
    # A residual of a series that has been exactly constant at zero has no scale: it is as far out as can be.
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        np.divide(residual, usual, out=residual)
    np.clip(residual, -LARGEST_DEVIATION, LARGEST_DEVIATION, out=residual)
    if usual.min() == 0:
        residual[np.isnan(residual)] = 0.0
    if presence.missing is None:
        residual[:, :, :WARM_UP] = 0.0
    else:
        residual *= presence.before >= WARM_UP
    return Judgement(expected, usual, residual)


def together(deviation: Matrix) -> Matrix:
    """Return the absolute sum (S, N) of each three signed deviations (S, N) in a row.

    A small step shows in three samples on one side when it shows in none of them. The earlier two count up to three
    times the last one each: what follows a spike is not one.
    """
    single = np.clip(deviation, -LARGEST_TOGETHER, LARGEST_TOGETHER).reshape(-1)
    most = np.abs(single)
    most *= LARGEST_EARLIER
    least = -most
    sums = single.copy()
    # Across series too, which is faster than row by row: a series' first deviations are zero, and so is their most.
    for back in range(1, TOGETHER):
        earlier = np.minimum(single[:-back], most[back:])
        sums[back:] += np.maximum(earlier, least[back:], out=earlier)
    np.abs(sums, out=sums)
    sums *= 1 / np.sqrt(TOGETHER)
    return sums.reshape(deviation.shape)


def judge(spread: Matrix, seasons: Sequence[Season], complete: Presence, blocks: Blocks, shown: int) -> Judged:
    """Judge the last columns of some series, those of `blocks`.

    spread: (S, N), NaN where missing; complete: the last columns of series of which none is; shown: the first of the
    last columns whose surprise is wanted. Where these are all, deviations are told against the restlessness of their
    part of the season, and tails are learned without outages.
    """
    begins = spread.shape[1] - blocks.edges[-1]
    missing = np.isnan(spread)
    filled, presence = spread, complete
    if missing.any():
        filled = carried_forward(spread)
        if missing[:, begins:].any() or missing[:, 0].any():
            age = np.arange(begins, spread.shape[1]) - (~missing).argmax(axis=1)[:, None]
            presence = Presence(np.ascontiguousarray(missing[:, begins:]), age, blocks)
    pools = predictors(filled, seasons, begins)
    found = judged(np.ascontiguousarray(filled[:, begins:]), presence, pools, blocks)
    quick = found.deviation[0]
    if seasons and not begins:
        quick *= calmness(np.abs(quick), presence, seasons[0])
    sums = together(quick)
    if presence.missing is not None:
        sums[presence.missing] = 0.0
    kinds = [quick, np.abs(found.deviation[1]), sums]
    old = presence.before >= ALONE_AFTER
    surprise, slow = told(kinds, old, presence.missing, blocks, shown)
    if not shown:
        rows, outages = outages_in(surprise, slow, old)
        if rows.size:
            if presence.missing is not None:
                outages |= presence.missing[rows]
            surprise[rows], slow[rows] = told([kind[rows] for kind in kinds], of(old, rows), outages, blocks, shown)
    return Judged(surprise, slow, *(each[1, :, shown:] for each in found))


def of(flags: Flags, rows: Indices) -> Flags:
    """Return the flags (R, N) of some series, from those of each (S, N), or (1, N) of all."""
    return flags[rows] if len(flags) > 1 else flags


def outages_in(surprise: Matrix, slow: Matrix, old: Flags) -> tuple[Indices, Flags]:
    """Return the rows (R,) that have outages, and which samples (R, N) are an outage's.

    surprise, slow: (S, N); old: (S, N), or (1, N) for all, whether a series is long by then. An outage is what would be
    flagged of a long series, and lasts while the slow baseline is as surprised. A series' first seven such samples are
    none yet: any has a few by chance.
    """
    limit = -np.log10(FALSE_ALARM_RATE)
    rows = np.flatnonzero(surprise.max(axis=1) >= limit)
    sudden, far = surprise[rows] >= limit, slow[rows] >= HOLDING
    enough = np.count_nonzero(sudden | far, axis=1) > BY_CHANCE
    rows, sudden, far = rows[enough], sudden[enough], far[enough]
    outages = sustained(sudden & of(old, rows), far)
    outages &= np.cumsum(outages, axis=1) > BY_CHANCE
    some = outages.any(axis=1)
    return rows[some], outages[some]


def told(
    kinds: Sequence[Matrix], old: Flags, unlearned: Flags | None, blocks: Blocks, shown: int
) -> tuple[Matrix, Matrix]:
    """Return the surprise (S, N - shown) of a sample, and that of the slow baseline alone.

    kinds: the signed deviations of the quick baseline, and the absolute ones of the slow one and of three in a row,
    each (S, N), 0 where missing; old: (S, N), or (1, N) for all, whether a series is long by then; unlearned: (S, N)
    what is no example of the usual, None where all is; shown: the first column to return.
    """
    quick, slow, lasting = surprises(kinds[0], kinds[1:], unlearned, blocks, shown)
    both = agreed(quick, slow)
    if not shown:
        free(both, quick, old)
    return supported(both, lasting, slow), slow


def free(both: Matrix, quick: Matrix, old: Flags) -> None:
    """Raise what two baselines agree on (S, N), in place, to the surprise of the quick one (S, N) that follows calm.

    Only what was sudden can return: where nothing was in the 45 columns before, nobody needs to agree.
    """
    places = np.flatnonzero(quick >= SUDDEN)
    rows, columns = np.divmod(places[quick.reshape(-1)[places] > both.reshape(-1)[places]], quick.shape[1])
    known = old[rows, columns] if len(old) > 1 else old[0, columns]
    rows, columns = rows[known], columns[known]
    before = quick[rows[:, None], columns[:, None] - np.arange(1, CALM_COLUMNS + 1)]
    calm = before.max(axis=1, initial=0.0) < SUDDEN
    both[rows[calm], columns[calm]] = quick[rows[calm], columns[calm]]


def agreed(quick: Matrix, slow: Matrix) -> Matrix:
    """Return the larger of two surprises (S, N), at most one decade and twice the smaller.

    A return from an outage surprises the quick baseline, which has followed it, but not the slow one; a wander
    surprises the slow one only.
    """
    smaller = np.minimum(quick, slow)
    smaller *= AGREEMENT
    smaller += LONE
    return np.minimum(np.maximum(quick, slow), smaller, out=smaller)


def supported(single: Matrix, together: Matrix, slow: Matrix) -> Matrix:
    """Return the larger of a sample's own surprise and that of three in a row (S, N).

    The latter counts up to half a decade and twice its own, and a decade and three times the slow baseline's: after
    an outage the quick one is off for as long as that was.
    """
    most = single * AGREEMENT
    most += SUPPORT
    np.minimum(most, together, out=most)
    limit = slow * LASTING_AGREEMENT
    limit += LONE
    np.minimum(most, limit, out=most)
    most -= DISCOUNT
    np.maximum(most, single, out=most)
    most -= CHANCES
    return np.maximum(most, 0.0, out=most)
