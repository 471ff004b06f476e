"""What auth wants of secrets: each by its name, and a place for one that rotates.

A refresh token that rotates is good once, and its answer holds the next one. So a worker takes a lease before
it spends one, keeps the answer before it uses it, and gives the lease back; the others wait, and use what was
kept. A lease whose holder was killed ends by itself.
"""

from __future__ import annotations

import uuid
from typing import Protocol

import msgspec

from de_classes.utils.values import DiscreetValue, Value

CLOCK_SKEW = 5.0
"""Seconds by which two machines' clocks may differ: a lease is taken over that much after its end."""
_REMEMBERED = 3


class Lease(Value, omit_defaults=True):
    """The right to spend a secret, until a moment; it holds no secret.

    Attributes:
        owner: Who has it; empty once it was given back.
        until: When it ends, in seconds since the epoch.
        is_unanswered: Whether an answer with the next secret may have been lost since one was kept last.
        number: Counts the leases; a store gives each number once.
        version: What the holder's next version of the secret is to be called, where versions have names.
        before: What those of the holders before were to be called, the latest first.
    """

    owner: str = ""
    until: float = 0.0
    is_unanswered: bool = False
    number: int = 0
    version: str = ""
    before: tuple[str, ...] = ()

    def released(self, *, is_unanswered: bool) -> Lease:
        """The same, given back."""
        return msgspec.structs.replace(
            self, owner="", until=0.0, is_unanswered=is_unanswered, number=self.number + 1
        )


class KeptTokens(DiscreetValue):
    """What is kept of a secret that rotates.

    Attributes:
        refresh_token: The secret.
        access: The access token that came with it, as its buyer wrote it down; empty if there is none.
    """

    refresh_token: str
    access: str = ""

    def named(self, name: str) -> dict[str, str]:
        """As entries beside other secrets."""
        return {name: self.refresh_token, access_name(name): self.access}


class RotationStore(Protocol):
    """Keeps one secret that rotates, for all who use it.

    Attributes:
        where: What it is and where, for messages.
    """

    where: str

    def read(self, lease: Lease | None = None) -> KeptTokens:
        """What is kept now; with a lease, what its holder may rely on.

        Raises:
            ConfigurationError: It is missing, or cannot be read.
        """
        ...

    def lease(self, owner: str, *, now: float, until: float) -> Lease | None:
        """A lease, or a longer one for who has it; None while another has it.

        Args:
            owner: Who asks.
            now: Seconds since the epoch.
            until: When it is to end.

        Raises:
            ConfigurationError: It cannot be written.
        """
        ...

    def keep(self, lease: Lease, spent: str, tokens: KeptTokens) -> KeptTokens:
        """Keep what was bought; gives what is kept afterwards.

        Args:
            lease: The buyer's.
            spent: The secret that bought it: where another stands by now, that one stays.
            tokens: What was bought.

        Raises:
            ConfigurationError: It cannot be written.
        """
        ...

    def release(self, lease: Lease, *, is_unanswered: bool) -> None:
        """Give a lease back; one that was taken over meanwhile is left alone.

        Args:
            lease: The holder's.
            is_unanswered: Whether a secret was sent whose answer did not come.
        """
        ...


def next_lease(last: Lease, owner: str, *, now: float, until: float) -> Lease | None:
    """The lease that follows another, or None if that one still holds."""
    if last.owner == owner:
        return msgspec.structs.replace(last, until=until, number=last.number + 1)
    if last.owner and now < last.until + CLOCK_SKEW:
        return None
    return Lease(
        owner,
        until,
        # Who did not give it back was killed, perhaps between the sending and the keeping.
        is_unanswered=last.is_unanswered or bool(last.owner),
        number=last.number + 1,
        version=str(uuid.uuid4()),
        before=tuple(name for name in (last.version, *last.before) if name)[:_REMEMBERED],
    )


def access_name(name: str) -> str:
    """What the access token goes by beside its refresh token; no ``${secret.NAME}`` can name it."""
    return f"{name}:access"


class Secrets(Protocol):
    """Gives the secrets of a source by name.

    Example:
        >>> secrets: Secrets = EnvironmentSecrets({"DE_CLASSES_SECRET_TOKEN": "t0ken"})
        >>> Source.load("shop.toml")["shop.orders"].client(secrets=secrets).url == api.data_url
        True
    """

    def get(self, name: str) -> str:
        """The secret.

        Raises:
            ConfigurationError: There is none of that name; says where it is looked for.
        """
        ...

    def rotation(self, name: str) -> RotationStore:
        """Where a secret that rotates is kept, for every process that uses it.

        Raises:
            ConfigurationError: These secrets cannot be changed; says which can.
        """
        ...
