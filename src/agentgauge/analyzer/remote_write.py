"""Remote write: the findings sent to Prometheus, where it cannot come for them.

Source: Prometheus Remote-Write 1.0 (prometheus.io/docs/specs/prw/remote_write_spec).
"""

import logging
import math
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import cramjam
import requests
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

from agentgauge import __version__
from agentgauge.catalogue import METRICS, SIGNAL_LABELS
from agentgauge.errors import ConfigurationError
from agentgauge.totals import Family, Histogram

_log: Final = logging.getLogger(__name__)

_HEADERS: Final = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": f"agentgauge/{__version__}",
}
_STALE: Final = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]
"""Prometheus' marker of a series that ended (model/value/value.go)."""

ATTEMPTS: Final = 3
"""A request that the receiver may yet take is made so often before the next one is due, and then given up."""

_MESSAGE_CHARS: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

Labels = tuple[tuple[str, str], ...]


class RemoteWriter:
    """Sends families at an interval.

    Args:
        families: returns what is to be sent.
        url: where to, for instance http://127.0.0.1:9090/api/v1/write; user and password in it are sent as basic
            authentication.
        interval: seconds between two sendings.
        timeout: seconds to wait for an answer.
        labels: added to every series, as a scrape adds job and instance.
        clock: unix seconds.

    Raises:
        ConfigurationError: the URL is none.
    """

    def __init__(
        self,
        families: Callable[[], list[Family]],
        url: str,
        interval: float,
        timeout: float,
        labels: Mapping[str, str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigurationError(f"remote_write_url: {url!r} is no URL; write http://HOST:PORT/api/v1/write")
        # What is logged must not hold a password.
        self.url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        self._url = url
        self._families = families
        self._interval = interval
        self._timeout = timeout
        self._labels = dict(labels)
        self._clock = clock
        self._session = requests.Session()
        self._sent: set[Labels] = set()
        self._failing = False
        self._counts = dict.fromkeys(("sent", "failed", "retried"), 0)
        self._stop = threading.Event()

    def families(self) -> list[Family]:
        """Return how many samples were sent, given up, and sent again."""
        counts = {(result,): float(count) for result, count in self._counts.items()}
        return [Family(METRICS["agentgauge_analyzer_remote_write_samples_total"], {**counts})]

    def send(self) -> bool:
        """Send what there is now, and for what is gone that it ended; return whether it was taken.

        A failure is logged once. A request is repeated a few times where that may help, but never once the next is
        due, which says what holds then, and of what has ended meanwhile that it did.
        """
        samples = dict(_samples(self._families(), self._labels))
        ended = self._sent - samples.keys()
        body = request({**samples, **dict.fromkeys(ended, _STALE)}, self._clock())
        size = len(samples) + len(ended)
        problem, again = self._post(body)
        for _ in range(ATTEMPTS - 1):
            if not problem or not again or self._stop.wait(self._interval / (2 * ATTEMPTS)):
                break
            self._counts["retried"] += size
            problem, again = self._post(body)
        self._counts["failed" if problem else "sent"] += size
        if problem and not self._failing:
            _log.warning("%s: %s; findings are not written until it takes them", self.url, _line(problem))
        elif self._failing and not problem:
            _log.warning("%s: findings are written again", self.url)
        self._failing = bool(problem)
        if not problem:
            self._sent = set(samples)
        return not problem

    def run(self, stop: threading.Event) -> None:
        """Send at each interval until told to stop, then say of everything that it ended."""
        self._stop = stop
        while not stop.wait(self._interval):
            self.send()
        self._families = list
        self.send()

    def _post(self, body: bytes) -> tuple[str, bool]:
        """Return what went wrong, empty for nothing, and whether the same request may yet be taken."""
        try:
            response = self._session.post(self._url, body, headers=_HEADERS, timeout=self._timeout)
        except requests.RequestException as error:
            return f"cannot be reached: {type(error).__name__}", True
        if response.ok:
            return "", False
        again = response.status_code == _TOO_MANY or response.status_code >= _SERVER_ERROR
        return f"HTTP status {response.status_code}: {response.text}", again


def request(samples: Mapping[Labels, float], now: float) -> bytes:
    """Return a compressed WriteRequest of one sample each, at one time (unix seconds)."""
    message: Any = _WRITE_REQUEST()
    stamp = round(now * 1000)
    for labels, value in samples.items():
        series = message.timeseries.add()
        for name, text in labels:
            series.labels.add(name=name, value=text)
        series.samples.add(value=value, timestamp=stamp)
    return bytes(cramjam.snappy.compress_raw(message.SerializeToString()))


def _samples(families: Iterable[Family], more: Mapping[str, str]) -> Iterable[tuple[Labels, float]]:
    for metric, samples in families:
        for values, number in samples.items():
            pairs = values if SIGNAL_LABELS in metric.labels else zip(metric.labels, values, strict=True)
            labels = {**more, **dict(pairs), "__name__": metric.name}
            if not isinstance(number, Histogram) and not math.isnan(number):
                # A label without a value is none, and the receiver wants them in order.
                yield tuple(sorted((name, str(text)) for name, text in labels.items() if text)), float(number)


def _message_types() -> type[Message]:
    """Return the type of prometheus.WriteRequest, as far as it is used here (prompb/remote.proto, types.proto)."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="agentgauge/remote_write.proto", package="prometheus", syntax="proto3"
    )
    for message, fields in (
        ("Label", (("name", kinds.TYPE_STRING, ""), ("value", kinds.TYPE_STRING, ""))),
        ("Sample", (("value", kinds.TYPE_DOUBLE, ""), ("timestamp", kinds.TYPE_INT64, ""))),
        ("TimeSeries", (("labels", kinds.TYPE_MESSAGE, "Label"), ("samples", kinds.TYPE_MESSAGE, "Sample"))),
        ("WriteRequest", (("timeseries", kinds.TYPE_MESSAGE, "TimeSeries"),)),
    ):
        described = file.message_type.add(name=message)
        for number, (name, kind, of) in enumerate(fields, 1):
            label = kinds.LABEL_REPEATED if of else kinds.LABEL_OPTIONAL
            described.field.add(
                name=name, number=number, type=kind, label=label, type_name=f".prometheus.{of}" if of else None
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))
    return found


def _line(text: str) -> str:
    return " ".join(text.split())[:_MESSAGE_CHARS]


_WRITE_REQUEST: Final = _message_types()
