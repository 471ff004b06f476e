"""HTTP Digest: challenges are answered as RFC 7616 says it, and once."""

from __future__ import annotations

import re
from typing import Any

import pytest

from de_classes.api.auth.digest import DigestAuth, DigestScheme
from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.errors import AuthenticationError, ConfigurationError
from tests.fakes.rotation import FakeSecrets, auth_runtime
from tests.fakes.transports import scripted

MUFASA = HttpRequest("GET", "http://www.example.org/dir/index.html")
REALM = 'realm="http-auth@example.org", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
NONCE = 'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def refusal(*challenges: str) -> HttpResponse:
    return HttpResponse(401, {"www-authenticate": ", ".join(challenges)})


def scheme(username: str = "Mufasa", password: str = "Circle of Life") -> DigestScheme:
    return DigestScheme(username, password, nonce=lambda: CNONCE)


def said(request: HttpRequest) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers["Authorization"]))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_published_example_of_rfc_7616_is_answered_as_published(algorithm: str, response: str) -> None:
    auth = scheme()
    challenge = f'Digest {REALM}, qop="auth, auth-int", algorithm={algorithm}, {NONCE}'
    assert auth.authorize(MUFASA) is MUFASA
    assert auth.renew(MUFASA, refusal(challenge))
    answer = said(auth.authorize(MUFASA))
    assert answer["response"] == response
    assert (answer["uri"], answer["nc"], answer["qop"]) == ("/dir/index.html", "00000001", "auth")
    assert answer["opaque"] == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_the_published_example_of_rfc_2069_without_counting_is_answered_by_the_old_formula() -> None:
    auth = scheme("Mufasa", "CircleOfLife")
    auth.renew(
        MUFASA, refusal('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"')
    )
    answer = said(auth.authorize(MUFASA))
    assert answer["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert "nc" not in answer
    assert "qop" not in answer


def test_every_request_is_counted_and_hashed_with_the_query_that_is_sent() -> None:
    auth = scheme()
    auth.renew(MUFASA, refusal(f'Digest {REALM}, qop="auth", {NONCE}'))
    asked = HttpRequest("GET", "http://www.example.org/rows?a=1", params={"page": "2 ü"})
    first, second = auth.authorize(asked), auth.authorize(asked)
    assert [said(each)["nc"] for each in (first, second)] == ["00000001", "00000002"]
    assert said(first)["uri"] == "/rows?a=1&page=2+%C3%BC"
    assert (first.url, first.params) == (f"http://www.example.org{said(first)['uri']}", {})
    assert said(first)["response"] != said(second)["response"]


def test_the_strongest_of_several_challenges_is_answered_and_other_schemes_are_passed_over() -> None:
    auth = scheme()
    offers = [f'Digest realm="r", qop="auth", algorithm={each}, nonce="n"' for each in ("MD5", "SHA-256")]
    assert auth.renew(MUFASA, refusal('Basic realm="r"', *offers))
    assert said(auth.authorize(MUFASA))["algorithm"] == "SHA-256"


def test_a_session_is_hashed_with_what_it_began_with() -> None:
    auth = scheme()
    auth.renew(MUFASA, refusal('Digest realm="r", qop="auth", algorithm=MD5-sess, nonce="n"'))
    plain = scheme()
    plain.renew(MUFASA, refusal('Digest realm="r", qop="auth", algorithm=MD5, nonce="n"'))
    answer = said(auth.authorize(MUFASA))
    assert answer["algorithm"] == "MD5-sess"
    assert answer["response"] != said(plain.authorize(MUFASA))["response"]


def test_an_answer_is_not_given_twice_unless_the_nonce_is_stale() -> None:
    auth, challenge = scheme(), f'Digest {REALM}, qop="auth", {NONCE}'
    assert auth.renew(MUFASA, refusal(challenge))
    answered = auth.authorize(MUFASA)
    assert not auth.renew(answered, refusal(challenge))
    fresh = 'Digest realm="r", qop="auth", nonce="next", stale=TRUE'
    assert auth.renew(answered, refusal(fresh))
    assert (said(auth.authorize(MUFASA))["nonce"], said(auth.authorize(MUFASA))["nc"]) == ("next", "00000002")
    assert not auth.renew(answered, refusal(fresh), is_again=True)


@pytest.mark.parametrize("header", ["", 'Basic realm="r"', "Bearer", "Digest"])
def test_a_401_that_offers_no_digest_is_worth_no_other_try(header: str) -> None:
    assert not scheme().renew(MUFASA, refusal(header))


@pytest.mark.parametrize("offer", ['algorithm=SHA3, nonce="n"', 'qop="auth-int", nonce="n"', 'realm="r"'])
def test_a_challenge_that_cannot_be_answered_is_an_error_that_says_so(offer: str) -> None:
    with pytest.raises(AuthenticationError, match="HTTP Digest by a hash or a protection that is not known"):
        scheme().renew(MUFASA, refusal(f"Digest {offer}"))


def test_a_quote_in_what_is_repeated_is_escaped() -> None:
    auth = scheme('M"u')
    auth.renew(MUFASA, refusal('Digest realm="a \\"b\\"", qop="auth", nonce="n"'))
    header = auth.authorize(MUFASA).headers["Authorization"]
    assert 'username="M\\"u"' in header
    assert 'realm="a \\"b\\""' in header


@pytest.mark.parametrize("name", ["Jäsøn", "ada\n"])
def test_a_user_name_that_no_header_can_hold_is_refused(name: str) -> None:
    said: Any = DigestAuth(username=name, password="${secret.key}")
    with pytest.raises(ConfigurationError, match=r"auth\.username"):
        said.scheme(auth_runtime(scripted([]), FakeSecrets(key="long-enough-a-key")))
