"""The seam to the network: one method. Tests pass a fake, people pass their own session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from de_classes.utils.values import Value

if TYPE_CHECKING:
    from de_classes.api.messages import HttpRequest, HttpResponse

MEBIBYTE = 1024 * 1024


class BodyLimits(Value):
    """How much of an answer is taken before it is refused, so that no answer can fill the memory.

    Attributes:
        wire: Bytes received.
        decoded: Bytes after decompression.
        ratio: Decoded bytes for each received one, looked at once more than a mebibyte is decoded.
    """

    wire: int = 64 * MEBIBYTE
    decoded: int = 128 * MEBIBYTE
    ratio: int = 250


class Transport(Protocol):
    """Sends one request, once; safe to call from several threads."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        """Send it and read the whole answer; redirects are not followed.

        Args:
            request: What to send.
            timeout: Seconds for all of it. A transport over a library that has no such deadline holds at
                least connecting, each wait on the head, and the body as a whole to it.

        Raises:
            NetworkError: Refused, reset, cut short, corrupt in transit or not done within the timeout.
            ProtocolError: The answer is larger than the transport's limits.
            ConfigurationError: The URL is unusable or the server's certificate is not trusted.
        """
        ...
