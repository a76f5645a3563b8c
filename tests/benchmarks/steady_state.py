"""What exporter and analyzer cost while nothing in particular happens: ``agentgauge serve`` with 200 signals' series.

The real process, sampled every 2 s and scraped every 5 s, with a full memory from its first tick on; its children and
the feeder are not counted. ``--seconds 300`` is the measurement; the default is a quick look.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

import numpy as np
import psutil
import requests

from agentgauge.analyzer import state
from agentgauge.analyzer.history import History
from agentgauge.analyzer.series import series
from agentgauge.configuration import Analyzer
from agentgauge.record import Record
from tests.benchmarks.figure import Figure, show

SECONDS: Final = 30.0
WARM_UP_SECONDS: Final = 20.0
INTERVAL: Final = 2.0
SCRAPE_SECONDS: Final = 5.0

MODELS: Final = 15
AGENTS: Final = 15
TOOLS: Final = 35
HOOKS: Final = 10
CACHES: Final = 5
"""Two signals of a model's calls and its tokens, four of an agent, two of a tool and of a hook, one of a cache."""

CPU_PERCENT: Final = 5.0
RSS_MEGABYTES: Final = 150.0

_CONFIG: Final = f"exporter: {{interval_seconds: {INTERVAL:g}}}\nanalyzer: {{interval_seconds: {INTERVAL:g}}}\n"


def labelled() -> list[tuple[str, dict[str, str], tuple[str, ...]]]:
    """Return the kinds of record that are fed, their labels, and the signals of each."""
    fed: list[tuple[str, dict[str, str], tuple[str, ...]]] = []
    for number in range(MODELS):
        model = {"gen_ai_provider_name": "anthropic", "gen_ai_request_model": f"model-{number}"}
        fed.append(("llm", model, ("llm_duration_p95", "llm_error_ratio", "token_usage")))
    for number in range(AGENTS):
        agent = {"gen_ai_agent_name": f"agent-{number}"}
        fed.append(("agent", agent, ("agent_duration_p95", "agent_error_ratio", "cost_per_run", "cost_rate")))
    tool = ("tool_duration_p95", "tool_error_ratio")
    fed += [("tool", {"gen_ai_tool_name": f"tool-{number}"}, tool) for number in range(TOOLS)]
    for number in range(HOOKS):
        hook = {"hook_system": "git", "hook_event": "pre-commit", "hook_name": f"hook-{number}"}
        fed.append(("hook", hook, ("hook_duration_p95", "hook_error_ratio")))
    fed += [("cache", {"cache": f"cache-{number}"}, ("cache_hit_ratio",)) for number in range(CACHES)]
    return fed


def remember(home: Path) -> None:
    """Write a full memory, as a process that has run for hours has it."""
    settings = Analyzer()
    history = History(INTERVAL, settings.history_seconds, settings.max_series)
    now = time.time()
    history.begin(now)
    fine = (history.fine.slot or 0) - np.arange(history.fine.points)
    coarse = (history.coarse.slot or 0) - 1 - np.arange(history.coarse.points)
    generator = np.random.default_rng(0)
    for _, labels, signals in labelled():
        for signal in signals:
            level = 0.02 if signal.endswith("_ratio") else 1.0
            for slots, step, is_coarse in ((fine, INTERVAL, False), (coarse, history.coarse_step, True)):
                values = level * generator.lognormal(0.0, 0.1, len(slots)).astype(np.float64)
                history.fill(
                    series(signal, labels.items()), (slots * step).astype(np.float64), values, coarse=is_coarse
                )
    state.save(home / "analyzer" / "state.npz", history)


def feed(spool: Path, stop: threading.Event) -> None:
    """Append records of every label set, a few each second."""
    chance = random.Random(0)
    fed = labelled()
    while not stop.wait(1.0):
        lines = []
        for kind, labels, _ in fed:
            duration = chance.lognormvariate(0.0, 0.3)
            error = "timeout" if chance.random() < 0.02 else ""
            record = Record(kind, time.time(), dict(labels), {"duration_seconds": duration})
            if kind == "cache":
                record.amounts = {"count": 1.0}
                record.labels["result"] = "miss" if error else "hit"
            elif kind in {"agent", "hook"}:
                record.labels["outcome"] = ("failure" if kind == "agent" else "error") if error else "success"
            else:
                record.labels["error_type"] = error
            if kind == "llm":
                record.labels["gen_ai_agent_name"] = f"agent-{chance.randrange(AGENTS)}"
                record.amounts |= {"input_tokens": 1000.0, "output_tokens": 200.0, "cost_usd": 0.01}
            lines.append(record.to_line())
        with open(spool, "ab", buffering=0) as file:
            file.write(b"".join(lines))


def measure(seconds: float) -> tuple[float, float, float]:
    """Return CPU in percent of one core, the largest RSS in MB, and the number of series watched."""
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        (home / "spool").mkdir()
        (home / "config.yml").write_text(_CONFIG)
        remember(home)
        port = 20_000 + os.getpid() % 10_000
        command = [sys.executable, "-m", "agentgauge", "serve", "--no-sample", f"--config.file={home / 'config.yml'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", f"--transcripts={home}"]
        environment = {**os.environ, "AGENTGAUGE_HOME": str(home)}
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        stop = threading.Event()
        feeder = threading.Thread(target=feed, args=(home / "spool" / "spool.jsonl", stop))
        feeder.start()
        try:
            return _observe(psutil.Process(process.pid), f"http://127.0.0.1:{port}/metrics", seconds)
        finally:
            stop.set()
            feeder.join()
            process.terminate()
            process.wait(10)


def _observe(process: psutil.Process, url: str, seconds: float) -> tuple[float, float, float]:
    time.sleep(WARM_UP_SECONDS)
    begun, used = time.monotonic(), _cpu(process)
    largest = watched = 0.0
    while time.monotonic() - begun < seconds:
        text = requests.get(url, timeout=10).text
        watched = float(text.partition("\nagentgauge_analyzer_series ")[2].partition("\n")[0])
        largest = max(largest, process.memory_info().rss / 1e6)
        time.sleep(SCRAPE_SECONDS)
    return 100 * (_cpu(process) - used) / (time.monotonic() - begun), largest, watched


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def figures(seconds: float = SECONDS) -> list[Figure]:
    """Measure and return the lines of the table."""
    cpu, rss, watched = measure(seconds)
    what = f"serve, {watched:.0f} series every {INTERVAL:g} s, for {seconds:.0f} s"
    return [
        Figure(f"{what}: CPU", f"{cpu:.1f} % of a core", "-", cpu, CPU_PERCENT, "%"),
        Figure(f"{what}: memory", f"{rss:.0f} MB RSS", "-", rss, RSS_MEGABYTES, "MB"),
    ]


def main() -> None:
    """Print the table; exit with 1 where a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    sys.exit(not show("steady state", figures(parser.parse_args().seconds)))


if __name__ == "__main__":
    main()
