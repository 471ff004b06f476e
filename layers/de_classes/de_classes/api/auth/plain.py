"""Auth that is sent with every request as it is: a token, a key, a user name and password."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from de_classes.api.auth.scheme import AuthDescription, StaticScheme, in_header, with_value
from de_classes.errors import ConfigurationError
from de_classes.redaction import redact

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
        value = f"{self.scheme_name} {in_header(secret_of(runtime, self.token), 'auth.token')}"
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
        username, password = str(runtime.fill(self.username)), secret_of(runtime, self.password)
        if ":" in username:
            raise ConfigurationError(
                "auth.username must hold no colon: the password begins after the first one"
            )
        value = f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"
        redact(value.removeprefix("Basic "))
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
        value = secret_of(runtime, self.value)
        if self.into.startswith("header."):
            in_header(value, "auth.value")
        return StaticScheme(lambda request: with_value(request, self.into, value))


def secret_of(runtime: AuthRuntime, template: str) -> str:
    """A described secret, which is masked in every log line from now on."""
    value = str(runtime.fill(template))
    redact(value)
    return value
