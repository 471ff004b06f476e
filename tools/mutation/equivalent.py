"""Mutants that no test can tell from the original: they change what is written, not what is done."""

from __future__ import annotations

from typing import Final

EQUIVALENT: Final[dict[str, dict[str, str]]] = {}
"""By module, the mutant's name and why it is none. Short: when in doubt, a survivor stays one."""
