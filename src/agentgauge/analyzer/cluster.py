"""A Dask cluster that does the per-series work."""

import logging
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import numpy
import scipy
from distributed import Client, Future

from agentgauge import __version__

Result = TypeVar("Result")

PAUSE_SECONDS: Final = 30.0
"""A cluster that failed is not asked again for so long: each time costs a tick up to its timeout."""

_CONNECTED_SECONDS: Final = 1.0
_MESSAGE_CHARS: Final = 200

VERSIONS: Final = f"agentgauge {__version__}, numpy {numpy.__version__}, scipy {scipy.__version__}"
"""What must be the same everywhere for the numbers to be."""

_log: Final = logging.getLogger(__name__)
for _name in ("distributed", "distributed.client"):
    # They say at length, and again and again, what is said here in one line.
    logging.getLogger(_name).setLevel(logging.CRITICAL)


class Cluster:
    """Sends work to a Dask scheduler, and does it in this process while there is none.

    Work that a worker took with it is done by another. What the cluster as a whole does not bring back in time, or
    fails at, is done here: nothing is lost, and the change is logged once and told by ``up``.

    Args:
        host, port: of the scheduler.
        timeout: seconds to wait for the results of one call.
        pause: seconds until it is asked again after it failed.
    """

    def __init__(self, host: str, port: int, timeout: float, pause: float = PAUSE_SECONDS) -> None:
        self.up = False
        self.problem = ""
        self.timeout = timeout
        self._place = (host, port)
        self._address = f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
        self._pause = pause
        self._failed = -pause
        self._client: Client | None = None

    def results(self, work: Iterable[Callable[[], Result]]) -> list[Result]:
        """Have each piece done."""
        work = list(work)
        if work and time.monotonic() - self._failed >= self._pause:
            try:
                results = self._gathered(work)
            # Whatever a cluster may raise: work that fails by itself fails again here.
            except Exception as error:  # noqa: BLE001
                self._failed = time.monotonic()
                self._say(str(error) or type(error).__name__)
                self.close()
            else:
                self._say("")
                return results
        return [one() for one in work]

    def close(self) -> None:
        """Disconnect."""
        if self._client is not None:
            # One that is gone may not be told goodbye.
            with suppress(Exception):
                self._client.close(timeout=_CONNECTED_SECONDS)
            self._client = None

    def _gathered(self, work: Sequence[Callable[[], Result]]) -> list[Result]:
        deadline = time.monotonic() + self.timeout
        if self._client is not None and self._client.status != "running":
            # It would try to come back for as long as it is let.
            raise ConnectionError("the scheduler is gone")
        if self._client is None:
            # A client would try again and again until its timeout where nobody listens.
            socket.create_connection(self._place, min(self.timeout, _CONNECTED_SECONDS)).close()
            self._client = Client(self._address, timeout=self.timeout, set_as_default=False)
        # With its arguments in it, so that work outlives the worker that had it; scattered data would not.
        futures: list[Future[Result]] = [self._client.submit(_done, VERSIONS, one, pure=False) for one in work]
        try:
            return [future.result(max(deadline - time.monotonic(), 0.0)) for future in futures]
        except TimeoutError as error:
            self._client.cancel(futures)
            raise TimeoutError(f"no result in {self.timeout:g} s") from error

    def _say(self, problem: str) -> None:
        told, self.up = bool(self.problem), not problem
        self.problem = f"{self._address}: {' '.join(problem.split())[:_MESSAGE_CHARS]}" if problem else ""
        if problem and not told:
            _log.warning("%s; what it does is done in this process until it answers", self.problem)
        elif told and not problem:
            _log.warning("%s: works again", self._address)


def _done(versions: str, one: Callable[[], Result]) -> Result:
    """Do a piece of work on a worker.

    Raises:
        RuntimeError: the worker's numbers might be others.
    """
    if versions != VERSIONS:
        raise RuntimeError(f"a worker has {VERSIONS}, not {versions}")
    return one()
