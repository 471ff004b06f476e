"""Auth that is sent with every request as it is: a token, a key, a user name and password."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from de_classes.api.auth.scheme import AuthDescription, StaticScheme, with_value
from de_classes.common.logger.redaction import redact

if TYPE_CHECKING:
    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme

Text = Annotated[str, Meta(min_length=1)]
Place = Annotated[str, Meta(pattern=r"\A(query|header)\..+\Z", description="query.NAME or header.NAME")]


class NoAuth(AuthDescription, kw_only=True, tag_field="type", tag="none"):
    """Nothing is added: the source is open."""

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Adds nothing."""
        return StaticScheme(lambda request: request)


class BearerAuth(AuthDescription, kw_only=True, tag_field="type", tag="bearer"):
    """``Authorization: Bearer TOKEN``.

    Attributes:
        token: Usually ``${secret.token}``.
        scheme_name: The word before it.
    """

    token: Text
    scheme_name: Text = "Bearer"

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Adds the header."""
        value = f"{self.scheme_name} {_secret(runtime.fill(self.token))}"
        return StaticScheme(lambda request: with_value(request, "header.Authorization", value))


class BasicAuth(AuthDescription, kw_only=True, tag_field="type", tag="basic"):
    """``Authorization: Basic base64(username:password)``.

    Attributes:
        username: Or the key, where there is no password.
        password: May be empty.
    """

    username: str
    password: str = ""

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Adds the header."""
        username, password = (str(runtime.fill(text)) for text in (self.username, self.password))
        value = f"Basic {_secret(b64encode(f'{username}:{password}'.encode()).decode())}"
        return StaticScheme(lambda request: with_value(request, "header.Authorization", value))


class ApiKeyAuth(AuthDescription, kw_only=True, tag_field="type", tag="api_key"):
    """A key under a name of its own: ``into = "header.X-Api-Key"`` or ``"query.api_key"``.

    Attributes:
        value: Usually ``${secret.key}``, with what must stand around it.
        into: Where it goes.
    """

    value: Text
    into: Place

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Adds the key."""
        value = _secret(str(runtime.fill(self.value)))
        return StaticScheme(lambda request: with_value(request, self.into, value))


def _secret(value: str) -> str:
    redact(value)
    return value
