from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from de_classes.api.surroundings import proxy_for, trusted
from de_classes.errors import ConfigurationError
from tests.fakes.tls import self_signed

if TYPE_CHECKING:
    from pathlib import Path


def through(
    variables: dict[str, str], scheme: str = "https", host: str = "api.example", port: int = 443
) -> str:
    proxy = proxy_for(scheme, host, port, variables)
    return "directly" if proxy is None else f"{proxy.host}:{proxy.port}"


@pytest.mark.parametrize(
    ("variables", "way"),
    [
        ({}, "directly"),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "proxy.example:3128"),
        ({"https_proxy": "http://low:1", "HTTPS_PROXY": "http://up:2"}, "low:1"),
        ({"https_proxy": "", "HTTPS_PROXY": "http://up:2"}, "directly"),
        ({"HTTP_PROXY": "http://other:1"}, "directly"),
        ({"all_proxy": "proxy.example:3128"}, "proxy.example:3128"),
        ({"all_proxy": "http://all:1", "HTTPS_PROXY": "http://own:2"}, "own:2"),
        ({"HTTPS_PROXY": "proxy.example"}, "proxy.example:80"),
    ],
)
def test_F89_lower_case_counts_before_upper_and_the_schemes_own_before_all(
    variables: dict[str, str], way: str
) -> None:
    assert through(variables) == way


def test_F89_what_a_web_server_sets_from_a_header_is_no_proxy() -> None:
    variables = {"HTTP_PROXY": "http://evil:1", "REQUEST_METHOD": "GET"}
    assert through(variables, "http", port=80) == "directly"
    assert through({**variables, "http_proxy": "http://own:2"}, "http", port=80) == "own:2"


@pytest.mark.parametrize(
    ("named", "host", "way"),
    [
        ("api.example", "api.example", "directly"),
        (".example", "api.example", "directly"),
        ("example", "api.example", "directly"),
        ("other.example, api.example:443", "api.example", "directly"),
        ("api.example:8443", "api.example", "proxy:1"),
        ("pi.example", "api.example", "proxy:1"),
        ("*", "api.example", "directly"),
        ("", "api.example", "proxy:1"),
        ("10.0.0.0/8", "10.1.2.3", "directly"),
        ("10.0.0.0/8", "11.1.2.3", "proxy:1"),
        ("10.0.0.0/8,nonsense/9", "api.example", "proxy:1"),
        ("127.0.0.1", "127.0.0.1", "directly"),
        ("[::1]", "::1", "directly"),
        ("::1", "::1", "directly"),
    ],
)
def test_F89_hosts_that_need_no_proxy_are_asked_directly(named: str, host: str, way: str) -> None:
    assert through({"https_proxy": "http://proxy:1", "NO_PROXY": named}, host=host) == way


def test_F89_a_proxy_may_want_a_password_which_no_message_shows() -> None:
    proxy = proxy_for("http", "api.example", 80, {"http_proxy": "http://me:p%40ss@proxy:1"})
    assert proxy is not None
    assert proxy.authorization == "Basic bWU6cEBzcw=="
    assert str(proxy) == "the proxy proxy:1 (http_proxy)"
    assert "p@ss" not in repr(proxy)
    assert "bWU6" not in repr(proxy)


@pytest.mark.parametrize(
    "address", ["socks5://proxy:1", "https://me:hunter2@proxy:1", "http://", "http://proxy:99999", "//"]
)
def test_F89_a_proxy_that_is_not_spoken_to_is_named_by_its_variable(address: str) -> None:
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY") as caught:
        through({"HTTPS_PROXY": address})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "variable", ["REQUESTS_CA_BUNDLE", "requests_ca_bundle", "CURL_CA_BUNDLE", "SSL_CERT_FILE"]
)
def test_F89_the_authorities_of_the_environment_are_trusted_and_no_others(
    tmp_path: Path, variable: str
) -> None:
    _, certificate = self_signed(tmp_path)
    context = trusted({variable: str(certificate)})
    assert context.cert_store_stats()["x509"] == 1
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_F89_a_folder_of_authorities_will_do(tmp_path: Path) -> None:
    assert trusted({"REQUESTS_CA_BUNDLE": str(tmp_path)}).cert_store_stats()["x509"] == 0


def test_F89_authorities_that_cannot_be_read_are_named_by_their_variable(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    for name in ("missing.pem", "empty.pem"):
        with pytest.raises(ConfigurationError, match="CURL_CA_BUNDLE"):
            trusted({"CURL_CA_BUNDLE": str(tmp_path / name)})
