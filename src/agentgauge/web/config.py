"""The ecosystem's ``web.config.file``: TLS, extra headers and users, as Prometheus' exporter-toolkit reads it.

https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
"""

import re
import ssl
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from agentgauge.configuration import parse, read_yaml
from agentgauge.errors import ConfigurationError

_HEADERS: Final[dict[str, tuple[str, ...]]] = {
    "Strict-Transport-Security": (),
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
    "X-XSS-Protection": (),
    "Content-Security-Policy": (),
}
_BCRYPT: Final = re.compile(r"\$2[abxy]?\$(\d\d)\$[./A-Za-z0-9]{53}")
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENT_AUTH: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


class TLSServer(Struct, forbid_unknown_fields=True, frozen=True):
    """The server's certificate, and whether clients need one.

    Args:
        cert_file: PEM certificate chain; a relative path is relative to the configuration file.
        key_file: its PEM private key, without a password.
        client_ca_file: PEM certificates of the authorities that sign the clients' certificates.
        client_auth_type: Go's policies, less the two that ask for a certificate and do not verify it.
        min_version: the lowest version of TLS accepted; older ones than TLS 1.2 are never.
    """

    cert_file: str
    key_file: str
    client_ca_file: str = ""
    client_auth_type: Literal["", "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"] = ""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"


class HTTPServer(Struct, forbid_unknown_fields=True, frozen=True):
    """What is sent with each response.

    Args:
        headers: response headers by name.
        http2: accepted because the ecosystem's files have it; this server speaks HTTP/1.1 either way.
    """

    headers: dict[str, str] = {}
    http2: bool = True


class WebConfig(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file; an empty one means plain HTTP without users."""

    tls_server_config: TLSServer | None = None
    http_server_config: HTTPServer = HTTPServer()
    basic_auth_users: dict[str, str] = {}


def load(path: Path | None) -> WebConfig:
    """Read a web configuration file; ``None`` gives plain HTTP without users.

    Raises:
        ConfigurationError: one line that names the file, the key, and what is wrong with it.
    """
    if path is None:
        return WebConfig()
    config = parse(read_yaml(path), WebConfig, str(path), _check)
    if config.tls_server_config is not None:
        tls_context(config.tls_server_config, path)  # a wrong certificate is known at the start, not at a handshake
    return config


def tls_context(tls: TLSServer, path: Path) -> ssl.SSLContext:
    """Return a server's TLS context; certificates replaced on disk serve the next handshake.

    Args:
        tls: the file's section.
        path: the configuration file, which relative paths are relative to.

    Raises:
        ConfigurationError: a file cannot be read, or does not hold what it should.
    """
    context = _context(tls, path)
    loaded = _changed_at(tls, path)

    def renew(connection: ssl.SSLObject, _name: str | None, _context_of: ssl.SSLContext) -> None:
        nonlocal context, loaded
        if _changed_at(tls, path) != loaded:
            try:
                context, loaded = _context(tls, path), _changed_at(tls, path)
            except ConfigurationError:
                return  # half written: the old one serves until both files are right
        connection.context = context

    context.sni_callback = renew
    return context


def _context(tls: TLSServer, path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.set_alpn_protocols(["http/1.1"])
    for key in ("cert_file", "key_file"):
        _readable(path, f"tls_server_config.{key}", path.parent / getattr(tls, key))
    try:
        # Without a password here OpenSSL would ask for one on the terminal.
        context.load_cert_chain(path.parent / tls.cert_file, path.parent / tls.key_file, password=lambda: "")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no PEM data"
        raise ConfigurationError(
            f"{path}: tls_server_config.cert_file: {tls.cert_file} and {tls.key_file} are not a PEM certificate "
            f"and its key without password: {reason}"
        ) from error
    if tls.client_ca_file:
        authorities = path.parent / tls.client_ca_file
        _readable(path, "tls_server_config.client_ca_file", authorities)
        try:
            context.load_verify_locations(authorities)
        except ssl.SSLError as error:
            raise ConfigurationError(
                f"{path}: tls_server_config.client_ca_file: {tls.client_ca_file} holds no PEM certificate"
            ) from error
    context.verify_mode = _CLIENT_AUTH[tls.client_auth_type or "NoClientCert"]
    return context


def _changed_at(tls: TLSServer, path: Path) -> tuple[int, ...]:
    files = [path.parent / name for name in (tls.cert_file, tls.key_file) if name]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def _readable(path: Path, key: str, file: Path) -> None:
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigurationError(f"{path}: {key}: {file} cannot be read: {error.strerror}") from error


def _check(config: WebConfig) -> None:
    tls = config.tls_server_config
    if tls is not None:
        for key in ("cert_file", "key_file"):
            if not getattr(tls, key):
                raise ConfigurationError(f"tls_server_config.{key}: is empty; name a PEM file")
        verifies = tls.client_auth_type not in ("", "NoClientCert")
        if verifies != bool(tls.client_ca_file):
            raise ConfigurationError(
                "tls_server_config.client_auth_type: needs client_ca_file"
                if verifies
                else "tls_server_config.client_ca_file: needs client_auth_type RequireAndVerifyClientCert"
            )
    for name, value in config.http_server_config.headers.items():
        _check_header(name, value)
    for user, digest in config.basic_auth_users.items():
        if ":" in user:
            raise ConfigurationError(f"basic_auth_users: the user name {user!r} has a colon, which basic auth cannot")
        match = _BCRYPT.fullmatch(digest)
        if match is None or not 4 <= int(match[1]) <= 31:
            raise ConfigurationError(f"basic_auth_users.{user}: not a bcrypt hash; make one with 'htpasswd -nB {user}'")


def _check_header(name: str, value: str) -> None:
    allowed = _HEADERS.get(name)
    if allowed is None:
        raise ConfigurationError(
            f"http_server_config.headers.{name}: cannot be configured; one of {', '.join(_HEADERS)}"
        )
    if allowed and value not in allowed:
        raise ConfigurationError(f"http_server_config.headers.{name}: {value!r} is not {' or '.join(allowed)}")
    if not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"http_server_config.headers.{name}: has characters a header cannot")
