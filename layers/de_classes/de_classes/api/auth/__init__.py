"""Auth as a seam: every kind, named in a description by its ``type``.

``...Auth`` is what a description says, ``...Scheme`` what is made of it and signs requests. A new one is a
file, a line here, and an entry in ``tests/fakes/auths.py``.
"""

from de_classes.api.auth.digest import DigestAuth
from de_classes.api.auth.hmac_signature import HmacAuth
from de_classes.api.auth.login import LoginAuth
from de_classes.api.auth.oauth2 import OAuth2Auth
from de_classes.api.auth.plain import ApiKeyAuth, BasicAuth, BearerAuth, NoAuth
from de_classes.api.auth.scheme import AuthDescription
from de_classes.api.auth.sigv4 import SigV4Auth

AUTHS: tuple[type[AuthDescription], ...] = (
    NoAuth,
    BearerAuth,
    BasicAuth,
    ApiKeyAuth,
    LoginAuth,
    OAuth2Auth,
    SigV4Auth,
    HmacAuth,
    DigestAuth,
)
"""Every kind of auth."""


def auth_words() -> str:
    """What ``auth`` may say besides ``none``, for messages."""
    *words, last = [str(kind.__struct_config__.tag) for kind in AUTHS if kind is not NoAuth]
    return f"{', '.join(words)} or {last}"
