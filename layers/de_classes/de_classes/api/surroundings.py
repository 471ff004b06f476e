"""What the environment says of the way to a server: proxies, and whose certificates are trusted.

The variables are those of ``curl`` and ``requests``, in lower case or upper; the lower one counts where both
are set. ``http_proxy``, ``https_proxy`` and ``all_proxy`` name a proxy for addresses of that scheme,
``no_proxy`` the hosts that are asked directly. ``requests_ca_bundle``, ``curl_ca_bundle`` and
``ssl_cert_file``, the first that is set, name a file of certificates to trust in place of the system's; a
folder will do. No credential for a source is ever read here.
"""

from __future__ import annotations

import ssl
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from de_classes.errors import ConfigurationError
from de_classes.redaction import redact
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Mapping

_CA_BUNDLES: Final = ("requests_ca_bundle", "curl_ca_bundle", "ssl_cert_file")
_IN_A_WEB_SERVER: Final = "REQUEST_METHOD"  # there HTTP_PROXY may be what a client sent as a header "Proxy"


class Proxy(DiscreetValue):
    """A proxy that is spoken to by HTTP.

    Attributes:
        host: Where it is.
        port: Its port.
        variable: Which variable names it.
        authorization: The value of ``Proxy-Authorization``, or None.
    """

    shown = ("host", "port", "variable")

    host: str
    port: int
    variable: str
    authorization: str | None = None

    def __str__(self) -> str:
        """As messages name it, without its password."""
        return f"the proxy {self.host}:{self.port} ({self.variable})"


def proxy_for(scheme: str, host: str, port: int, variables: Mapping[str, str]) -> Proxy | None:
    """The proxy that an origin is asked through; None if it is asked directly.

    Args:
        scheme: ``http`` or ``https``.
        host: In lower case.
        port: Its port.
        variables: The environment.

    Raises:
        ConfigurationError: A proxy is named that is not spoken to here.
    """
    for wanted in (f"{scheme}_proxy", "all_proxy"):
        variable = _variable(wanted, variables)
        if variable is None:
            continue
        if variable == "HTTP_PROXY" and _IN_A_WEB_SERVER in variables:
            continue
        if not variables[variable].strip() or _goes_directly(host, port, variables):
            return None
        return _parsed(variables[variable].strip(), variable)
    return None


def trusted(variables: Mapping[str, str]) -> ssl.SSLContext:
    """What servers' certificates are checked by.

    Raises:
        ConfigurationError: A variable names what cannot be read.
    """
    for name in _CA_BUNDLES:
        variable = _variable(name, variables)
        if variable is not None and variables[variable]:
            return _trusting(Path(variables[variable]), variable)
    return ssl.create_default_context()


def _trusting(path: Path, variable: str) -> ssl.SSLContext:
    try:
        if path.is_dir():
            return ssl.create_default_context(capath=str(path))
        return ssl.create_default_context(cafile=str(path))
    except OSError as error:  # an error of ssl is one too
        raise ConfigurationError(f"{variable} names no readable file of certificates: {path}") from error


def _variable(name: str, variables: Mapping[str, str]) -> str | None:
    return next((each for each in (name, name.upper()) if each in variables), None)


def _parsed(address: str, variable: str) -> Proxy:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        port = parts.port or 80
    except ValueError:
        port = 0
    if parts.scheme != "http":
        raise ConfigurationError(
            f"{variable} names a proxy by {parts.scheme}://, but only http:// is spoken to; or give "
            "RequestsTransport a session that has it"
        )
    if not parts.hostname or not port:
        raise ConfigurationError(f"{variable} names no usable proxy: it must be http://HOST:PORT")
    return Proxy(parts.hostname, port, variable, _authorization(parts.username, parts.password))


def _authorization(user: str | None, password: str | None) -> str | None:
    if user is None:
        return None
    if password:
        redact(unquote(password))
    told = b64encode(f"{unquote(user)}:{unquote(password or '')}".encode()).decode("ascii")
    redact(told)
    return f"Basic {told}"


def _goes_directly(host: str, port: int, variables: Mapping[str, str]) -> bool:
    variable = _variable("no_proxy", variables)
    told = [] if variable is None else variables[variable].split(",")
    return any(_is_named(host, port, each.strip().lower()) for each in told if each.strip())


def _is_named(host: str, port: int, named: str) -> bool:
    """Whether a host is the one named, or below it; or an address in the network that is."""
    if named == "*":
        return True
    if "/" in named:
        return _is_within(host, named)
    own = named.removesuffix(f":{port}") if named.count(":") == 1 else named
    own = own.strip("[]").lstrip(".")
    return host == own or host.endswith(f".{own}")


def _is_within(host: str, network: str) -> bool:
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - few say a network

    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
