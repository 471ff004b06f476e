"""Cases that need no test each: one takes milliseconds to collect, in every process, to run and to report."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


FAILURES = (Exception, pytest.fail.Exception, BaseExceptionGroup)
"""What a test fails by; pytest's own refusals are no ordinary exceptions, nor is a group of them."""


def every(names: str, cases: Iterable[Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Use it like ``pytest.mark.parametrize``: one test tries each case, and tells all that fail by name.

    For cases that share no fixture which one could spoil for the next, such as ``tmp_path``. What else
    parametrizes the test, and its fixtures, stay what they are.

    Args:
        names: Of the arguments, with commas between them.
        cases: A value each, or a tuple of values where there are several names.

    Raises:
        ValueError: There is no case, so nothing would be shown.
    """
    arguments = [name.strip() for name in names.split(",")]
    values = [case if len(arguments) > 1 else (case,) for case in cases]
    if not values:
        raise ValueError(f"there is no case of {names}")

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def tried(**others: Any) -> None:
            failed: dict[str, BaseException] = {}
            for case in values:
                given = dict(zip(arguments, case, strict=True))
                try:
                    test(**others, **given)
                except FAILURES as error:
                    failed[", ".join(f"{name}={value!r}" for name, value in given.items())] = error
            if failed:
                said = f"{len(failed)} of {len(values)} cases failed: {'; '.join(failed)}"
                raise BaseExceptionGroup(said, list(failed.values()))

        signature = inspect.signature(test)
        left = [each for name, each in signature.parameters.items() if name not in arguments]
        tried.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
        return tried

    return decorate
