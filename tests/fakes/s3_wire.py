"""Answers for a real boto3 client, given where its requests would go out to the network."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from botocore.awsrequest import AWSResponse
from botocore.retries import standard

from de_classes.storage.clients.sessions import TOTAL_ATTEMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from botocore.awsrequest import AWSPreparedRequest
    from botocore.session import Session
    from mypy_boto3_s3 import S3Client as Boto3S3Client


def retry_without_sleeping(client: Boto3S3Client, on_wait: Callable[[], object] = int) -> Boto3S3Client:
    """Let a client ask again as often as it would, and not wait in between.

    Args:
        client: Made by the library.
        on_wait: Called in place of each wait.
    """

    def wait(**said: Any) -> float | None:
        if handler.needs_retry(**said) is None:
            return None
        on_wait()
        return 0

    events = client.meta.events
    events.unregister("needs-retry.s3", unique_id="retry-config-s3")
    handler = standard.register_retry_handler(client, TOTAL_ATTEMPTS)
    events.unregister("needs-retry.s3", unique_id="retry-config-s3")
    events.register("needs-retry.s3", wait)
    return client


class _Raw(io.BytesIO):
    def stream(self, **_options: object) -> Iterator[bytes]:
        while piece := self.read(1024):
            yield piece


def answer(status: int, body: bytes = b"", **headers: str) -> Callable[[AWSPreparedRequest], AWSResponse]:
    """An answer of that status."""
    named = {"content-length": str(len(body)), **headers}
    return lambda request: AWSResponse(request.url, status, named, _Raw(body))


def error_answer(code: str, status: int) -> Callable[[AWSPreparedRequest], AWSResponse]:
    """An error as S3 words it."""
    return answer(status, f"<Error><Code>{code}</Code><Message>scripted</Message></Error>".encode())


class ScriptedWire:
    """Gives the next answer to every request, and keeps what was asked."""

    def __init__(self, *answers: Callable[[AWSPreparedRequest], AWSResponse]) -> None:
        self._answers = list(answers)
        self.urls: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []

    def attach(self, client: Boto3S3Client) -> Self:
        """Take the place of the network for this client."""
        client.meta.events.register("before-send.s3", self._reply)
        return self

    @contextmanager
    def attached_to_new_clients(self, session: Session) -> Iterator[Self]:
        """Take the place of the network for every client that the session makes meanwhile."""
        session.register("before-send.s3", self._reply)
        try:
            yield self
        finally:
            session.unregister("before-send.s3", self._reply)

    def _reply(self, request: AWSPreparedRequest, **_event: object) -> AWSResponse:
        self.urls.append(request.url)
        self.headers.append({name.lower(): _text(value) for name, value in request.headers.items()})
        self.bodies.append(request.body.read() if hasattr(request.body, "read") else request.body)
        return self._answers.pop(0)(request)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
