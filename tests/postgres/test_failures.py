"""What fails beneath a load: many at once, answers that are lost, servers that die, disks that are full."""

from __future__ import annotations

import os
import random
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from de_classes.errors import (
    AuthenticationError,
    InvalidInputError,
    ObjectExistsError,
    PermissionDeniedError,
    StorageError,
    StorageUnavailableError,
)
from de_classes.pipelines.postgres import PostgresAddress, PostgresLoader
from de_classes.utils.clock import ManualClock
from tests.fakes.datasets import BUCKET, DATASET, commit
from tests.fakes.postgres import Schema
from tests.fakes.postgres_proxy import Proxy, Then
from tests.fakes.tls import self_signed
from tools.postgres.server import FORGETFUL, HOST, OWNER, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from de_classes.storage.clients import LocalClient

PAGES = [[{"id": 10 * page + place, "v": page} for place in range(10)] for page in range(1, 7)]
NEXT = [[{"id": 10 * page + place, "v": -page} for place in range(10)] for page in range(3, 9)]
IDS = [record["id"] for page in PAGES for record in page]
MOUNT, UNMOUNT = "/bin/mount", "/bin/umount"
NEXT_IDS = [record["id"] for page in NEXT for record in page]


@pytest.mark.parametrize("keys", [(), ("id",)], ids=["commit", "by key"])
def test_of_twelve_loaders_at_once_each_part_is_loaded_by_one(
    store: LocalClient, schema: Schema, keys: tuple[str, ...]
) -> None:
    commit(store, PAGES)
    together = threading.Barrier(12)

    def load(_: int) -> int:
        loader = schema.loader(key_fields=keys)
        together.wait(120)
        loaded = loader.load_dataset(store, BUCKET, DATASET)
        return loaded.parts - loaded.parts_before

    with ThreadPoolExecutor(12) as pool:
        parts = list(pool.map(load, range(12)))
    assert sum(parts) == len(PAGES)
    assert schema.ids() == IDS


def test_of_twelve_loaders_of_two_commits_the_later_one_stays_whole(
    store: LocalClient, schema: Schema
) -> None:
    commit(store, PAGES)
    schema.loader().load_dataset(store, BUCKET, DATASET)
    commit(store, NEXT, generation=2, run_id="next")
    together = threading.Barrier(12)

    def load(number: int) -> str:
        together.wait(120)
        try:
            schema.loader().load_dataset(store, BUCKET, DATASET, generation=1 + number % 2)
        except ObjectExistsError:
            return "overtaken"
        return "loaded"

    with ThreadPoolExecutor(12) as pool:
        found = list(pool.map(load, range(12)))
    assert found[1::2] == ["loaded"] * 6
    assert schema.ids() == NEXT_IDS
    assert schema.relations() == {"orders", "_de_classes_tables", "_de_classes_parts"}


def cut(message: bytes, at: int, then: Then) -> Callable[[int, bytes], Then]:
    """Do this to one of the messages that begin so; they are counted over all connections."""
    met: list[int] = []

    def on_step(number: int, said: bytes) -> Then:
        if message in said:
            met.append(number)
            return then if len(met) == at else Then.PASS
        return Then.PASS

    return on_step


@pytest.mark.parametrize("keys", [(), ("id",)], ids=["commit", "by key"])
@pytest.mark.parametrize(
    "then", [Then.CUT, Then.CUT_ANSWER], ids=["not committed", "committed, and not told"]
)
@pytest.mark.parametrize("at", range(1, 9))
def test_a_connection_that_is_lost_at_any_commit_loses_and_doubles_nothing(
    store: LocalClient, schema: Schema, at: int, then: Then, keys: tuple[str, ...]
) -> None:
    commit(store, PAGES)
    clock = ManualClock()
    with Proxy(schema.server.port, cut(b"COMMIT", at, then)) as proxy:
        loaded = schema.loader(port=proxy.port, clock=clock, key_fields=keys).load_dataset(
            store, BUCKET, DATASET
        )
    assert len(clock.sleeps) == 1
    assert loaded.records == len(IDS)
    assert schema.ids() == IDS


def test_a_password_is_asked_for_again_by_each_connection(store: LocalClient, schema: Schema) -> None:
    """A token of IAM is good for a quarter of an hour, and a password may have been changed."""
    commit(store, PAGES)
    asked = []

    def password(address: PostgresAddress) -> str:
        asked.append(address)
        return schema.server.password

    with Proxy(schema.server.port, cut(b"COMMIT", 3, Then.CUT)) as proxy:
        address = PostgresAddress.parse(schema.by(proxy.port))
        loader = PostgresLoader(address, "orders", password=password, clock=ManualClock())
        loader.load_dataset(store, BUCKET, DATASET)
    assert asked == [address, address]


def test_a_connection_that_is_lost_whenever_a_part_is_copied_ends_with_an_error_and_what_was_committed(
    store: LocalClient, schema: Schema
) -> None:
    commit(store, PAGES)
    clock, copied = ManualClock(), 0

    def on_step(_: int, message: bytes) -> Then:
        nonlocal copied
        copied += message[:1] == b"c"
        return Then.CUT if message[:1] == b"c" and copied > 2 else Then.PASS

    with Proxy(schema.server.port, on_step) as proxy:
        loader = schema.loader(port=proxy.port, clock=clock)
        with pytest.raises(StorageUnavailableError, match="the connection was lost"):
            loader.load_dataset(store, BUCKET, DATASET)
    assert sum(clock.sleeps) > 20
    assert schema.ids() == IDS[:20]
    assert schema.loader().load_dataset(store, BUCKET, DATASET).parts_before == 2
    assert schema.ids() == IDS


class UntilItIsUp(ManualClock):
    """Waits for the server in place of seconds."""

    def __init__(self, is_up: threading.Event) -> None:
        super().__init__()
        self._is_up = is_up

    def sleep(self, seconds: float) -> None:
        assert self._is_up.wait(300)
        super().sleep(seconds)


@pytest.mark.parametrize("at", [1, 20, 40, 60])
def test_a_server_that_dies_and_starts_again_in_the_middle_keeps_all_and_doubles_nothing(
    own_server: Server, store: LocalClient, at: int
) -> None:
    schema = Schema(own_server)
    commit(store, PAGES)
    is_up = threading.Event()

    def on_step(number: int, _: bytes) -> Then:
        if number == at:
            own_server.restart()
            is_up.set()
        return Then.PASS

    with Proxy(own_server.port, on_step) as proxy:
        schema.loader(port=proxy.port, clock=UntilItIsUp(is_up)).load_dataset(store, BUCKET, DATASET)
    assert is_up.is_set()
    assert schema.ids() == IDS


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """One that a test may stop."""
    with Server(FORGETFUL) as server:
        yield server


def test_a_server_that_is_not_there_is_tried_for_half_a_minute(store: LocalClient) -> None:
    commit(store, PAGES)
    clock = ManualClock()
    with Proxy(1, lambda *_: Then.PASS) as proxy:  # on port 1 nobody answers
        address = PostgresAddress.parse(f"postgresql://{OWNER}@{HOST}:{proxy.port}/x?sslmode=disable")
        with pytest.raises(StorageUnavailableError):
            PostgresLoader(address, "orders", password=lambda _: "x", clock=clock).load_dataset(
                store, BUCKET, DATASET
            )
    assert 30 < sum(clock.sleeps) < 40


def test_a_wrong_password_is_told_at_once_and_not_repeated(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    loader = PostgresLoader(PostgresAddress.parse(schema.url), "orders", password=lambda _: "hunter2")
    with pytest.raises(AuthenticationError, match="--password-file") as told:
        loader.load_dataset(store, BUCKET, DATASET)
    assert "hunter2" not in str(told.value)


def test_a_database_that_is_not_there_is_a_mistake(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    address = PostgresAddress.parse(f"{schema.server.url.rpartition('/')[0]}/nowhere")
    with pytest.raises(InvalidInputError, match="nowhere"):
        PostgresLoader(address, "orders", password=lambda _: schema.server.password).load_dataset(
            store, BUCKET, DATASET
        )


def test_a_server_without_tls_is_not_spoken_to_where_it_is_asked_for(
    store: LocalClient, schema: Schema
) -> None:
    commit(store, PAGES)
    address = PostgresAddress.parse(schema.url.replace("disable", "require"))
    with pytest.raises(StorageError, match="TLS by sslmode=require cannot be had"):
        PostgresLoader(address, "orders", password=lambda _: schema.server.password).load_dataset(
            store, BUCKET, DATASET
        )


def test_a_server_is_known_by_its_authority_and_by_no_other(
    own_server: Server, store: LocalClient, tmp_path: Path
) -> None:
    folder = own_server.own_folder("tls")
    _, authority = self_signed(folder)
    for file in folder.iterdir():
        file.chmod(0o600)
        os.chown(file, folder.stat().st_uid, folder.stat().st_gid)
    schema = Schema(own_server)
    for name, value in (("cert", "certificate.pem"), ("key", "key.pem")):
        schema.do(f"ALTER SYSTEM SET ssl_{name}_file = '{folder / value}'")
    schema.do("ALTER SYSTEM SET ssl = on")
    own_server.restart()
    commit(store, PAGES)

    def load(mode: str, file: Path) -> str:
        url = f"{schema.url.partition('?')[0]}?sslmode={mode}&sslrootcert={file}"
        loader = PostgresLoader(PostgresAddress.parse(url), "orders", password=lambda _: own_server.password)
        return loader.load_dataset(store, BUCKET, DATASET).tls

    assert load("verify-full", authority) == "verify-full"
    other = tmp_path / "other.pem"
    other.write_text(Path(ssl.get_default_verify_paths().cafile or "").read_text(encoding="utf-8"))
    with pytest.raises(StorageError, match="TLS by sslmode=verify-full cannot be had") as told:
        load("verify-full", other)
    assert not isinstance(told.value, StorageUnavailableError)


def test_a_role_that_may_not_is_told_so(store: LocalClient, schema: Schema) -> None:
    commit(store, PAGES)
    role = f"reader_{schema.name}"
    with schema.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'for-this-test'".encode())
    address = PostgresAddress.parse(schema.url.replace(OWNER, role))
    loader = PostgresLoader(address, "orders", password=lambda _: "for-this-test")
    with pytest.raises(PermissionDeniedError, match="grant it what"):
        loader.load_dataset(store, BUCKET, DATASET)


def noise(page: int, place: int) -> str:
    """20,000 characters that cannot be said in fewer."""
    made = random.Random(100 * page + place).randbytes(15_000)  # noqa: S311 - no secret
    return made.decode("latin-1").replace("\0", "0")


LARGE = [
    [{"id": 100 * page + place, "text": noise(page, place)} for place in range(100)] for page in range(5)
]
LARGE_IDS = [record["id"] for page in LARGE for record in page]


@pytest.fixture
def small_disk(own_server: Server) -> Iterator[Path]:
    """A file system of 8 MB, as the place of the tables."""
    if os.geteuid():
        pytest.skip("only root may mount a file system of 8 MB")
    folder = own_server.own_folder("small")
    account = folder.stat()
    options = f"size=8m,uid={account.st_uid},gid={account.st_gid},mode=0700"
    subprocess.run([MOUNT, "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        own_server.stop()
        subprocess.run([UNMOUNT, str(folder)], check=True)


def test_a_full_disk_keeps_what_was_committed_and_the_load_goes_on_when_there_is_space(
    own_server: Server, store: LocalClient, small_disk: Path
) -> None:
    with Schema(own_server).connect() as connection:
        connection.execute(f"CREATE TABLESPACE small LOCATION '{small_disk}'".encode())
        connection.execute("CREATE DATABASE small")
        connection.execute("ALTER DATABASE small SET default_tablespace = small")
    schema = Schema(own_server, database="small")
    schema_loader = schema.loader()
    commit(store, LARGE)
    with pytest.raises(StorageError, match="no space left") as told:
        schema_loader.load_dataset(store, BUCKET, DATASET)
    assert not isinstance(told.value, StorageUnavailableError)
    kept = schema.ids()
    assert 0 < len(kept) < len(LARGE_IDS)
    assert kept == LARGE_IDS[: len(kept)]
    subprocess.run([MOUNT, "-o", "remount,size=64m", str(small_disk)], check=True)
    loaded = schema_loader.load_dataset(store, BUCKET, DATASET)
    assert loaded.parts_before == len(kept) // 100
    assert schema.ids() == LARGE_IDS
