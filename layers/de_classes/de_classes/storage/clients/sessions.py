"""Making clients of AWS: one shared session, sound time limits, and path style outside AWS.

They are made by botocore, as boto3 makes its own. To import boto3 itself, for transfers and resources that
nobody here asks for, would take half as long as to make a client.
"""

from __future__ import annotations

import functools
import gzip
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.loaders import JSONFileLoader, Loader
from botocore.session import Session

from de_classes.errors import ConfigurationError
from de_classes.redaction import redact
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Callable

    import boto3
    from mypy_boto3_s3 import S3Client as Boto3S3Client

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 60
TOTAL_ATTEMPTS: Final = 6
POOL_CONNECTIONS: Final = 32
USER_AGENT: Final = "de-classes"
_NOT_THERE: Final = (FileNotFoundError, NotADirectoryError, PermissionError)
"""Of a folder for models of one's own: there seldom is any, and not every home may be searched."""

# Sessions and the making of clients are not safe among threads; the clients themselves are.
_LOCK = threading.Lock()


class S3Settings(DiscreetValue):
    """What decides which S3 a client talks to, and as whom. Its text shows no secret.

    Attributes:
        access_key: Access key id, or None for the default chain.
        secret_key: Secret of that access key.
        session_token: Third part of temporary credentials.
        profile: A profile of the AWS configuration files, instead of keys.
        region: The bucket's region; None for the configured one.
        endpoint_url: An S3-compatible server's address; None for AWS, or what ``AWS_ENDPOINT_URL`` says.
    """

    shown = ("profile", "region", "endpoint_url")

    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None

    def check(self) -> None:
        """Refuse settings that contradict each other.

        Raises:
            ConfigurationError: They do; every contradiction is named in ``problems``.
        """
        has_keys = self.access_key is not None
        rules = (
            (has_keys != (self.secret_key is not None), "give both access_key and secret_key, or neither"),
            (bool(self.session_token) and not has_keys, "session_token needs access_key and secret_key"),
            (bool(self.profile) and has_keys, "give either a profile or keys, not both"),
            ("" in {self.access_key, self.secret_key}, "access_key and secret_key must not be empty"),
            (
                not _is_plain_http_url(self.endpoint_url),
                "endpoint must be http(s)://host[:port], no login in it",
            ),
        )
        problems = [problem for is_broken, problem in rules if is_broken]
        if problems:
            raise ConfigurationError("; ".join(problems), problems=problems)

    def client_arguments(self) -> dict[str, Any]:
        """The same as boto3 names it."""
        return {
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.secret_key,
            "aws_session_token": self.session_token,
            "region_name": self.region,
            "endpoint_url": self.endpoint_url,
        }


def default_config() -> Config:
    """Time limits in seconds and retries for every call: standard mode, so SlowDown and 5xx are retried."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"mode": "standard", "total_max_attempts": TOTAL_ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
        tcp_keepalive=True,
        user_agent_extra=USER_AGENT,
    )


def shared_session() -> Session:
    """The process's one session of botocore: a new one would read its models from disk again."""
    with _LOCK:
        return _make_shared_session()


def make_s3_client(
    settings: S3Settings,
    *,
    session: boto3.Session | None = None,
    config: Config | None = None,
) -> Boto3S3Client:
    """An S3 client as boto3 makes it, but for its methods of transfer (``upload_file`` and the like).

    It is safe among threads; given a boto3 session, it has them.

    Args:
        settings: Which S3, and as whom.
        session: A boto3 session to use instead of the shared one.
        config: Laid over ``default_config()``.

    Raises:
        ConfigurationError: The settings contradict each other, or the profile or region does not exist.
    """
    settings.check()
    for secret in filter(None, (settings.secret_key, settings.session_token)):
        redact(secret, lasting=True)  # a server may repeat what it was sent
    merged = default_config().merge(config) if config else default_config()
    try:
        if session is not None:
            return _make_client(settings, session.client, merged)
        own = Session(profile=settings.profile) if settings.profile else shared_session()
        return _make_client(settings, own.create_client, merged)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"boto3 cannot make an S3 client of these settings: {error}") from error


def make_client(service: Literal["glue"], *, read_timeout: float, attempts: int) -> Any:  # noqa: ANN401
    """A boto3 client of another service by the default chain, safe among threads.

    Args:
        service: Its name.
        read_timeout: Seconds that an answer may take.
        attempts: Of each call at the most.

    Raises:
        BotoCoreError: There is no region, or a profile that does not exist.
    """
    own = Config(read_timeout=read_timeout, retries={"mode": "standard", "total_max_attempts": attempts})
    session = shared_session()
    with _LOCK:
        return session.create_client(service, config=default_config().merge(own))


def _make_client(settings: S3Settings, make: Callable[..., Any], config: Config) -> Boto3S3Client:
    client = _client(settings, make, config)
    addressing_style = (getattr(config, "s3", None) or {}).get("addressing_style")
    if _speaks_to_aws(client) or addressing_style:
        return client
    # A server of one's own rarely answers to bucket.its-name; AWS_ENDPOINT_URL may have named it, and
    # what boto3 made of that is known only now.
    return _client(settings, make, config.merge(Config(s3={"addressing_style": "path"})))


def _client(settings: S3Settings, make: Callable[..., Any], config: Config) -> Boto3S3Client:
    with _LOCK:
        client: Boto3S3Client = make("s3", config=config, **settings.client_arguments())
    return client


@functools.cache
def _make_shared_session() -> Session:
    session = Session()
    session.register_component("data_loader", _Models(session.get_component("data_loader").search_paths))
    return session


class _Models(Loader):
    """botocore's models of services, found and read in half the time.

    Args:
        search_paths: The folders to look into.
    """

    def __init__(self, search_paths: list[str]) -> None:
        super().__init__(search_paths, _ModelFiles(), include_default_search_paths=False)

    def list_available_services(self, type_name: str) -> list[str]:
        """All that have a folder: whether one has a file of a type, of 400, shows when it is looked for."""
        del type_name
        found: list[str] = []
        for folder in map(Path, self.search_paths):
            with suppress(*_NOT_THERE):
                found += [service.name for service in folder.iterdir()]
        return found


class _ModelFiles(JSONFileLoader):
    """Files of JSON, some compressed, as plain dictionaries."""

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - a JSON value
        """What a file holds; None if there is none.

        Args:
            file_path: Its path without the end of its name.
        """
        for end, opened in ((".json", open), (".json.gz", gzip.open)):
            with suppress(*_NOT_THERE), opened(file_path + end, "rb") as file:
                return msgspec.json.decode(file.read())
        return None


def _is_plain_http_url(url: str | None) -> bool:
    if url is None:
        return True
    try:
        parts = urlsplit(url)
    except ValueError:  # a bracket that is not closed
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc


def _speaks_to_aws(client: Boto3S3Client) -> bool:
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
