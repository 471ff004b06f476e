"""Packages whose names are loaded when they are first used (PEP 562): a process pays for what it uses."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def loaded_on_use(
    package: str, homes: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The ``__getattr__`` and the ``__dir__`` of a package; type checkers need its imports besides.

    Args:
        package: Its ``__name__``.
        homes: By module of the package, the names that it exports from there.
    """
    home_of = {name: module for module, names in homes.items() for name in names}

    def load(name: str) -> Any:  # noqa: ANN401 - the type is the one that the package imports for type checkers
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{home_of[name]}"), name)

    return load, lambda: sorted(home_of)
