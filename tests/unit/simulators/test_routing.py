from __future__ import annotations

import base64
import json

import jwt
import pytest

from de_classes.errors import AuthenticationError, ConfigurationError
from de_classes.simulators.routing import AUDIENCE, ISSUER, TokenIssuer
from de_classes.utils.clock import ManualClock
from tests.fakes.simulators import SIGNING_KEY, issuer

GOOD = {"sub": "demo", "iat": 1, "exp": 4_102_444_800, "jti": "1", "iss": ISSUER, "aud": AUDIENCE}


def signed(claims: dict[str, object], *, key: str = SIGNING_KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def unsigned(claims: dict[str, object], algorithm: str) -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])


def test_a_token_says_who_when_and_until_when() -> None:
    clock = ManualClock(now=1000.9)
    tokens = issuer(clock, life=60)

    claims = tokens.verify(tokens.issue("demo"))

    assert (claims.sub, claims.iat, claims.exp) == ("demo", 1000, 1060)


def test_any_instance_with_the_key_can_check_a_token() -> None:
    assert issuer().verify(issuer().issue("demo")).sub == "demo"


def test_no_two_tokens_are_the_same() -> None:
    tokens = issuer()
    assert len({tokens.issue("demo") for _ in range(100)}) == 100


def test_a_token_is_valid_until_its_last_second_and_not_after() -> None:
    clock = ManualClock(now=1000.0)
    tokens = issuer(clock, life=60)
    token = tokens.issue("demo")

    clock.advance(59.9)
    assert tokens.verify(token).exp == 1060
    clock.advance(0.1)
    with pytest.raises(AuthenticationError):
        tokens.verify(token)


@pytest.mark.parametrize(
    "token",
    [
        signed(GOOD, key="another key that is just as long as the first"),
        signed(GOOD, key=SIGNING_KEY + SIGNING_KEY, algorithm="HS512"),
        signed(GOOD)[:-4] + "AAAA",
        unsigned(GOOD, "none"),
        unsigned(GOOD, "None"),
        unsigned(GOOD, "HS256"),
        signed({**GOOD, "iss": "somebody else"}),
        signed({**GOOD, "aud": "another API"}),
        signed({**GOOD, "exp": "soon"}),
        signed({**GOOD, "sub": 5}),
        *(signed({name: value for name, value in GOOD.items() if name != left_out}) for left_out in GOOD),
        "",
        "a.b.c",
        "nonsense",
        "ünïcode.ünïcode.ünïcode",
    ],
)
def test_a_forged_or_malformed_token_is_refused(token: str) -> None:
    with pytest.raises(AuthenticationError, match="the token is not valid"):
        issuer().verify(token)


def test_the_same_claims_rightly_signed_are_accepted() -> None:
    assert issuer().verify(signed(GOOD)).sub == "demo"


@pytest.mark.parametrize(("key", "life"), [("k" * 31, 60), ("", 60), ("k" * 32, 0), ("k" * 32, -1)])
def test_a_short_key_or_a_life_of_nothing_is_refused(key: str, life: int) -> None:
    with pytest.raises(ConfigurationError):
        TokenIssuer(key, life)


def test_a_key_counts_in_bytes() -> None:
    assert TokenIssuer("é" * 16, 1).life_seconds == 1
