"""Mutants that no test can tell from the original: they change what is written, not what is done."""

from __future__ import annotations

from typing import Final

_NEVER = "the branch is for type checkers: no call leads there"
_UNREAD = "the value is replaced before it is first read"
_GARBAGE = "both are equally little of what is looked for"

EQUIVALENT: Final[dict[str, dict[str, str]]] = {
    "api/retry": {
        "RetryPolicy.wait: 62 -> 63": "a wait is capped long before it was doubled as often",
        "module: 'T' -> ''": "the name of a type variable",
        "_failure: state.outcome.exception() if state.outcome else None"
        " -> state.outcome.exception() if True else None": _NEVER,
        "_failure: if not isinstance(error, RetryableError) -> if False": _NEVER,
        "_failure: raise TypeError(f'only a RetryableError is retried, not {error!r}') -> pass": _NEVER,
    },
    "api/retry_after": {"parse_retry_after: '' -> 'mutated'": _GARBAGE},
    "api/status": {"_redirect_error: '' -> 'mutated'": _GARBAGE},
    "api/auth_client": {
        "AuthClient.__init__: self._refresh_at = 0.0 -> pass": _UNREAD,
        "AuthClient.__init__: 0.0 -> 1.0": _UNREAD,
        "AuthClient.__init__: self._issued_at = 0.0 -> pass": _UNREAD,
        "AuthClient.__init__: 0.0 -> 1.0 #2": _UNREAD,
        "AuthClient.get_token: self._token.value if self._token else ''"
        " -> self._token.value if True else ''": _NEVER,
        "AuthClient.get_token: '' -> 'mutated'": _NEVER,
    },
    "api/pagination": {"LinkHeaderPagination.request_after: '' -> 'mutated'": _GARBAGE},
    "api/walk": {"NumberedWalk._restore: any -> all": "there is exactly one such entry"},
}
"""By module, the mutant's name and why it is none. Short: when in doubt, a survivor stays one."""
