"""From a command's options to a server that is ready to run."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from agentgauge.web.app import Surface, make_app
from agentgauge.web.config import load, tls_context
from agentgauge.web.server import Address, WebServer

_log: Final = logging.getLogger(__name__)


def open_server(surface: Surface, listen_addresses: Sequence[str], web_config_file: Path | None) -> WebServer:
    """Bind a server for a surface.

    Args:
        surface: what it serves.
        listen_addresses: each host:port.
        web_config_file: TLS, headers and users, in the ecosystem's format.

    Raises:
        UsageError: an address is none, or taken.
        ConfigurationError: the file cannot be used.
    """
    config = load(web_config_file)
    tls = config.tls_server_config
    context = None if tls is None or web_config_file is None else tls_context(tls, web_config_file)
    addresses = [Address.parse(text) for text in listen_addresses]
    server = WebServer(make_app(surface, config), addresses, context)
    if not config.basic_auth_users and (tls is None or not tls.client_ca_file):
        for address in addresses:
            if not address.loopback:
                _log.warning("%s is open to others without a password; give users in --web.config.file", address)
    return server
