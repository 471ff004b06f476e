"""AWS's Signature Version 4, by botocore: for APIs behind API Gateway with IAM, and AWS's own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from de_classes.api.auth.plain import Text
from de_classes.api.auth.scheme import AuthDescription, StaticScheme, with_header
from de_classes.api.messages import target
from de_classes.errors import ConfigurationError
from de_classes.redaction import redact

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

    def __post_init__(self) -> None:
        if bool(self.access_key) != bool(self.secret_key):
            raise ConfigurationError(
                "access_key and secret_key go together; leave both out for the process's own"
            )

    def scheme(self, runtime: AuthRuntime) -> AuthScheme:
        """Signs every request anew, with fresh credentials where they are temporary."""
        from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - botocore, only where it signs
        from botocore.auth import SigV4Auth as Signer  # noqa: PLC0415 - as above
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415 - as above

        credentials = self._credentials(runtime)
        kind = S3SigV4Auth if self.service == "s3" else Signer  # S3 alone encodes a path once

        def sign(request: HttpRequest) -> HttpRequest:
            # AWS reads a plus sign in a query as one, so that a space must be %20; nothing is added later.
            query = urlencode(request.params, doseq=True, quote_via=quote)
            path, _, own = target(msgspec.structs.replace(request, params={})).partition("?")
            whole = "&".join(filter(None, (own.replace("+", "%20"), query)))
            base = urlsplit(request.url)
            url = f"{base.scheme}://{base.netloc}{path}{f'?{whole}' if whole else ''}"
            named = {name: value for name, value in request.headers.items() if _is_signed(name)}
            signed = AWSRequest(request.method, url, headers=named, data=request.body or b"")
            kind(credentials, self.service, self.region).add_auth(signed)
            headers = dict(request.headers)
            for name, value in signed.headers.items():
                headers = with_header(headers, name, value)
            return msgspec.structs.replace(request, url=url, params={}, headers=headers)

        return StaticScheme(sign)

    def _credentials(self, runtime: AuthRuntime) -> Credentials:
        from botocore.credentials import Credentials as Given  # noqa: PLC0415 - as above
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
        redact(token)
        return Given(access, secret, token or None)


def _is_signed(name: str) -> bool:
    """Whether a header must be part of the signature, besides those that the signer adds."""
    return name.lower().startswith("x-amz-") or name.lower() == "content-type"
