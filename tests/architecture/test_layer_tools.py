"""How a layer is finished, in the small: what goes, what stays, and when it is refused."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from typing import TYPE_CHECKING

import pytest
from msgspec import _core as compiled_library

from de_classes.cli import finish_layer
from tests.fakes.sources import ROOT
from tests.fakes.template import template
from tools import layers
from tools.layer_documents import TABLE_BEGIN, TABLE_END, packages, replace_table
from tools.layers import LAYERS

if TYPE_CHECKING:
    from pathlib import Path

VERSION = ".".join(map(str, sys.version_info[:2]))
FINDER = layers.FINDER


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    package = tmp_path / "python" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("NAMES = {'a', 'b'}\n")
    return tmp_path


def find(version: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {"PATH": os.defpath, **environment}
    command = [str(FINDER), version, *options]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


class FakeUv:
    """A ``uv`` that has no Python until it is told to install one; it notes what it is told."""

    def __init__(self, folder: Path, *, online: bool) -> None:
        self.path, self.python, self._notes = folder / "uv", folder / "fetched", folder / "notes"
        self.path.write_text(
            f"""#!/bin/sh
echo "$*" >> {self._notes}
case "$2" in
    install)
        {(online and "true") or "{ echo a long story of DNS >&2; exit 1; }"}
        printf '#!/bin/sh\\necho 3.99\\n' > {self.python}; chmod +x {self.python} ;;
    find) [ -e {self.python} ] && echo {self.python} ;;
esac
"""
        )
        self.path.chmod(0o755)

    @property
    def told(self) -> list[str]:
        return self._notes.read_text().splitlines()


def test_a_python_that_is_not_there_is_fetched_by_uv_and_taken(tmp_path: Path) -> None:
    uv = FakeUv(tmp_path, online=True)
    done = find("3.99", "--fetch", UV=str(uv.path))
    assert (done.returncode, done.stdout.strip()) == (0, str(uv.python))
    assert [line for line in uv.told if "install" in line] == ["python install --no-bin 3.99"]
    find("3.99", "--fetch", UV=str(uv.path))
    assert sum("install" in line for line in uv.told) == 1  # what was fetched is found


def test_where_none_can_be_fetched_one_line_says_what_for_and_how_to_get_it(tmp_path: Path) -> None:
    done = find("3.99", "--fetch", UV=str(FakeUv(tmp_path, online=False).path))
    assert (done.returncode, done.stdout) == (1, "")
    attempt, said = done.stderr.splitlines()
    assert attempt.startswith("fetching Python 3.99")
    assert "layers needs Python 3.99" in said
    assert "uv python install 3.99" in said
    assert "LAYER_COMPILER=/path/to/python3.99" in said


def test_nothing_is_fetched_by_those_who_only_ask(tmp_path: Path) -> None:
    uv = FakeUv(tmp_path, online=True)
    assert find("3.99", UV=str(uv.path)).returncode == 1
    assert not any("install" in line for line in uv.told)


def test_what_no_import_loads_goes_and_what_one_does_stays(layer: Path) -> None:
    package = layer / "python" / "package"
    for name in (
        "tests/test_it.py",
        "include/a.h",
        "fast.pyx",
        "fast.pyi",
        "stubs/only.pyi",
        "RECORD",
        "data.json",
    ):
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text("")
    finish_layer.prune(layer)
    left = {path.relative_to(package).as_posix() for path in package.rglob("*")}
    assert left == {"__init__.py", "data.json"}


def test_what_calls_psycopg_stays_in_a_layer_that_has_nothing_else_of_the_library(layer: Path) -> None:
    path = layer / "python" / "de_classes" / "pipelines" / "postgres" / "loader.py"
    path.parent.mkdir(parents=True)
    path.write_text("")
    finish_layer.prune(layer)
    assert path.exists()
    (layer / "python" / "de_classes" / "handler.py").write_text("")
    finish_layer.prune(layer)
    assert not path.exists()


def test_what_no_function_imports_goes_and_one_name_stays_of_a_librarys_three(layer: Path) -> None:
    before = (
        *(
            "de_classes/handler.py",
            "de_classes/cli/new.py",
            "de_classes/html/page.py",
            "de_classes/__main__.py",
        ),
        *("de_classes/api/source/guessing/guess.py", "de_classes/api/source/binding.py"),
        *("pyarrow/libarrow.so", "pyarrow/libarrow.so.2500", "pyarrow/libarrow.so.2500.1.0"),
        *("pyarrow/libalone.so.1.2.3", "pyarrow/libarrow_flight.so.2500", "pyarrow/src/arrow.cc"),
        *("pyarrow/vendored/flight_server.py", "pyarrow/parquet.py", "other/cli/kept.py"),
    )
    for name in before:
        (layer / "python" / name).parent.mkdir(parents=True, exist_ok=True)
        (layer / "python" / name).write_text("")
    finish_layer.prune(layer)
    left = {path.relative_to(layer / "python").as_posix() for path in layer.rglob("*") if path.is_file()}
    assert left == {
        *("de_classes/handler.py", "de_classes/api/source/binding.py", "other/cli/kept.py"),
        *(
            "package/__init__.py",
            "pyarrow/libarrow.so.2500",
            "pyarrow/libalone.so.1.2.3",
            "pyarrow/parquet.py",
        ),
    }


def test_a_stripped_library_is_smaller_and_still_loads(tmp_path: Path) -> None:
    library = tmp_path / "library.so"
    shutil.copy(str(compiled_library.__file__), library)
    with library.open("ab") as file:
        file.write(b"debug data" * 1000)
    before = library.stat().st_size
    finish_layer.strip(library)
    assert library.stat().st_size <= before - 10_000
    assert ctypes.PyDLL(str(library)).PyInit__core
    once = library.read_bytes()
    finish_layer.strip(library)
    assert library.read_bytes() == once


def test_a_layer_is_compiled_for_the_place_where_it_is_unpacked(layer: Path) -> None:
    finish_layer.finish(layer, VERSION)
    (compiled,) = layer.rglob("*.pyc")
    assert compiled.name == f"__init__.{sys.implementation.cache_tag}.pyc"
    assert b"/opt/python/package/__init__.py" in compiled.read_bytes()
    assert compiled.stat().st_mode & 0o777 == 0o644


def test_another_python_than_lambdas_is_refused(layer: Path) -> None:
    with pytest.raises(finish_layer.LayerError, match="cannot compile a layer"):
        finish_layer.finish(layer, "3.99")
    assert finish_layer.main([str(layer), "3.99"]) == 1


def test_a_module_that_cannot_be_compiled_is_told_not_left_out(layer: Path) -> None:
    (layer / "python" / "package" / "odd.py").write_text("def (:\n")
    with pytest.raises(finish_layer.LayerError, match=r"odd\.py"):
        finish_layer.finish(layer, VERSION)


def test_the_compiler_that_is_named_is_taken() -> None:
    done = find(VERSION, LAYER_COMPILER=sys.executable)
    assert (done.returncode, done.stdout.strip()) == (0, sys.executable)


def test_a_named_compiler_of_another_version_is_refused_not_replaced() -> None:
    done = find("3.99", LAYER_COMPILER=sys.executable)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "LAYER_COMPILER=" in done.stderr


def test_nothing_is_fetched_in_place_of_a_compiler_that_is_named(tmp_path: Path) -> None:
    uv = FakeUv(tmp_path, online=True)
    done = find("3.99", "--fetch", UV=str(uv.path), LAYER_COMPILER=sys.executable)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (tmp_path / "notes").exists()


def test_the_builds_agree_on_the_python_of_the_template() -> None:
    runtime = template()["Globals"]["Function"]["Runtime"]
    if isinstance(runtime, dict):  # a parameter
        runtime = template()["Parameters"][runtime["Ref"]]["Default"]
    makefile = (ROOT / "layers" / "layer.mk").read_text()
    assert runtime == f"python{layers.RUNTIME}"
    assert f"LAYER_PYTHON_VERSION ?= {layers.RUNTIME}\n" in makefile


def test_a_broken_python_on_the_path_is_passed_over(tmp_path: Path) -> None:
    broken = tmp_path / f"python{VERSION}"
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    folder = sysconfig.get_config_var("BINDIR")
    done = find(VERSION, PATH=f"{tmp_path}{os.pathsep}{folder}{os.pathsep}{os.defpath}")
    assert done.stdout.strip() == f"{folder}/python{VERSION}"


@pytest.mark.parametrize("runtime", template()["Parameters"]["PythonRuntime"]["AllowedValues"])
def test_a_layer_is_built_for_any_python_that_the_template_offers(tmp_path: Path, runtime: str) -> None:
    """The wheels, and the compiler of the bytecode: another one is not taken for it."""
    version = runtime.removeprefix("python")
    compiler = tmp_path / f"python{version}"
    compiler.write_text(f"#!/bin/sh\necho {version}\n")
    compiler.chmod(0o755)
    variables = {"ARTIFACTS_DIR": str(tmp_path), "LAYER_PYTHON": "", "LAYER_COMPILER": str(compiler)}
    done = subprocess.run(
        [
            shutil.which("make") or "make",
            "--dry-run",
            "--file",
            str(ROOT / "layers" / "de_classes" / "Makefile"),
            "build-DeClassesLayer",
        ],
        env={**os.environ, **variables, "LAYER_PYTHON_VERSION": version},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"--python-version {version} " in done.stdout
    assert f'"{compiler}" -s' in done.stdout
    assert f'"{tmp_path}" "{version}"' in done.stdout


def test_a_layer_is_not_built_without_a_compiler(tmp_path: Path) -> None:
    makefile = ROOT / "layers" / "de_classes" / "Makefile"
    variables = {
        **os.environ,
        "ARTIFACTS_DIR": str(tmp_path),
        "UV": sys.executable,
        "LAYER_PYTHON": "",
        "LAYER_COMPILER": "no-such-python",
    }
    done = subprocess.run(
        [shutil.which("make") or "make", "-s", "-f", str(makefile), "build-DeClassesLayer"],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "LAYER_COMPILER=" in done.stderr
    assert list(tmp_path.iterdir()) == []


def make_layer(
    top: Path, folder: str, name: str, *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """What SAM runs, as it runs it: by nothing but the place of the Makefile."""
    makefile = str(top / "layers" / folder / "Makefile")
    command = [shutil.which("make") or "make", *options, "--makefile", makefile, f"build-{name}"]
    told = {"PATH": os.defpath, "ARTIFACTS_DIR": str(top / "artifacts"), **variables}
    return subprocess.run(command, cwd=top, env=told, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("runtime", template()["Parameters"]["PythonRuntime"]["AllowedValues"])
@pytest.mark.parametrize(("architecture", "machine"), [("arm64", "aarch64"), ("x86_64", "x86_64")])
def test_a_layer_is_built_for_the_processor_and_the_python_of_the_template(
    architecture: str, machine: str, runtime: str, name: str
) -> None:
    # The variables say otherwise, as they may in a shell: what the template says counts.
    otherwise = {"LAYER_ARCH": "other", "LAYER_PYTHON_VERSION": "3.0", "LAYER_COMPILER": sys.executable}
    done = make_layer(ROOT, f"{architecture}/{runtime}", name, "--dry-run", **otherwise)
    version = runtime.removeprefix("python")
    assert f"--python-platform {machine}-manylinux_2_28 --python-version {version}" in done.stdout, (
        done.stderr
    )
    assert f"/layers/{LAYERS[name]}/requirements.txt" in done.stdout


def test_the_projects_own_uv_is_found_though_it_is_not_on_the_path() -> None:
    done = make_layer(ROOT, "x86_64/python3.13", "SdkLayer", "--dry-run", LAYER_COMPILER=sys.executable)
    assert f"{ROOT}/.venv/bin/uv pip install" in done.stdout, done.stderr


def test_without_any_uv_a_line_says_what_to_run(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "layers", tmp_path / "layers", ignore=shutil.ignore_patterns("de_classes/de_classes")
    )
    shutil.copytree(ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    done = make_layer(tmp_path, "x86_64/python3.13", "SdkLayer", LAYER_COMPILER=sys.executable)
    assert done.returncode != 0
    assert (
        "no uv to build layers with: run 'make env-dev' once, which installs it" in done.stderr.splitlines()
    )


@pytest.mark.parametrize("section", ["local_invoke", "local_start_api", "local_start_lambda"])
@pytest.mark.parametrize("environment", ["default", "arm64"])
def test_plain_sam_local_reads_the_variables_that_sam_build_leaves(environment: str, section: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())[environment]
    assert config[section]["parameters"]["env_vars"] == ".aws-sam/env-by-sam-build.json"
    assert "variables := $(top)/.aws-sam/env-by-sam-build.json" in (ROOT / "layers" / "build.mk").read_text()
    assert not any(
        "parameter_overrides" in each["parameters"] for name, each in config.items() if name != "global"
    )


def test_what_was_built_for_one_environment_is_never_run_or_deployed_as_anothers() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    folders = []
    for environment, sections in config.items():
        if environment == "version":
            continue
        told = {command: each["parameters"] for command, each in sections.items()}
        folders.append(told["build"].get("build_dir", ".aws-sam/build"))
        for command in told.keys() - {"global", "build", "validate"}:
            template_file = told[command].get("template_file", ".aws-sam/build/template.yaml")
            assert template_file == f"{folders[-1]}/template.yaml", (environment, command)
    assert len(set(folders)) == len(folders) > 1


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT\n", "MIT"),
        ("License: Apache License 2.0\n", "Apache-2.0"),
        ("Classifier: License :: OSI Approved :: MIT License\n", "MIT"),
        (
            "License: long\n        text\nClassifier: License :: OSI Approved :: BSD License\n",
            "BSD-3-Clause",
        ),
        ("Summary: says nothing\n", "not stated"),
    ],
)
def test_a_licence_is_read_from_wherever_a_package_states_it(
    tmp_path: Path, metadata: str, licence: str
) -> None:
    info = tmp_path / "python" / "package-1.0.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "licenses" / "LICENSE.txt").write_text("terms")
    (info / "METADATA").write_text(f"Name: package\nVersion: 1.0\n{metadata}")
    (package,) = packages(tmp_path)
    assert (package.name, package.version, package.licence, package.texts) == ("package", "1.0", licence, 1)


def test_a_table_is_replaced_and_the_rest_of_the_page_is_kept(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{TABLE_BEGIN}\nold\n{TABLE_END}\nafter\n")
    replace_table(page, "new\n")
    assert page.read_text() == f"before\n{TABLE_BEGIN}\nnew\n{TABLE_END}\nafter\n"
