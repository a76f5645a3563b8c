"""Injected faults of a microservice application: rank its components as the root cause."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from agentgauge.analyzer.statistics import rank_causes

from .series import Vector, root
from .table import Row

Cube = npt.NDArray[np.float64]
SIGNALS = [
    *(("latency", statistic) for statistic in ("Average", "p50", "p90", "p95", "p99")),
    ("requests", "Sum"),
    ("availability", "Average"),
]


@dataclass(frozen=True)
class Fault:
    """Signals (components, signals, time) of a normal period followed by a fault's."""

    times: Vector
    values: Cube
    target: int
    signal: int
    cause: int
    at: float


def table(path: Path) -> tuple[list[float], dict[tuple[str, str, str], list[float]]]:
    """Return the times and each column by (component, metric, statistic)."""
    with path.open() as lines:
        rows = list(csv.reader(lines))
    columns = list(zip(*rows[:3], strict=True))[1:]
    body = [row for row in rows[3:] if row[0][:1].isdigit()]
    data = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in body])
    return [float(row[0]) for row in body], {key: data[:, place].tolist() for place, key in enumerate(columns)}


def faults() -> Iterator[Fault]:
    for folder in sorted((root() / "microservice_faults").glob("*")):
        if not folder.is_dir():
            continue
        normal_times, normal = table(folder / "noissue" / "metrics.csv")
        for issue in sorted(folder.glob("t*/issue_*")):
            times, fault = table(issue / "metrics.csv")
            label = json.loads((issue / "target.json").read_text())
            names = sorted({key[0] for key in [*normal, *fault]})
            gap = [np.nan] * len(times)
            cells = [
                [
                    normal.get((name, *signal), [np.nan] * len(normal_times)) + fault.get((name, *signal), gap)
                    for signal in SIGNALS
                ]
                for name in names
            ]
            # The normal period was recorded later; it is moved to end one step before the fault's.
            shift = times[0] - 300 - normal_times[-1]
            target = label["target"]
            if target["node"] not in names or label["root_cause"]["node"] not in names:
                continue
            yield Fault(
                np.array([stamp + shift for stamp in normal_times] + times),
                np.array(cells),
                names.index(target["node"]),
                SIGNALS.index((target["metric"], target["agg"])),
                names.index(label["root_cause"]["node"]),
                times[0],
            )


def by_correlation(fault: Fault, signals: list[int]) -> list[int]:
    """Return the components by a signal's largest correlation with the target's, the obvious opponent."""
    reference = np.nan_to_num(fault.values[fault.target, fault.signal])[-60:]
    scores = np.zeros(len(fault.values))
    for component, recent in enumerate(np.nan_to_num(fault.values[:, signals, -60:])):
        for signal in recent:
            if signal.std() > 0 and reference.std() > 0:
                scores[component] = max(scores[component], abs(np.corrcoef(signal, reference)[0, 1]))
    scores[fault.target] = -1
    return [int(component) for component in np.argsort(-scores, kind="stable")]


def measure() -> list[Row]:
    """Return top-1 and top-3 recall of the correlation and of ours, with all signals and with the target's alone."""
    every = list(faults())
    rankings = {
        "all signals": [rank_causes(one.times, one.values, one.target, one.at) for one in every],
        "the target's signal": [rank_causes(one.times, one.values[:, one.signal], one.target, one.at) for one in every],
    }
    opponents = {
        "all signals": [by_correlation(one, list(range(len(SIGNALS)))) for one in every],
        "the target's signal": [by_correlation(one, [one.signal]) for one in every],
    }
    rows = []
    for name, orders in rankings.items():
        opponent = opponents[name]
        for top in (1, 3):
            hits = np.mean([one.cause in order[:top] for one, order in zip(every, orders, strict=True)])
            theirs = np.mean([one.cause in order[:top] for one, order in zip(every, opponent, strict=True)])
            rows.append(Row(f"faults: top-{top}, {name}", f"correlation {theirs:.2f}", float(hits)))
    return rows
