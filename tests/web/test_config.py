import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from agentgauge.errors import ConfigurationError
from agentgauge.web.config import WebConfig, load, tls_context
from tests.web.conftest import Authority, Serve

HASH = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi"


def hello(_: Request) -> Response:
    return PlainTextResponse("hello")


APP = Starlette(routes=[Route("/", hello)])


def write(directory: Path, text: str) -> Path:
    path = directory / "web.yml"
    path.write_text(text)
    return path


def context(path: Path) -> ssl.SSLContext:
    tls = load(path).tls_server_config
    assert tls is not None
    return tls_context(tls, path)


def test_no_file_and_an_empty_file_mean_plain_http(tmp_path: Path) -> None:
    assert load(None) == WebConfig()
    assert load(write(tmp_path, "")) == WebConfig()
    assert load(write(tmp_path, "# nothing\n")) == WebConfig()


def test_a_whole_file(tmp_path: Path, authority: Authority) -> None:
    authority.issue("server")
    path = write(
        tmp_path,
        f"""
tls_server_config:
  cert_file: server.crt
  key_file: {tmp_path}/server.key
  client_ca_file: authority.pem
  client_auth_type: RequireAndVerifyClientCert
  min_version: TLS13
http_server_config:
  http2: true
  headers:
    Strict-Transport-Security: max-age=31536000
    X-Frame-Options: deny
basic_auth_users:
  prometheus: {HASH}
""",
    )
    config = load(path)
    assert config.basic_auth_users == {"prometheus": HASH}
    tls = context(path)
    assert tls.minimum_version is ssl.TLSVersion.TLSv1_3
    assert tls.verify_mode is ssl.CERT_REQUIRED
    if promtool := shutil.which("promtool"):
        subprocess.run([promtool, "check", "web-config", str(path)], check=True, capture_output=True)


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "a list, not a mapping of sections"),
        ("just text", "a text, not a mapping of sections"),
        ("a: [", "line 1: not YAML"),
        ("tls_config: {}", "unknown key 'tls_config'"),
        ("tls_server_config: {cert_file: server.crt}", "tls_server_config: Object missing required field `key_file`"),
        ("tls_server_config: {cert_file: 1, key_file: b}", "tls_server_config.cert_file: Expected `str`, got `int`"),
        ("tls_server_config: {cert_file: '', key_file: b}", "tls_server_config.cert_file: is empty"),
        (TLS + ", cipher: x}", "tls_server_config: unknown key 'cipher'"),
        (TLS + ", min_version: TLS10}", "tls_server_config.min_version: Invalid enum value 'TLS10'"),
        (TLS + ", client_auth_type: RequireAnyClientCert}", "tls_server_config.client_auth_type: Invalid enum value"),
        (TLS + ", client_auth_type: RequireAndVerifyClientCert}", "client_auth_type: needs client_ca_file"),
        (TLS + ", client_ca_file: authority.pem}", "client_ca_file: needs client_auth_type"),
        ("tls_server_config: {cert_file: no.crt, key_file: server.key}", "no.crt cannot be read: No such file"),
        ("tls_server_config: {cert_file: server.crt, key_file: no.key}", "no.key cannot be read: No such file"),
        ("tls_server_config: {cert_file: server.crt, key_file: other.key}", "are not a PEM certificate and its key"),
        ("tls_server_config: {cert_file: web.yml, key_file: server.key}", "are not a PEM certificate and its key"),
        ("http_server_config: {headers: {X-Other: a}}", "http_server_config.headers.X-Other: cannot be configured"),
        ("http_server_config: {headers: {X-Frame-Options: a}}", "headers.X-Frame-Options: 'a' is not deny or same"),
        ('http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', "has characters a header cannot"),
        ("http_server_config: {headers: [a]}", "http_server_config.headers: Expected `object`, got `array`"),
        ("basic_auth_users: {alice: secret}", "basic_auth_users.alice: not a bcrypt hash"),
        ("basic_auth_users: {alice: 1}", "basic_auth_users"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", "the user name 'a:b' has a colon"),
        (f"basic_auth_users: {{alice: {HASH.replace('$10$', '$32$')}}}", "basic_auth_users.alice: not a bcrypt hash"),
    ],
)
def test_what_is_wrong_is_one_line_with_file_and_key(
    tmp_path: Path, authority: Authority, text: str, message: str
) -> None:
    authority.issue("server")
    authority.issue("other")
    path = write(tmp_path, text)
    with pytest.raises(ConfigurationError) as raised:
        load(path)
    line = str(raised.value)
    assert line.startswith(f"{path}: ")
    assert message in line
    assert "\n" not in line
    assert "secret" not in line


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yml: cannot be read: No such file or directory$"):
        load(tmp_path / "none.yml")


def test_a_key_with_a_password_is_refused_without_asking(tmp_path: Path, authority: Authority) -> None:
    from cryptography.hazmat.primitives import serialization

    _, key_file = authority.issue("server")
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pass"),
        )
    )
    with pytest.raises(ConfigurationError, match="without password"):
        load(write(tmp_path, TLS + "}"))


def test_tls(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    authority.issue("server")
    with serve(APP, context(write(tmp_path, TLS + "}")), authority.trusted()) as client:
        assert client.ask("/").body == b"hello"
        client.tls = ssl.create_default_context()
        with pytest.raises(ssl.SSLCertVerificationError):
            client.ask("/")


def test_old_tls_is_refused(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    authority.issue("server")
    trusted = authority.trusted()
    trusted.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(APP, context(write(tmp_path, TLS + ", min_version: TLS13}")), trusted) as client:
        with pytest.raises(ssl.SSLError):
            client.ask("/")
        client.tls = authority.trusted()
        assert client.ask("/").status == 200


def test_a_client_without_the_right_certificate_is_refused(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    authority.issue("server")
    own = authority.issue("client")
    (tmp_path / "elsewhere").mkdir()
    foreign = Authority(tmp_path / "elsewhere").issue("client")
    text = TLS + ", client_ca_file: authority.pem, client_auth_type: RequireAndVerifyClientCert}"
    with serve(APP, context(write(tmp_path, text)), authority.trusted()) as client:
        with pytest.raises((ssl.SSLError, OSError)):
            client.ask("/")
        client.tls = authority.trusted()
        client.tls.load_cert_chain(*foreign)
        with pytest.raises((ssl.SSLError, OSError)):
            client.ask("/")
        client.tls = authority.trusted()
        client.tls.load_cert_chain(*own)
        assert client.ask("/").body == b"hello"


def test_a_renewed_certificate_serves_without_a_restart(tmp_path: Path, authority: Authority, serve: Serve) -> None:
    def serial(port: int) -> int:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
            authority.trusted().wrap_socket(raw, server_hostname="127.0.0.1") as wrapped,
        ):
            der = wrapped.getpeercert(binary_form=True)
            assert der is not None
            return x509.load_der_x509_certificate(der).serial_number

    authority.issue("server")
    with serve(APP, context(write(tmp_path, TLS + "}")), authority.trusted()) as client:
        first = serial(client.port)
        assert serial(client.port) == first
        (tmp_path / "server.crt").write_text("half written")
        assert serial(client.port) == first
        authority.issue("server")
        second = serial(client.port)
        assert second != first
        assert serial(client.port) == second
