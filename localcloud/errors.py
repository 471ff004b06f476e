"""What the local cloud raises on purpose."""

from __future__ import annotations

from de_classes.redaction import escaped_lines


class LocalCloudError(Exception):
    """Something the user can mend; the message says what, and quotes what other programs wrote."""

    def __init__(self, message: str) -> None:
        super().__init__(escaped_lines(message))
