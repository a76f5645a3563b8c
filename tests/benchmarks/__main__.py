"""``make bench``: every figure in one run, in tables; exit status 1 where a target is missed.

python -m tests.benchmarks [--steady-seconds S] [NAME...] with names of benchmarks, all by default.
"""

import argparse
import importlib
import sys
from collections.abc import Callable

from tests.benchmarks.figure import Figure, show

STEADY_SECONDS = 300.0


def _figures(module: str) -> Callable[[], list[Figure]]:
    figures: Callable[[], list[Figure]] = importlib.import_module(f"tests.benchmarks.{module}").figures
    return figures


def main() -> int:
    """Run the benchmarks that are asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="which, by default all")
    parser.add_argument("--steady-seconds", type=float, default=STEADY_SECONDS)
    arguments = parser.parse_args()
    benchmarks: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
        "calls": ("A call in a service", lambda: _figures("calls")()),
        "floors": ("A call above its floor", lambda: _figures("floors")()),
        "footprint": ("Import, memory, exposition", lambda: _figures("footprint")()),
        "folding": ("Lines of the spool into totals", lambda: _figures("folding")()),
        "reading": ("Sessions of agents' clients into records", lambda: _figures("reading")()),
        "hooks": ("A hook as a process", lambda: _figures("hooks")()),
        "statistics": ("The analyzer's mathematics", lambda: _figures("speed_statistics")()),
        "watching": ("The analyzer as a service", lambda: _figures("watching")()),
        "steady": (
            f"agentgauge serve with 200 signals at 2 s over {arguments.steady_seconds:g} s",
            lambda: importlib.import_module("tests.benchmarks.steady_state").figures(arguments.steady_seconds),
        ),
    }
    if unknown := set(arguments.names) - set(benchmarks):
        parser.error(f"no benchmark {min(unknown)!r}; there are {', '.join(benchmarks)}")
    wanted = arguments.names or list(benchmarks)
    met = [show(title, measure()) for name, (title, measure) in benchmarks.items() if name in wanted]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
