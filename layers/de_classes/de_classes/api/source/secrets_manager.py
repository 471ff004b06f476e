"""Secrets of a source in AWS Secrets Manager, and leases by conditional writes beside the runs.

boto3 is imported by the call that needs it: it costs a cold start more than everything else here.
"""

from __future__ import annotations

import json
import uuid
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from de_classes.api.auth.kept_secrets import KeptTokens, Lease, access_name, next_lease
from de_classes.api.source.secrets import named_secrets
from de_classes.configs.secrets_manager import read_secret
from de_classes.errors import ConfigurationError, DeClassesError, ObjectExistsError, ObjectNotFoundError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

    from de_classes.api.auth.kept_secrets import RotationStore
    from de_classes.configs.secrets_manager import SecretReader
    from de_classes.storage.clients.object_store import ObjectStore

_CURRENT = "AWSCURRENT"


class SecretsManagerSecrets:
    """Secrets of one source: one secret of Secrets Manager, a JSON object of names and texts.

    It is read once, and again after ``forget``. A secret that rotates is put as a new version of it. Who may
    spend one is written into the bucket, since Secrets Manager writes nothing on a condition; no secret is
    there. The role needs ``secretsmanager:GetSecretValue``, and for a source that rotates
    ``secretsmanager:PutSecretValue`` too, and to list, read, write and delete where the leases are.

    Example:
        >>> secrets = SecretsManagerSecrets("prod/sources/shop", lambda secret_id: '{"token": "t0ken"}')
        >>> secrets.get("token")  # without the function, AWS is asked
        't0ken'

    Args:
        secret_id: Its name or ARN, such as ``PREFIX/SOURCE``.
        read: Reads its text, for what does not rotate.
        store: Where leases are written; None if nothing rotates.
        bucket: In which bucket.
        leases: What the keys of leases begin with, with no slash at its end.
        client: A client for Secrets Manager, for all that it is asked; one by the default credential chain,
            for what rotates, if not given.
    """

    def __init__(
        self,
        secret_id: str,
        read: SecretReader = read_secret,
        *,
        store: ObjectStore | None = None,
        bucket: str = "",
        leases: str = "_leases",
        client: SecretsManagerClient | None = None,
    ) -> None:
        self._secret_id = secret_id
        self._read_text = read
        self._folder = leases
        self._store = store
        self._bucket = bucket
        self._given_client = client
        self._values: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """See ``Secrets``."""
        if self._values is None:
            self._values = self._all()
        if name not in self._values:
            raise ConfigurationError(f"the secret {name!r} is not in {self._secret_id}: add it there")
        return self._values[name]

    def forget(self) -> None:
        """Read the secret anew when it is asked for next."""
        self._values = None

    def rotation(self, name: str) -> RotationStore:
        """See ``Secrets``."""
        if self._store is None:
            raise ConfigurationError(f"the secret {name!r} rotates, and no bucket was given for its leases")
        leases = ObjectLeases(self._store, self._bucket, f"{self._folder}/{self._secret_id}/{name}/")
        return _SecretsManagerRotation(self, leases, name)

    def _all(self) -> dict[str, str]:
        if self._given_client is not None:
            return self.read()[0]
        return named_secrets(self._read_text(self._secret_id), f"the secret {self._secret_id}")

    @property
    def secret_id(self) -> str:
        """What it is called."""
        return self._secret_id

    def read(self, version: str | None = None) -> tuple[dict[str, str], str]:
        """The values as they are now, or as a version has them, and the version's name.

        Raises:
            ConfigurationError: It is not there, or this role may not read it.
        """
        named = {} if version is None else {"VersionId": version}
        answer = self._call("get_secret_value", "read", **named)
        where = f"the secret {self._secret_id}"
        return named_secrets(answer.get("SecretString", ""), where), str(answer["VersionId"])

    def is_current(self, version: str) -> bool:
        """Whether a version is there and is the one that counts."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - see the module

        try:
            answer = self._client.get_secret_value(SecretId=self._secret_id, VersionId=version)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return False
            raise self._translated(error, "read") from error
        return _CURRENT in answer.get("VersionStages", ())

    def put(self, values: dict[str, str], version: str) -> None:
        """Make the values the current version; the same call again changes nothing.

        Raises:
            ConfigurationError: This role may not.
        """
        text = json.dumps(values)
        self._call("put_secret_value", "written", ClientRequestToken=version, SecretString=text)
        self._values = values

    def _call(self, operation: str, done: str, **arguments: str) -> Any:  # noqa: ANN401 - boto3's answer
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see the module

        try:
            return getattr(self._client, operation)(SecretId=self._secret_id, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise self._translated(error, done) from error

    def _translated(self, error: Exception, done: str) -> ConfigurationError:
        code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
        return ConfigurationError(f"the secret {self._secret_id} cannot be {done}: {code}")

    @cached_property
    def _client(self) -> SecretsManagerClient:
        if self._given_client is not None:
            return self._given_client
        import boto3  # noqa: PLC0415 - see the module

        return boto3.client("secretsmanager")


class ObjectLeases:
    """Leases as numbered objects, each written only if its number is free; the highest number counts.

    The highest is never deleted, so a number that is used again by one who was slow is found out: after
    every write the highest is looked up, and a lease that is not it is none.

    Args:
        store: Where.
        bucket: In which bucket.
        prefix: What the keys begin with, with a slash at its end.
    """

    def __init__(self, store: ObjectStore, bucket: str, prefix: str) -> None:
        self._store = store
        self._bucket = bucket
        self._prefix = prefix

    def acquire(self, owner: str, *, now: float, until: float) -> Lease | None:
        """See ``RotationStore.lease``."""
        lease = next_lease(self.last(), owner, now=now, until=until)
        return lease if lease is not None and self._append(lease) else None

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        """See ``RotationStore``."""
        if self.last().number == lease.number:
            self._append(lease.released(is_unanswered=is_unanswered))

    def last(self) -> Lease:
        """The lease that counts; one of nobody if there was none yet."""
        while True:
            keys = self._keys()
            if not keys:
                return Lease()
            with suppress(ObjectNotFoundError):  # a higher one was written meanwhile, and this one deleted
                return msgspec.json.decode(self._store.get_object(self._bucket, keys[-1]), type=Lease)

    def _append(self, lease: Lease) -> bool:
        key = f"{self._prefix}{lease.number:012d}.json"
        content = msgspec.json.encode(lease)
        try:
            self._store.put_object(
                self._bucket, key, content, content_type="application/json", if_none_match=True
            )
        except ObjectExistsError:
            return False
        keys = self._keys()
        for old in keys[: keys.index(key)] if key in keys else ():
            with suppress(DeClassesError):  # whoever writes next will try again
                self._store.delete_object(self._bucket, old)
        return keys[-1:] == [key]

    def _keys(self) -> list[str]:
        return [info.key for info in self._store.list_objects(self._bucket, self._prefix)]


class _SecretsManagerRotation:
    """``RotationStore`` in a secret of Secrets Manager."""

    def __init__(self, secrets: SecretsManagerSecrets, leases: ObjectLeases, name: str) -> None:
        self._secrets = secrets
        self._leases = leases
        self._name = name
        self.where = f"the secret {name!r} in {secrets.secret_id}"

    def read(self, lease: Lease | None = None) -> KeptTokens:
        values = self._values(lease)
        if not values.get(self._name):
            raise ConfigurationError(f"{self.where} is missing: add it there")
        return KeptTokens(values[self._name], values.get(access_name(self._name), ""))

    def lease(self, owner: str, *, now: float, until: float) -> Lease | None:
        return self._leases.acquire(owner, now=now, until=until)

    def keep(self, lease: Lease, spent: str, tokens: KeptTokens) -> KeptTokens:
        values = self._values(lease)
        if values.get(self._name) != spent:
            return self.read(lease)
        is_bought = tokens.refresh_token != spent or bool(tokens.access)
        self._secrets.put(
            {**values, **tokens.named(self._name)}, lease.version if is_bought else str(uuid.uuid4())
        )
        return tokens

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        self._leases.release(lease, is_unanswered=is_unanswered)

    def _values(self, lease: Lease | None) -> dict[str, str]:
        """The current values: a read may be a little late, and then the versions put last tell so."""
        values, version = self._secrets.read()
        for put in (lease.version, *lease.before) if lease is not None else ():
            if version == put:
                break
            if self._secrets.is_current(put):
                return self._secrets.read(put)[0]
        return values
