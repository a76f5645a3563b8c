"""What is recorded, in a prometheus_client registry that others expose."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from agentgauge.cells import CELLS
from agentgauge.errors import UsageError
from agentgauge.exposition import collect


class _Cells(Collector):
    def collect(self) -> Iterator[Metric]:
        return collect(CELLS.expose())

    def describe(self) -> Iterator[Metric]:
        # Registering asks for names; without this it would collect, and births at zero would be spent.
        return iter(())


_COLLECTOR: Final = _Cells()
_registered: Final[list[CollectorRegistry]] = []


def register(registry: CollectorRegistry = REGISTRY) -> None:
    """Expose what this process records in a registry; the default one has it already.

    Raises:
        UsageError: it is no registry.
    """
    if not callable(getattr(registry, "register", None)):
        raise UsageError(f"register: {type(registry).__name__} is no registry of prometheus_client")
    if not any(known is registry for known in _registered):
        registry.register(_COLLECTOR)
        _registered.append(registry)


def serve(port: int, addr: str = "127.0.0.1") -> None:
    """Serve ``/metrics`` of the default registry from a thread, for a service that does not do so itself.

    Args:
        port: the TCP port.
        addr: the address to listen on.

    Raises:
        UsageError: the port cannot be had.
    """
    try:
        start_http_server(port, addr)
    except (OSError, OverflowError) as error:
        raise UsageError(f"serve: cannot listen on {addr}:{port}: {error}") from error
