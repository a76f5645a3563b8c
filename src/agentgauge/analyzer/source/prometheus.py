"""The Prometheus source: any engine that speaks PromQL over Prometheus' HTTP API."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import msgspec
import numpy as np
import requests

from agentgauge.analyzer.promql import EVENTS_LABEL, expression, expression_with_events
from agentgauge.analyzer.series import Series, series
from agentgauge.analyzer.source import QueryError, Reading, Vector
from agentgauge.configuration import Signal
from agentgauge.errors import ConfigurationError

POINTS_PER_QUERY: Final = 720
"""Chunk of a back-fill: an engine refuses more than 11,000 points a series, and holds a chunk of all in memory."""

_MESSAGE_CHARS: Final = 200


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: msgspec.Raw


class _Answer(msgspec.Struct, rename="camel"):
    status: str
    data: _Data | None = None
    error_type: str = ""
    error: str = ""


class _Sample(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Samples(msgspec.Struct):
    metric: dict[str, str]
    values: list[tuple[float, str]]


class PrometheusSource:
    """Reads signals by PromQL: one instant query per signal and tick.

    Args:
        url: base URL, path prefix included; user and password in it are sent as basic authentication.
        timeout: seconds to wait for an answer.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"prometheus_url: {url!r} is no URL; write http://HOST:PORT")
        # What is logged must not hold a password.
        self.url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))
        self._base = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
        self._timeout = timeout
        self._session = requests.Session()
        self._expressions: dict[str, tuple[Signal, tuple[str, str]]] = {}

    def read(self, signals: Sequence[Signal], now: float) -> Reading:
        """Ask for every signal's series; once the engine cannot be reached the rest is not asked."""
        reading = Reading(answered=False)
        for position, signal in enumerate(signals):
            try:
                for sample in self._instant(signal, now):
                    value = _number(sample.value[1])
                    into = reading.values if sample.metric.pop(EVENTS_LABEL, None) is None else reading.events
                    if math.isfinite(value):
                        into[series(signal.name, sample.metric.items())] = value
                reading.answered = True
            except QueryError as error:
                reading.failed[signal.name] = error
                if error.reason in {"unreachable", "timeout"}:
                    reading.failed.update({rest.name: error for rest in signals[position:]})
                    break
        return reading

    def history(
        self, signals: Sequence[Signal], start: float, end: float, step: float
    ) -> Iterator[tuple[Series, Vector, Vector]]:
        """Yield what is stored of every signal, in chunks; a signal the engine refuses is left out.

        Raises:
            QueryError: the engine cannot be reached.
        """
        for signal in signals:
            chunk = start
            while chunk <= end:
                last = min(chunk + (POINTS_PER_QUERY - 1) * step, end)
                try:
                    for samples in self._range(signal, chunk, last, step):
                        times = np.array([time for time, _ in samples.values])
                        values = np.array([_number(value) for _, value in samples.values])
                        yield series(signal.name, samples.metric.items()), times, values
                except QueryError as error:
                    if error.reason in {"unreachable", "timeout"}:
                        raise
                    break
                chunk = last + step

    def _instant(self, signal: Signal, now: float) -> list[_Sample]:
        data = self._ask("query", {"query": self._expressions_of(signal)[1], "time": f"{now:.3f}"})
        samples: list[_Sample] = _decode(data, "vector", signal, list[_Sample])
        return samples

    def _range(self, signal: Signal, start: float, end: float, step: float) -> list[_Samples]:
        span = {"start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:.3f}"}
        data = self._ask("query_range", {"query": self._expressions_of(signal)[0], **span})
        samples: list[_Samples] = _decode(data, "matrix", signal, list[_Samples])
        return samples

    def _expressions_of(self, signal: Signal) -> tuple[str, str]:
        """Return the expression of the values alone, and the one with the numbers of events."""
        known = self._expressions.get(signal.name)
        if known is None or known[0] is not signal:
            both = (expression(signal), expression_with_events(signal))
            known = self._expressions[signal.name] = (signal, both)
        return known[1]

    def _ask(self, endpoint: str, form: dict[str, str]) -> _Data:
        """Send one query and return its data.

        Raises:
            QueryError: no answer, or one that is not Prometheus'.
        """
        form = {**form, "timeout": f"{max(math.ceil(self._timeout), 1)}s"}
        try:
            response = self._session.post(f"{self._base}/api/v1/{endpoint}", data=form, timeout=self._timeout)
        except requests.Timeout as error:
            raise QueryError("timeout", f"{self.url}: no answer in {self._timeout:g} s") from error
        except requests.RequestException as error:
            raise QueryError("unreachable", f"{self.url}: cannot be reached: {_cause(error)}") from error
        try:
            answer = msgspec.json.decode(response.content, type=_Answer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            if not response.ok:
                raise QueryError("http", f"{self.url}: HTTP status {response.status_code}") from error
            kind = response.headers.get("Content-Type", "something unnamed")
            raise QueryError("invalid", f"{self.url}: not a PromQL answer but {kind[:_MESSAGE_CHARS]}") from error
        if answer.status != "success" or answer.data is None:
            reason = "timeout" if answer.error_type == "timeout" else "http" if not response.ok else "invalid"
            text = " ".join(answer.error.split())[:_MESSAGE_CHARS] or f"HTTP status {response.status_code}"
            raise QueryError(reason, f"{self.url}: {text}")  # type: ignore[arg-type]
        return answer.data


def _decode(data: _Data, wanted: str, signal: Signal, schema: Any) -> Any:
    if data.result_type != wanted:
        raise QueryError("invalid", f"{signal.name}: answered with a {data.result_type[:20]}, not a {wanted}")
    try:
        return msgspec.json.decode(data.result, type=schema)
    except msgspec.MsgspecError as error:
        raise QueryError("invalid", f"{signal.name}: samples that cannot be read: {error}") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise QueryError("invalid", f"a sample whose value is {text[:40]!r}") from error


def _cause(error: BaseException) -> str:
    """Return the innermost reason of a nest of connection errors, on one line."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    text = str(reason if reason is not None else error)
    return " ".join(text.split())[-_MESSAGE_CHARS:]
