"""What holds for every test."""

from __future__ import annotations

from hypothesis import settings

# Tests do not time: on a busy machine any example may be slow. What a failure needs is in its message.
settings.register_profile("de-classes", deadline=None, database=None, print_blob=True)
settings.load_profile("de-classes")
