"""The layouts of what is written down: a number in every document, so that older code stops at newer ones.

The plan of a run, its journal, manifests, receipts and what is known of schedules outlive the code that wrote
them. Each is a JSON object with the number of its layout as ``version``; one without is of the first layout.
msgspec calls that a tag:

    class Invocation(Struct, tag_field="version", tag=layouts.JOURNAL): ...

Plans and manifests have it as a field: each is written in the oldest layout that says all of it.

A field that older code may ignore can be added under the same number. Any other change takes the next one,
under the same keys, so that older code finds it and stops. Code that writes a layout reads all before it.
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from de_classes.errors import NewerLayoutError
from de_classes.version import VERSION

PLAN: Final = 2
JOURNAL: Final = 1
MANIFEST: Final = 2
RECEIPT: Final = 1
WAY_ON: Final = 1
SCHEDULE: Final = 1
PLACES: Final = 1


class _Numbered(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(lt=1_000_000)] = 1  # anything longer would fill a message


_DECODER = msgspec.json.Decoder(_Numbered)


def check_layout(body: bytes, key: str, newest: int) -> None:
    """Make sure that no newer code wrote a document. What is no document at all is for its reader to refuse.

    Args:
        body: The document.
        key: Its key, for the message.
        newest: The newest layout of such documents that this code reads.

    Raises:
        NewerLayoutError: It is of a later one: nothing in it can be relied on.
    """
    try:
        layout = _DECODER.decode(body).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return
    if layout > newest:
        raise NewerLayoutError(
            f"{key} was written by a newer de-classes, in layout {layout}: this is de-classes {VERSION}, and "
            f"reads such documents up to layout {newest}; update it"
        )
