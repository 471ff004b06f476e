"""Put a mutant in the place of what is imported already, or is about to be."""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from tools.mutation.mutants import Mutant

    Functions = defaultdict[tuple[str, str], list[FunctionType]]


class GraftError(Exception):
    """A function that is not there, or has another shape: the module has to be imported anew."""


def functions_of(paths: Container[str]) -> Functions:
    """Every function that was made from these files until now, by file and qualified name."""
    found: Functions = defaultdict(list)
    for value in gc.get_objects():
        if type(value) is FunctionType and value.__code__.co_filename in paths:
            found[value.__code__.co_filename, value.__code__.co_qualname].append(value)
    return found


def exchange(mutant: Mutant, functions: Functions) -> None:
    """Give the functions of the mutant's name its code; whoever holds such a function runs the mutant.

    Raises:
        GraftError: There is none, or the code does not fit.
    """
    put_code(mutant.compiled(), mutant.scope, functions[str(mutant.path), mutant.scope])


def put_code(module: CodeType, name: str, functions: Sequence[FunctionType]) -> None:
    """Give functions of that name the code that they have in a module.

    Raises:
        GraftError: There is no such function, or the code does not fit.
    """
    codes = {code.co_firstlineno: code for code in _codes(module, name)}
    try:
        for function in functions:
            function.__code__ = codes[function.__code__.co_firstlineno]
    except (KeyError, ValueError) as error:
        raise GraftError(name) from error
    if not functions:
        raise GraftError(name)


def intercept(mutant: Mutant, module: str) -> None:
    """Have the module's first import bring the mutant."""
    sys.meta_path.insert(0, _Finder(mutant, module))


class _Loader(SourceFileLoader):
    def __init__(self, mutant: Mutant, module: str) -> None:
        super().__init__(module, str(mutant.path))
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return self._mutant.compiled()


class _Finder:
    def __init__(self, mutant: Mutant, module: str) -> None:
        self._mutant = mutant
        self._module = module

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self._module:
            return None
        return spec_from_file_location(name, self._mutant.path, loader=_Loader(self._mutant, name))


def _codes(code: CodeType, name: str) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from [constant] if constant.co_qualname == name else _codes(constant, name)
