"""Where the per-series work is done: in this process, or on a cluster."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from agentgauge.errors import ConfigurationError, UsageError

Result = TypeVar("Result")


class Engine(Protocol):
    """Does work that needs nothing but its arguments; where it is done changes no bit of what comes out."""

    @property
    def up(self) -> bool:
        """Whether the last work was done where it was meant to be."""

    @property
    def problem(self) -> str:
        """What is wrong with it, on one line; empty where nothing is."""

    def results(self, work: Iterable[Callable[[], Result]]) -> list[Result]:
        """Return what each piece of work returns."""

    def close(self) -> None:
        """Let go of what is held."""


class Local:
    """Works in this process."""

    up = True
    problem = ""

    def results(self, work: Iterable[Callable[[], Result]]) -> list[Result]:
        """Do one piece after the other, each taken when its turn has come."""
        return [one() for one in work]

    def close(self) -> None:
        """Nothing is held."""


def opened(name: str, timeout: float) -> Engine:
    """Return the engine of this name: "local", or "dask://HOST:PORT" for the cluster of a Dask scheduler there.

    Args:
        name: of the engine.
        timeout: seconds to wait for one tick's work.

    Raises:
        ConfigurationError: there is none of this name.
        UsageError: it needs what is not installed.
    """
    if name == "local":
        return Local()
    try:
        parts = urlsplit(name)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not name.startswith("dask://") or not host or not port or parts.path or parts.query:
        raise ConfigurationError(f"engine: {name!r} is none; write local or dask://HOST:PORT")
    try:
        from agentgauge.analyzer.cluster import Cluster
    except ModuleNotFoundError as error:
        raise UsageError(f"engine {name} needs {error.name}: pip install 'agentgauge[dask]'") from error
    return Cluster(host, port, timeout)
