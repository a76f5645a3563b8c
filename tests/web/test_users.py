import base64

import bcrypt
import pytest

from agentgauge.web.app import Surface, make_app
from agentgauge.web.config import WebConfig
from agentgauge.web.users import Users
from tests.web.conftest import Serve

PASSWORD = "correct horse:battery"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
SURFACE = Surface(list, lambda: "page", lambda: True)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_only_who_names_a_user_and_the_password_gets_in(serve: Serve) -> None:
    with serve(make_app(SURFACE, WebConfig(basic_auth_users={"prometheus": HASH, "zoë": HASH}))) as client:
        for path in ("/", "/metrics", "/-/healthy", "/-/ready", "/nothing"):
            refused = client.ask(path)
            assert refused.status == 401
            assert refused.headers["www-authenticate"].startswith("Basic ")
            assert refused.body == b"Unauthorized\n"
        assert client.ask("/metrics", basic("prometheus", PASSWORD)).status == 200
        assert client.ask("/metrics", basic("zoë", PASSWORD)).status == 200
        assert client.ask("/metrics", basic("prometheus", "wrong")).status == 401
        assert client.ask("/metrics", basic("nobody", PASSWORD)).status == 401
        # One that was right stays right, and does not make a wrong one right.
        assert client.ask("/metrics", basic("prometheus", PASSWORD)).status == 200
        assert client.ask("/metrics", basic("prometheus", "wrong")).status == 401


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"nocolon").decode(),
        "Bearer abc",
        "Basic /////w==",
        "Basic é",
    ],
)
def test_a_header_that_is_none_is_401(serve: Serve, header: str) -> None:
    with serve(make_app(SURFACE, WebConfig(basic_auth_users={"prometheus": HASH}))) as client:
        headers = {"Authorization": header.encode().decode("latin-1")}
        assert client.ask("/metrics", headers).status == 401


def test_the_name_may_come_in_any_case_of_the_scheme(serve: Serve) -> None:
    with serve(make_app(SURFACE, WebConfig(basic_auth_users={"prometheus": HASH}))) as client:
        headers = {"Authorization": basic("prometheus", PASSWORD)["Authorization"].replace("Basic", "bAsIc")}
        assert client.ask("/metrics", headers).status == 200


def test_an_unknown_name_costs_a_hash_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    check = bcrypt.checkpw

    def counting(password: bytes, digest: bytes) -> bool:
        hashed.append(digest.split(b"$")[2])
        return check(password, digest)

    monkeypatch.setattr(bcrypt, "checkpw", counting)
    users = Users({"prometheus": HASH})
    assert not users.check("nobody", b"x")
    assert not users.check("prometheus", b"x")
    assert hashed == [b"04", b"04"]


def test_a_right_password_is_hashed_once() -> None:
    users = Users({"prometheus": HASH})
    assert not users.known("prometheus", PASSWORD.encode())
    assert users.check("prometheus", PASSWORD.encode())
    assert users.known("prometheus", PASSWORD.encode())
    assert not users.known("prometheus", b"wrong")
    assert not users.known("other", PASSWORD.encode())


def test_a_long_password_counts_as_bcrypt_always_did() -> None:
    digest = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
    users = Users({"prometheus": digest})
    assert users.check("prometheus", b"x" * 100)
    assert not users.check("prometheus", b"x" * 71)


def test_the_hashes_of_htpasswd_and_php_work() -> None:
    users = Users({"prometheus": HASH.replace("$2b$", "$2y$")})
    assert users.check("prometheus", PASSWORD.encode())
