"""Where a database is, and by whose credentials: never by a password in the address."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from de_classes.errors import ConfigurationError, InvalidInputError, MalformedDataError
from de_classes.utils import strict_json
from de_classes.utils.values import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    PasswordSource: TypeAlias = Callable[["PostgresAddress"], str]

SCHEME: Final = "postgresql://"
ADDRESS: Final = "postgresql://[USER@]HOST[:PORT]/DATABASE[/SCHEMA][?sslmode=verify-full]"
_DEFAULT_SCHEMA: Final = "public"
_DEFAULT_PORT: Final = 5432
_LOCAL: Final = ("localhost", "127.0.0.1", "::1", "")
_OPTIONS: Final = frozenset(
    (
        "application_name",
        "connect_timeout",
        "host",
        "service",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    )
)
_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_WHERE_PASSWORDS_BELONG: Final = (
    "a password does not belong into an address, which every process of the machine can read: put it into "
    "the file that PGPASSFILE names (~/.pgpass), name a service of ~/.pg_service.conf by ?service=NAME, or "
    "give --password-file or --password-secret"
)


class PostgresAddress(Value):
    """A schema of a database.

    What it leaves out is libpq's to find: ``PGHOST``, ``PGUSER``, the service's file and the passwords'.

    Example:
        >>> place = PostgresAddress.parse("postgresql://ada@db.example/shop/raw")
        >>> place.schema, place.tls, str(place)
        ('raw', 'verify-full', 'postgresql://db.example/shop/raw')

    Attributes:
        options: What libpq is told, by its names: host, port, user, dbname, sslmode and so on.
        schema: The schema; ``public`` if none is named.
    """

    options: dict[str, str]
    schema: str = _DEFAULT_SCHEMA

    @classmethod
    def parse(cls, text: str) -> PostgresAddress:
        """Understand an address.

        To a host that is not this machine TLS is checked by name and authority (``verify-full``, by the
        system's authorities), unless the address says otherwise, or names a service, which says so itself.

        Raises:
            InvalidInputError: It is none, or holds a password. It is not repeated.
        """
        if not text.startswith((SCHEME, "postgres://")):
            raise InvalidInputError(f"what is named is no database: give {ADDRESS}")
        try:
            parts = urlsplit(text)
            port = parts.port
            query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
        except ValueError as error:
            raise InvalidInputError(f"what is named is no address of a database: give {ADDRESS}") from error
        if parts.password is not None or "password" in query or "passfile" in query:
            raise InvalidInputError(_WHERE_PASSWORDS_BELONG)
        if parts.fragment or not query.keys() <= _OPTIONS:
            raise InvalidInputError(
                f"of what follows a ? only these are understood: {', '.join(sorted(_OPTIONS))}"
            )
        if query.get("sslmode", _MODES[0]) not in _MODES:
            raise InvalidInputError(f"sslmode is one of {', '.join(_MODES)}")
        database, _, schema = parts.path.removeprefix("/").removesuffix("/").partition("/")
        if "/" in schema:
            raise InvalidInputError(f"a database and a schema are named, and nothing below: give {ADDRESS}")
        named = {
            "host": parts.hostname or "",
            "port": str(port or ""),
            "user": unquote(parts.username or ""),
            "dbname": unquote(database),
            **query,
        }
        options = {name: value for name, value in named.items() if value}
        return cls(_with_tls(options), unquote(schema) or _DEFAULT_SCHEMA)

    @property
    def tls(self) -> str:
        """The mode of TLS in libpq's words, or who says it."""
        return self.options.get("sslmode") or (
            "as the service says" if "service" in self.options else "local"
        )

    def __str__(self) -> str:
        host, port = self.options.get("host", ""), self.options.get("port", "")
        where = f"{host}:{port}" if port else host
        service = f"?service={self.options['service']}" if "service" in self.options else ""
        return f"{SCHEME}{where}/{self.options.get('dbname', '')}/{self.schema}{service}"


def _with_tls(options: dict[str, str]) -> dict[str, str]:
    host = options.get("host", "")
    if "sslmode" in options or "service" in options or host in _LOCAL or host.startswith("/"):
        return options
    return {"sslrootcert": _authorities(), **options, "sslmode": "verify-full"}


def _authorities() -> str:
    """The system's, which psycopg's own OpenSSL looks for where it was built; Python knows where they are."""
    return ssl.get_default_verify_paths().cafile or "system"


def secret_password(secret_id: str) -> str:
    """The password in a secret of Secrets Manager: its text, or ``password`` of the object that RDS keeps.

    Raises:
        ConfigurationError: The secret cannot be read, or has no password.
    """
    from de_classes.configs.secrets_manager import read_secret  # noqa: PLC0415 - AWS, only for who asks for it

    text = read_secret(secret_id)
    try:
        kept = strict_json.loads(text)
    except MalformedDataError:
        return text
    password = kept.get("password") if isinstance(kept, dict) else text
    if not isinstance(password, str):
        raise ConfigurationError(f"the secret {secret_id} is an object without a password")
    return password


def iam_token(address: PostgresAddress) -> str:
    """A password for a database of RDS that lets roles of IAM in: good for 15 minutes, so one a connection.

    Raises:
        InvalidInputError: The address names no host or no user.
        StorageError: There are no credentials to sign with, or no region.
    """
    import boto3  # noqa: PLC0415 - only for who logs in so

    from de_classes.storage.clients.botocore_errors import errors_from_botocore  # noqa: PLC0415 - boto3 again

    options = address.options
    if "host" not in options or "user" not in options:
        raise InvalidInputError(
            "a token of IAM is of a host and a user: name both, postgresql://USER@HOST/DATABASE"
        )
    with errors_from_botocore("rds"):
        token: str = boto3.client("rds").generate_db_auth_token(
            DBHostname=options["host"],
            Port=int(options.get("port", _DEFAULT_PORT)),
            DBUsername=options["user"],
        )
    return token
