from __future__ import annotations

import subprocess
import sys
from base64 import b64encode
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from de_classes.api.auth.oauth2 import OAuth2Auth
from de_classes.api.messages import HttpRequest
from de_classes.errors import AuthenticationError, ConfigurationError
from de_classes.utils.clock import ManualClock
from tests.fakes.rotation import TOKEN_URL, FakeSecrets, auth_runtime
from tests.fakes.transports import FakeTransport, json_response, scripted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

REQUEST = HttpRequest("GET", "https://api.example/a")
KEY = "a-key-of-at-least-thirty-two-bytes-for-hs256"


def asked(transport: FakeTransport, said: OAuth2Auth, **secrets: str) -> tuple[HttpRequest, dict[str, str]]:
    """The token request that comes of a description, and its form."""
    clock = ManualClock()
    said.scheme(auth_runtime(transport, FakeSecrets(**secrets), clock=clock)).authorize(REQUEST)
    form = parse_qs((transport.requests[0].body or b"").decode())
    return transport.requests[0], {name: value for name, (value,) in form.items()}


def issuing(**fields: object) -> FakeTransport:
    return FakeTransport(lambda _: json_response({"access_token": "t", "token_type": "bearer", **fields}))


def test_the_clients_credentials_go_into_the_body_with_scope_and_more() -> None:
    said = OAuth2Auth(
        grant="client_credentials",
        token_url=TOKEN_URL,
        client_id="${secret.client_id}",
        client_secret="${secret.client_secret}",
        scope="${secret.scope}",
        params={"audience": "https://api.example"},
    )
    request, form = asked(issuing(), said, client_secret="zü&", scope="a b")
    assert form == {
        "grant_type": "client_credentials",
        "client_id": "our-client",
        "client_secret": "zü&",
        "scope": "a b",
        "audience": "https://api.example",
    }
    assert "Authorization" not in request.headers


def test_as_basic_they_are_encoded_as_a_form_is() -> None:
    said = OAuth2Auth(
        grant="client_credentials",
        token_url=TOKEN_URL,
        client_id="us:1",
        client_secret="p q%",
        client_auth="basic",
    )
    request, form = asked(issuing(), said)
    assert form == {"grant_type": "client_credentials"}
    assert request.headers["Authorization"] == f"Basic {b64encode(b'us%3A1:p+q%25').decode()}"


def test_a_refresh_token_buys_an_access_token_and_a_new_one_is_told(caplog: pytest.LogCaptureFixture) -> None:
    said = OAuth2Auth(grant="refresh_token", token_url=TOKEN_URL, refresh_token="${secret.refresh_token}")
    _, form = asked(issuing(refresh_token="refresh-0"), said)
    assert form == {"grant_type": "refresh_token", "refresh_token": "refresh-0"}
    assert "rotates" not in caplog.text
    asked(issuing(refresh_token="refresh-next"), said)
    assert "say rotates = true" in caplog.text
    assert "refresh-next" not in caplog.text


def pem(key: RSAPrivateKey | EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signed_by(algorithm: Any) -> tuple[str, Any]:
    if algorithm == "HS256":
        return KEY, KEY
    key = (
        ec.generate_private_key(ec.SECP256R1())
        if algorithm == "ES256"
        else rsa.generate_private_key(65537, 2048)
    )
    return pem(key), key.public_key()


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "ES256"])
def test_an_assertion_is_signed_and_says_what_it_must(algorithm: Any) -> None:
    private, public = signed_by(algorithm)
    said = OAuth2Auth(
        grant="jwt_bearer",
        token_url=TOKEN_URL,
        private_key="${secret.private_key}",
        algorithm=algorithm,
        key_id="key-7",
        claims={"iss": "${secret.client_id}", "sub": "ada", "nbf": 1},
    )
    _, form = asked(issuing(), said, private_key=private)
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    options: Any = {"verify_exp": False}
    claims = jwt.decode(form["assertion"], public, [algorithm], audience=TOKEN_URL, options=options)
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] == int(ManualClock().now())
    assert (claims["iss"], claims["sub"], claims["nbf"]) == ("our-client", "ada", 1)
    assert jwt.get_unverified_header(form["assertion"])["kid"] == "key-7"


def test_each_assertion_is_made_when_it_is_sent() -> None:
    clock, transport = ManualClock(), issuing(expires_in=60)
    said = OAuth2Auth(grant="jwt_bearer", token_url=TOKEN_URL, private_key=KEY, algorithm="HS256")
    scheme = said.scheme(auth_runtime(transport, clock=clock))
    scheme.authorize(REQUEST)
    clock.advance(1000)
    scheme.authorize(REQUEST)
    first, second = (
        jwt.decode(parse_qs((each.body or b"").decode())["assertion"][0], options={"verify_signature": False})
        for each in transport.requests
    )
    assert second["iat"] - first["iat"] == 1000


def test_an_audience_of_ones_own_is_sent_as_it_is() -> None:
    said = OAuth2Auth(
        grant="jwt_bearer",
        token_url=TOKEN_URL,
        private_key=KEY,
        algorithm="HS256",
        claims={"aud": "https://else.example"},
    )
    _, form = asked(issuing(), said)
    assert jwt.decode(form["assertion"], options={"verify_signature": False})["aud"] == "https://else.example"


def test_a_key_that_cannot_sign_is_named_and_not_quoted() -> None:
    said = OAuth2Auth(grant="jwt_bearer", token_url=TOKEN_URL, private_key="hunter2-no-pem")
    with pytest.raises(
        ConfigurationError, match=r"auth\.private_key cannot sign by RS256.*PEM key"
    ) as caught:
        asked(issuing(), said)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"


WITHOUT_CRYPTOGRAPHY = """
import sys
sys.modules["cryptography"] = None
from de_classes.api.auth.oauth2 import OAuth2Auth
from de_classes.api.messages import HttpRequest
from de_classes.errors import ConfigurationError
from tests.fakes.rotation import auth_runtime
from tests.fakes.transports import scripted
said = OAuth2Auth(grant="jwt_bearer", token_url="https://id.example/t", private_key="a pem")
try:
    said.scheme(auth_runtime(scripted([]))).authorize(HttpRequest("GET", "https://api.example"))
except ConfigurationError as error:
    print(error)
"""


def test_without_cryptography_the_error_says_that_it_is_wanted() -> None:
    out = subprocess.run(
        [sys.executable, "-c", WITHOUT_CRYPTOGRAPHY],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert "NotImplementedError" in out.stdout
    assert "the package cryptography" in out.stdout


def test_why_it_was_refused_is_told_in_oauths_own_words_alone() -> None:
    said = OAuth2Auth(
        grant="client_credentials", token_url=TOKEN_URL, client_id="us", client_secret="hunter2-secret"
    )
    refusal = json_response({"error": "invalid_client", "error_description": "hunter2-secret is wrong"}, 400)
    with pytest.raises(AuthenticationError, match=r"the login was refused \(invalid_client\)") as caught:
        asked(scripted([refusal]), said)
    assert "hunter2" not in str(caught.value)
    with pytest.raises(AuthenticationError) as caught:
        asked(scripted([json_response({"error": "hunter2-secret"}, 400)]), said)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"grant": "refresh_token"}, "refresh_token is missing"),
        ({"grant": "jwt_bearer"}, "private_key is missing"),
        ({"grant": "client_credentials", "rotates": True}, "rotates goes with"),
        ({"grant": "client_credentials", "client_auth": "basic"}, "client_id is missing"),
    ],
)
def test_what_is_missing_is_named(fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        OAuth2Auth(token_url=TOKEN_URL, **fields)
