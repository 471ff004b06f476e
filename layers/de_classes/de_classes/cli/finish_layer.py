"""Finish an installed layer: only what imports load, bytecode for every module, the same bytes each time.

Usage: ``finish_layer.py FOLDER VERSION``, by the Python of the runtime that the layer is for: only that one
compiles its bytecode. FOLDER holds ``python/``. Uses the standard library only, and is run as a file: the
layer that is finished may hold it, and nothing else of the library need be there.
"""

from __future__ import annotations

import py_compile
import shutil
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOUNTED_AT = "/opt"  # where Lambda unpacks layers, and so what a traceback names
# What compilers, type checkers, test runners and browsers read, and no import does.
UNUSED_FOLDERS = ("tests", "include")
UNUSED_NAMES = ("RECORD",)  # an installer's list of files, as they were before they were finished
UNUSED_SUFFIXES = (".a", ".c", ".css", ".h", ".hpp", ".js", ".pc", ".pxd", ".pxi", ".pyi", ".pyx")
# What no function imports, by package, as patterns below it.
UNUSED_IN = {
    # Nobody types words to a function or looks at one in a browser; psycopg has its layer, DuckDB none.
    "de_classes": (
        *("cli", "checks", "html", "__main__.py", "api/source/guessing", "pipelines/postgres"),
        *("sql", "utils/command_line.py"),
        *(f"simulators/{name}" for name in ("cli.py", "http_handler.py", "page", "server.py")),
    ),
    "pyarrow": ("src", "**/*flight*"),  # Parquet needs neither sources nor a server
    # pydantic, jsonpath-ng and fastjsonschema are in no layer, so these cannot be imported
    "aws_lambda_powertools": ("utilities/parser", "utilities/data_masking", "utilities/validation"),
}
# All that there is of de_classes beside psycopg: what calls that, and the other layer leaves out.
PART_ON_PURPOSE = {"pipelines"}
FOLDER_MODE, FILE_MODE, PROGRAM_MODE = 0o755, 0o644, 0o755

_ELF_64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
_PROGRAM_TABLE = struct.Struct("<32xQ14xHH")  # offset; entry size, entries
_SEGMENT = struct.Struct("<8xQ16xQ")  # offset, size in the file
_SECTION_TABLE_OFFSET, _SECTION_COUNTS = slice(40, 48), slice(58, 64)


class LayerError(Exception):
    """The layer must not be shipped; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Finish one layer; the exit status is 0 when it can be shipped."""
    folder, version = arguments
    try:
        finish(Path(folder), version)
    except LayerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def finish(folder: Path, version: str) -> None:
    """Prune, strip, compile and normalise a layer in place.

    Args:
        folder: Its top, as Lambda unpacks it.
        version: Of the Python it is for, as ``3.13``.

    Raises:
        LayerError: Another Python runs this, or a module cannot be compiled.
    """
    running = ".".join(map(str, sys.version_info[:2]))
    if running != version:
        raise LayerError(f"Python {running} cannot compile a layer for Python {version}")
    prune(folder)
    for library in _libraries(folder):
        strip(library)
    compile_modules(folder)
    normalise(folder)


def prune(folder: Path) -> None:
    """Remove what no import loads, what no function imports, and what was compiled for another path."""
    for package, patterns in UNUSED_IN.items():
        top = folder / "python" / package
        if top.exists() and {path.name for path in top.iterdir()} == PART_ON_PURPOSE:
            continue
        for pattern in patterns:
            for path in top.glob(pattern):
                _remove(path)
    _prune_names(folder / "python" / "pyarrow")
    for path in _entries(folder):
        if path.is_dir() and path.name in (*UNUSED_FOLDERS, "__pycache__"):
            shutil.rmtree(path)
        elif (path.suffix in UNUSED_SUFFIXES or path.name in UNUSED_NAMES) and path.is_file():
            path.unlink()
    for path in reversed(_entries(folder)):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _prune_names(package: Path) -> None:
    """Keep the one name that the loader asks for, ``libarrow.so.2500``, of three copies of a library."""
    for library in package.glob("lib*.so.*.*.*"):
        stem, _, version = library.name.partition(".so.")
        if (package / f"{stem}.so.{version.partition('.')[0]}").exists():
            library.unlink()
            (package / f"{stem}.so").unlink(missing_ok=True)


def _remove(path: Path) -> None:
    """A file, or a folder with all that is in it, if an earlier one did not take it along."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def strip(library: Path) -> None:
    """Cut off what lies behind the last segment that is loaded: symbols, debug data, the section table.

    The same for every processor, unlike a ``strip`` program; and as nothing that is loaded moves, safe for
    libraries that were patched, which ``strip`` breaks.
    """
    content = bytearray(library.read_bytes())
    table, entry_size, entries = _PROGRAM_TABLE.unpack_from(content)
    ends = (sum(_SEGMENT.unpack_from(content, table + number * entry_size)) for number in range(entries))
    end = max(table + entry_size * entries, *ends)
    if end < len(content):
        content[_SECTION_TABLE_OFFSET] = bytes(8)
        content[_SECTION_COUNTS] = bytes(6)
        library.write_bytes(content[:end])


def compile_modules(folder: Path) -> None:
    """Write bytecode that is used unasked: an archive has not the dates of the sources.

    Raises:
        LayerError: A module has a syntax that this Python does not know.
    """
    for source in sorted(folder.rglob("*.py")):
        try:
            py_compile.compile(
                str(source),
                dfile=f"{MOUNTED_AT}/{source.relative_to(folder).as_posix()}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError as error:
            raise LayerError(f"{source}: {error.msg}") from error


def normalise(folder: Path) -> None:
    """Set the modes that Lambda can read, whatever those of the builder's files are."""
    for path in [folder, *_entries(folder)]:
        plain = FOLDER_MODE if path.is_dir() else FILE_MODE
        path.chmod(PROGRAM_MODE if path.suffix == ".so" else plain)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def _libraries(folder: Path) -> Iterator[Path]:
    for path in _entries(folder):
        if path.is_file() and ".so" in path.suffixes and _is_elf(path):
            yield path


def _is_elf(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_ELF_64_LITTLE_ENDIAN)) == _ELF_64_LITTLE_ENDIAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
