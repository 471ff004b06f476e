"""What docs/athena.md shows, as it stands, and many committers at one table, on the local cloud's catalog.

The local cloud is a catalog that compares versions; Athena it has not, so DuckDB asks in its place.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec
import pytest

from localcloud.emulator import HOST, Emulator, free_port
from localcloud.workspace import Workspace
from tests.fakes.documents import blocks, catalog_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("catalog")]

PAGE = "docs/athena.md"
BUCKET, DATABASE = "my-bucket", "shop"
AT_ONCE, COMMITS_EACH, KILLS = 4, 3, 12
# A process that commits and registers, again and again, beside others that do the same.
COMMITTER = f"""
import logging, sys
from de_classes.errors import ObjectExistsError
from de_classes.pipelines.glue import GlueAddress, GlueTable, GlueTableLoader
from de_classes.storage.clients import S3Client

store = S3Client(logging.getLogger("committer"))
load = GlueTableLoader(GlueTable(GlueAddress("{DATABASE}", "raced")), store, "{BUCKET}", "raced")
for number in range({COMMITS_EACH}):
    load.load([[{{"id": number, f"by_{{sys.argv[1]}}_{{number}}": True}}]])
    print(number)
"""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    own = Workspace(Workspace.default().root, tmp_path_factory.mktemp("catalog"))
    with Emulator(own) as emulator:
        emulator.aws.s3().create_bucket(Bucket=BUCKET)
        catalog(emulator).create_database(DatabaseInput={"Name": DATABASE})
        yield emulator


def catalog(emulator: Emulator) -> Any:
    return emulator.aws.session.client("glue", endpoint_url=emulator.endpoint)


def environment(emulator: Emulator) -> dict[str, str]:
    """As a shell has it that calls this local cloud, and nothing of the user's."""
    told = re.findall(r"^export (\w+)=(\S+)$", emulator.files.shell.read_text(), re.MULTILINE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    return {"PATH": path, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, **dict(told)}


def table(emulator: Emulator, name: str) -> dict[str, Any]:
    found: dict[str, Any] = catalog(emulator).get_table(DatabaseName=DATABASE, Name=name)["Table"]
    return found


def files(emulator: Emulator, name: str, to: Path) -> list[str]:
    """What the table's location leads to, fetched, as an engine would read it."""
    location = table(emulator, name)["StorageDescriptor"]["Location"].removeprefix(f"s3://{BUCKET}/")
    s3 = emulator.aws.s3()
    listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=location)["Contents"]
    texts = [s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read().decode() for each in listed]
    fetched = []
    for number, line in enumerate(chain.from_iterable(text.splitlines() for text in texts)):
        fetched.append(str(to / f"{name}-{number}.parquet"))
        s3.download_file(BUCKET, line.removeprefix(f"s3://{BUCKET}/"), fetched[-1])
    return fetched


def types(connection: duckdb.DuckDBPyConnection, paths: list[str]) -> dict[str, str]:
    """The columns of files by Glue's names for types, as DuckDB finds them in the footers."""
    found = connection.execute("SELECT * FROM read_parquet(?) LIMIT 0", [paths]).description
    return {name: glue_type(kind) for name, kind, *_ in found or ()}


def glue_type(kind: Any) -> str:
    if kind.id == "struct":
        return f"struct<{','.join(f'{name}:{glue_type(each)}' for name, each in kind.children)}>"
    if kind.id == "list":
        return f"array<{glue_type(kind.children[0][1])}>"
    return {"varchar": "string"}.get(kind.id, kind.id)


def test_every_command_and_example_of_the_page_works_as_it_stands(emulator: Emulator, tmp_path: Path) -> None:
    shell, python = catalog_calls()
    (question,) = (block for block in blocks("sql") if block.document == PAGE)
    api = str(free_port())
    (tmp_path / "example.py").write_text(python.text, encoding="utf-8")
    wait = f"sleep() {{ until (: </dev/tcp/{HOST}/{api}) 2>/dev/null; do command sleep 0.05; done; }}\n"
    done = subprocess.run(
        ["/bin/bash", "-euc", f"{wait}{shell.text.replace('8765', api)}\npython -W error example.py"],
        cwd=tmp_path,
        env=environment(emulator),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\ntable:  shop.orders\nlist:   s3://my-bucket/raw/orders/_symlink-00000001/\n" in done.stdout
    again = msgspec.json.decode(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert (again["records"], again["is_new"]) == (2000, False)

    # The catalog read back, by the footers of the files that it leads to.
    with duckdb.connect() as connection:
        for name, records in (("orders", 2000), ("rates", 2)):
            paths = files(emulator, name, tmp_path)
            told = table(emulator, name)
            shown = {each["Name"]: each["Type"] for each in told["StorageDescriptor"]["Columns"]}
            assert shown == types(connection, paths)
            assert told["Parameters"]["de_classes_records"] == str(records)
            if name == "orders":
                connection.execute("CREATE SCHEMA shop")
                connection.read_parquet(paths).create("shop.orders")
        answer = connection.execute(question.text).fetchall()
        counted = connection.execute("SELECT count(*) FROM shop.orders").fetchone()
    assert counted == (2000,)
    assert len(answer) == 3
    assert all(re.fullmatch("[A-Z]{2}", country) and orders > 0 for country, orders, _ in answer)


def test_processes_that_commit_at_once_leave_the_latest_commit_and_its_columns(
    emulator: Emulator, tmp_path: Path
) -> None:
    script = tmp_path / "committer.py"
    script.write_text(COMMITTER)
    racing = [
        subprocess.Popen([sys.executable, str(script), str(number)], env=environment(emulator))
        for number in range(AT_ONCE)
    ]
    assert [each.wait(timeout=300) for each in racing] == [0] * AT_ONCE
    told = table(emulator, "raced")
    assert told["Parameters"]["de_classes_generation"] == str(AT_ONCE * COMMITS_EACH)
    with duckdb.connect() as connection:
        found = types(connection, files(emulator, "raced", tmp_path))
    assert {each["Name"]: each["Type"] for each in told["StorageDescriptor"]["Columns"]} == found


def test_a_process_that_is_killed_anywhere_leaves_one_commit_whole_and_the_next_goes_on(
    emulator: Emulator, tmp_path: Path
) -> None:
    """``kill -9``, at moments that a seed draws, from before the first call until after the last."""
    script = tmp_path / "killed.py"
    script.write_text(
        COMMITTER.replace('"raced"', '"killed"').replace(f"range({COMMITS_EACH})", "range(9**9)")
    )
    draw = random.Random(7)  # noqa: S311 - the same moments each time
    shown = []
    for _ in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-u", str(script), "x"], env=environment(emulator), stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()  # the first of them is done
        time.sleep(draw.uniform(0, 0.15))  # others follow, until it is killed in one
        process.kill()
        process.communicate()
        told = table(emulator, "killed")
        shown.append(int(told["Parameters"]["de_classes_generation"]))
        (path,) = files(emulator, "killed", tmp_path)  # one part a commit
        with duckdb.connect() as connection:
            found = types(connection, [path])
        assert {each["Name"]: each["Type"] for each in told["StorageDescriptor"]["Columns"]} == found
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "de_classes",
            "load",
            f"s3://{BUCKET}/killed",
            "--to",
            f"glue://{DATABASE}",
            "--json",
        ],
        env=environment(emulator),
        capture_output=True,
        check=True,
    )
    assert shown == sorted(shown)
    assert msgspec.json.decode(done.stdout)["generation"] >= shown[-1]
    committed = emulator.aws.s3().list_objects_v2(Bucket=BUCKET, Prefix="killed/_manifest-")["KeyCount"]
    assert table(emulator, "killed")["Parameters"]["de_classes_generation"] == str(committed)


def test_the_local_clouds_catalog_refuses_a_version_that_is_not_the_tables(emulator: Emulator) -> None:
    glue = catalog(emulator)
    glue.create_table(DatabaseName=DATABASE, TableInput={"Name": "stale"})
    version = glue.get_table(DatabaseName=DATABASE, Name="stale")["Table"]["VersionId"]
    changed = {"DatabaseName": DATABASE, "TableInput": {"Name": "stale"}, "VersionId": version}
    glue.update_table(**changed, SkipArchive=True)
    with pytest.raises(glue.exceptions.ConcurrentModificationException):
        glue.update_table(**changed, SkipArchive=True)
