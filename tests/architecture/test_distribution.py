"""What ``pip install de-classes`` gives: built, installed and used on every Python there is."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from de_classes.simulators.server import SimulatorServer
from de_classes.simulators.settings import SimulatorSettings
from de_classes.version import VERSION
from tests.fakes.sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.package]

LIBRARY = ROOT / "layers" / "de_classes" / "de_classes"
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")
TYPED_CODE = """
from de_classes.api.auth_client import AuthClient
from de_classes.api.unstable_api_client import UnstableAPIClient

client = UnstableAPIClient("https://api.example", AuthClient("https://api.example/login", "ada", "secret"))
wrong: int = client.url
"""


def run(
    *command: str | Path, folder: Path | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    return subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def done(*command: str | Path, folder: Path | None = None) -> str:
    result = run(*command, folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def uv() -> Path:
    return Path(sys.executable).parent / "uv"


def python_of(version: str) -> str:
    """That Python of this machine, which is always there if it is our own; none is fetched."""
    found = run(LIBRARY / "cli" / "find-compiler.sh", version, UV=str(uv()))
    if found.returncode and version != f"{sys.version_info.major}.{sys.version_info.minor}":
        pytest.skip(f"this machine has no Python {version}")
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout.strip()


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and with the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("distribution")
    done(uv(), "build", "--quiet", "--out-dir", folder, ROOT)
    return folder


@pytest.fixture
def wheel(distribution: Path) -> Path:
    return distribution / f"de_classes-{VERSION}-py3-none-any.whl"


def test_the_wheel_holds_the_library_with_its_descriptions_and_types_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {f"de_classes/{path.relative_to(LIBRARY)}" for path in LIBRARY.rglob("*") if path.is_file()}
    assert held == {name for name in ours if "__pycache__" not in name}
    assert {"de_classes/py.typed", "de_classes/api/source/shipped/github.toml"} <= held


def test_the_source_distribution_holds_what_a_wheel_is_made_of(distribution: Path, wheel: Path) -> None:
    with tarfile.open(distribution / f"de_classes-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    library = {f"layers/de_classes/{n}" for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    beside = {"PKG-INFO", "README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore"}
    assert names == library | beside


@pytest.mark.parametrize("version", SUPPORTED)
def test_an_installed_command_ingests_and_names_what_the_default_format_needs(
    version: str, wheel: Path, tmp_path: Path
) -> None:
    home = tmp_path / "env"
    python, program = home / "bin" / "python", home / "bin" / "de-classes"
    done(uv(), "venv", "--quiet", "--python", python_of(version), home)
    install = (
        uv(),
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        ROOT / "requirements/dev.txt",
    )
    done(*install, wheel)
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "password").chmod(0o600)
    settings = SimulatorSettings(total_records=250, jitter_seconds=0)
    with SimulatorServer(settings, username="ada", password="correct horse") as server:
        words = (
            "ingest",
            server.base_url,
            "--username",
            "ada",
            "--password-file",
            "password",
            "--to",
            "lake",
        )
        refused = run(program, *words, folder=tmp_path)
        assert (refused.returncode, list(tmp_path.glob("lake/*"))) == (1, [])
        assert "pip install 'de-classes[parquet]'" in refused.stderr
        assert done(program, *words, "--format", "jsonl", folder=tmp_path).startswith("complete: 250 records")
        assert len((tmp_path / "lake" / "records.jsonl").read_text().splitlines()) == 250
        assert "de-classes[completion]" in run(program, "--completion", "bash", folder=tmp_path).stderr
        done(*install, f"{wheel}[parquet,completion]")
        assert "complete -o" in done(program, "--completion", "bash", folder=tmp_path)
        assert done(program, *words, folder=tmp_path).startswith("complete: 250 records")
    assert done(python, "-m", "de_classes", "check", "--help").startswith("usage:")


def test_who_uses_it_is_held_to_its_types(wheel: Path, tmp_path: Path) -> None:
    home, python = tmp_path / "env", tmp_path / "env" / "bin" / "python"
    done(uv(), "venv", "--quiet", "--python", sys.executable, home)
    done(uv(), "pip", "install", "--quiet", "--python", python, "--no-deps", wheel)
    (tmp_path / "mine.py").write_text(TYPED_CODE)
    checked = run(
        sys.executable,
        "-m",
        "mypy",
        "--python-executable",
        python,
        "--follow-imports",
        "silent",
        "mine.py",
        folder=tmp_path,
    )
    assert "mine.py:6: error: Incompatible types in assignment" in checked.stdout
    assert "Found 1 error in 1 file" in checked.stdout
