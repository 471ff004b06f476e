"""AWS S3."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.errors import ConfigurationError
from de_classes.storage.clients.base_s3_client import BaseS3Client
from de_classes.storage.clients.sessions import S3Settings, make_s3_client

if TYPE_CHECKING:
    import logging

    from boto3.session import Session
    from botocore.config import Config


class S3Client(BaseS3Client):
    """A client for AWS S3, with keys, a session, a profile, or boto3's default credential chain.

    Example:
        >>> s3 = S3Client(logger, region="us-east-1")  # keys, a profile, a session, or AWS's default chain
        >>> s3.put_object("lake", "hello.txt", b"hello").uri
        's3://lake/hello.txt'

    Args:
        logger: Where to report.
        access_key: Access key id; together with ``secret_key``.
        secret_key: Secret of that key. It goes to boto3 and is kept nowhere else.
        session_token: Third part of temporary credentials.
        session: A boto3 session of one's own; without one, the process's shared session is used.
        profile: A profile of the AWS configuration files, instead of keys or a session.
        region: The bucket's region; by default the configured one.
        endpoint_url: Another address than AWS's, for example of a local cloud.
        config: botocore settings, laid over this library's time limits and retries.

    Raises:
        ConfigurationError: These contradict each other, or the profile does not exist.
    """

    def __init__(
        self,
        logger: logging.Logger,
        access_key: str | None = None,
        secret_key: str | None = None,
        *,
        session_token: str | None = None,
        session: Session | None = None,
        profile: str | None = None,
        region: str | None = None,
        endpoint_url: str | None = None,
        config: Config | None = None,
    ) -> None:
        if session is not None and profile is not None:
            raise ConfigurationError("give either a session or a profile: a session has its profile already")
        settings = S3Settings(
            access_key=access_key,
            secret_key=secret_key,
            session_token=session_token,
            profile=profile,
            region=region,
            endpoint_url=endpoint_url,
        )
        super().__init__(make_s3_client(settings, session=session, config=config), logger)
