"""What docs/postgresql.md shows, as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psycopg
import pytest

from de_classes.pipelines.postgres import PostgresAddress
from de_classes.pipelines.postgres.columns import TYPES
from localcloud.emulator import free_port
from tests.fakes.documents import ROOT, database_calls
from tests.fakes.postgres import running_server
from tools.postgres.server import HOST, program

if TYPE_CHECKING:
    from tools.postgres.server import Server

PAGE = "docs/postgresql.md"
PASSWORD = "for-this-page"


@pytest.fixture
def shop(tmp_path: Path) -> Server:
    """The page's database and role, and a file with the password."""
    server = running_server()
    options = PostgresAddress.parse(server.url).options
    with psycopg.connect(**options, password=server.password, autocommit=True) as connection:  # type: ignore[arg-type]
        connection.execute(f"CREATE ROLE ada LOGIN PASSWORD '{PASSWORD}'".encode())
        connection.execute("CREATE DATABASE shop OWNER ada")
    file = tmp_path / "pgpass"
    file.touch(mode=0o600)
    file.write_text(f"*:*:shop:ada:{PASSWORD}\n")
    return server


def test_every_command_and_example_works_as_it_stands(shop: Server, tmp_path: Path) -> None:
    shell, python = database_calls()
    assert (shell.document, python.document) == (PAGE, PAGE)
    api = str(free_port())
    (tmp_path / "example.py").write_text(python.text.replace("5432", str(shop.port)), encoding="utf-8")
    wait = f"sleep() {{ until (: </dev/tcp/{HOST}/{api}) 2>/dev/null; do command sleep 0.05; done; }}\n"
    lines = wait + shell.text.replace("5432", str(shop.port)).replace("8765", api)
    path = os.pathsep.join([str(Path(sys.executable).parent), str(Path(program("psql")).parent), os.defpath])
    done = subprocess.run(
        ["/bin/bash", "-euc", f"{lines}\npython -W error example.py"],
        cwd=tmp_path,
        env={"PATH": path, "PGPASSFILE": str(tmp_path / "pgpass"), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2000 records in 1 parts, 1 of them now\ntable:  raw.orders\ntls:    local\n" in done.stdout
    assert re.search(r"^country,orders,total\n([A-Z]{2},\d+,\d+\n){3}", done.stdout, re.MULTILINE)
    again = msgspec.json.decode(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert (again["records"], again["parts_before"]) == (2000, 1)


def test_the_types_that_may_be_asked_for_are_those_that_the_page_names() -> None:
    (named,) = re.findall(
        r"asks for another of (.*?), which", (ROOT / PAGE).read_text(encoding="utf-8"), re.DOTALL
    )
    assert sorted(re.findall(r"`([^`]+)`", named)) == sorted(TYPES)
