from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.fakes.sources import ROOT, python_files, relative
from tools.changed_tests import ALL, HOMES, JOINED, MOST_READERS, changed_files, choose, readers_of, units_of

if TYPE_CHECKING:
    from pathlib import Path

CODE = python_files(
    "layers/de_classes/de_classes", "functions", "localcloud", "scoreboard", "benchmarks", "tools"
)


def git(folder: Path, *arguments: str) -> None:
    nobody = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.invalid")
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    command = [shutil.which("git") or "git", *nobody, *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A working copy on a branch of its own: one commit, one change that is not committed, one new file."""
    git(tmp_path, "init", "--initial-branch", "main")
    for name in ("kept.py", "committed.py", "changed.py", "removed.py"):
        (tmp_path / name).write_text("A = 1\n")
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--message", "first")
    git(tmp_path, "switch", "--create", "branch")
    (tmp_path / "committed.py").write_text("A = 2\n")
    git(tmp_path, "rm", "removed.py")
    git(tmp_path, "commit", "--all", "--message", "second")
    (tmp_path / "changed.py").write_text("A = 3\n")
    (tmp_path / "new.py").write_text("A = 4\n")
    (tmp_path / "ignored.py").write_text("A = 5\n")
    return tmp_path


def test_what_a_branch_changed_is_what_it_committed_what_it_did_not_yet_and_what_is_new(copy: Path) -> None:
    assert changed_files(copy) == ["changed.py", "committed.py", "new.py", "removed.py"]


def test_on_main_it_is_what_is_not_committed(copy: Path) -> None:
    git(copy, "switch", "--force-create", "main")
    assert changed_files(copy) == ["changed.py", "new.py"]


@pytest.mark.parametrize(
    ("path", "tests"),
    [
        ("layers/de_classes/de_classes/api/numbered_walk.py", "tests/unit/api"),
        ("layers/de_classes/de_classes/storage/format/schema.py", "tests/unit/storage/format"),
        ("layers/de_classes/de_classes/errors.py", ALL),
        ("layers/de_classes/de_classes/common/logger/handlers.py", "tests/unit/common"),
        ("functions/auth_simulator/app.py", "tests/functions"),
        ("localcloud/sam.py", "tests/unit/localcloud"),
        ("tools/containers/bridge.py", "tests/unit/containers"),
        ("tools/changed_tests.py", "tests/unit/tools"),
        (".ci/stages.sh", "tests/unit/ci"),
        ("tests/unit/tools/test_changed_tests.py", "tests/unit/tools/test_changed_tests.py"),
        ("tests/unit/api/test_that_was_removed.py", "tests/unit/api"),
        ("pyproject.toml", ALL),
        ("README.md", None),
        ("template.yaml", None),
        ("tests/integration/test_kills.py", None),
    ],
)
def test_a_change_calls_for_the_tests_that_mirror_it(path: str, tests: str | None) -> None:
    assert units_of(path, ROOT) == tests


def test_every_file_of_our_code_has_unit_tests_that_it_calls_for() -> None:
    chosen = {relative(path): units_of(relative(path), ROOT) for path in CODE}
    assert len(chosen) > 100
    assert [path for path, tests in chosen.items() if tests is None or not (ROOT / tests).is_dir()] == []
    assert {path.partition("/")[0] for path in chosen} <= {home.partition("/")[0] for home in HOMES}


def test_none_is_run_twice_and_what_has_no_units_is_named() -> None:
    changed = [
        "README.md",
        "layers/de_classes/de_classes/errors.py",
        "localcloud/sam.py",
        "functions/a/app.py",
    ]
    assert choose(changed, ROOT) == (["tests/functions", ALL], ["README.md"])
    assert choose(["docs/runs.md"], ROOT) == ([], ["docs/runs.md"])


def test_a_fake_calls_for_the_tests_that_import_it_one_of_each_folder_first(tmp_path: Path) -> None:
    for name, text in {
        "unit/a/test_1.py": "from tests.fakes.shop import Shop",
        "unit/a/test_2.py": "import tests.fakes.shop",
        "unit/a/test_3.py": "from tests.fakes.shopping import Cart",
        "unit/a/helper.py": "from tests.fakes.shop import Shop",
        "contracts/test_4.py": "from tests.fakes import other, shop",
        "integration/test_5.py": "from tests.fakes.shop import Shop",
    }.items():
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests" / name).write_text(text)
    wanted = ["tests/unit/a/test_1.py", "tests/contracts/test_4.py", "tests/unit/a/test_2.py"]
    assert sorted(readers_of("tests/fakes/shop.py", tmp_path)) == sorted(wanted)
    assert readers_of("tests/fakes/shop.py", tmp_path)[-1] == wanted[-1]
    assert choose(["tests/fakes/shop.py"], tmp_path) == (sorted(wanted), [])
    assert choose(["tests/fakes/nobodys.py"], tmp_path) == ([], ["tests/fakes/nobodys.py"])


def test_a_fake_that_many_tests_import_calls_for_some_and_is_said_to_be_left() -> None:
    for path in ("tests/fakes/transports.py", "tests/fakes/mimics/airtable.py"):
        assert readers_of(path, ROOT) != []
    chosen, left = choose(["tests/fakes/transports.py"], ROOT)
    assert len(chosen) == MOST_READERS
    assert left == ["tests/fakes/transports.py"]
    assert len({each.rpartition("/")[0] for each in chosen}) > MOST_READERS / 2


def test_a_kind_of_a_registry_calls_for_its_contract_too(tmp_path: Path) -> None:
    for folder in ("tests/unit/api/pagination", "tests/contracts"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "tests/contracts/test_auths.py").touch()
    path = "layers/de_classes/de_classes/api/pagination/by_page_token.py"
    chosen, left = choose([path, "tests/contracts/test_auths.py", "tests/contracts/test_gone.py"], tmp_path)
    assert chosen == [
        "tests/contracts/test_auths.py",
        "tests/contracts/test_registries.py",
        "tests/docs/test_registered.py",
        "tests/unit/api/pagination",
    ]
    assert left == ["tests/contracts/test_gone.py"]
    for tests in JOINED.values():
        assert all((ROOT / each).is_file() for each in tests)
