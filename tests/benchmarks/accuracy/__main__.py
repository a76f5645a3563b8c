"""Print the accuracy table: `python -m tests.benchmarks.accuracy [kpi nab forecasts ...]`."""

import sys

from . import change_points, faults, forecasts, kpi, nab, regressions
from .series import root
from .table import HEADER

TABLES = {
    "kpi": kpi.measure,
    "nab": nab.measure,
    "forecasts": forecasts.measure,
    "change_points": change_points.measure,
    "regressions": lambda: [*regressions.measure(noise=0.03), *regressions.measure(noise=0.05)],
    "faults": faults.measure,
}


def main() -> None:
    root()
    chosen = sys.argv[1:] or list(TABLES)
    unknown = sorted(set(chosen) - TABLES.keys())
    if unknown:
        sys.exit(f"no table {unknown[0]!r}; there are {', '.join(TABLES)}")
    print(HEADER)
    for name in chosen:
        for row in TABLES[name]():
            print(row, flush=True)


main()
