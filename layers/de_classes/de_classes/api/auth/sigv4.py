"""AWS's Signature Version 4, by botocore: for APIs behind API Gateway with IAM, and AWS's own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from de_classes.api.auth.plain import Text
from de_classes.api.auth.scheme import AuthDescription, StaticScheme
from de_classes.common.logger.redaction import redact
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from de_classes.api.auth.scheme import AuthRuntime, AuthScheme
    from de_classes.api.messages import HttpRequest


class SigV4Auth(AuthDescription, kw_only=True, tag_field="type", tag="sigv4"):
    """Signs the whole request; the keys are the description's, or those that the process was given.

    Attributes:
        service: Such as ``execute-api``.
        region: Such as ``eu-central-1``.
        access_key: Empty for the process's own credentials.
        secret_key: Of that key.
        session_token: If it is a temporary one.
    """

    service: Text
    region: Text
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Signs every request anew, with fresh credentials where they are temporary."""
        from botocore.auth import SigV4Auth as Signer  # noqa: PLC0415 - botocore, only where it signs
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - as above

        credentials = self._credentials(runtime)

        def sign(request: HttpRequest) -> HttpRequest:
            query = urlencode(request.params, doseq=True)
            url = f"{request.url}{'&' if '?' in request.url else '?'}{query}" if query else request.url
            signed = AWSRequest(request.method, url, data=request.body or b"")
            Signer(credentials, self.service, self.region).add_auth(signed)
            return msgspec.structs.replace(
                request, url=url, params={}, headers={**request.headers, **signed.headers}
            )

        return StaticScheme(sign)

    def _credentials(self, runtime: AuthRuntime) -> Credentials:
        from botocore import credentials  # noqa: PLC0415 - as above
        from botocore.session import Session  # noqa: PLC0415 - as above

        if not self.access_key:
            found = Session().get_credentials()
            if found is None:
                raise ConfigurationError(
                    "auth: this process has no AWS credentials, and access_key names none"
                )
            return found
        access, secret, token = (
            str(runtime.fill(t)) for t in (self.access_key, self.secret_key, self.session_token)
        )
        redact(secret)
        return credentials.Credentials(access, secret, token or None)
