from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_type_hints

import pytest

from de_classes.api.receipt import IngestReceipt
from de_classes.errors import NewerLayoutError
from de_classes.runs.journal import Invocation
from de_classes.runs.plan import RunPlan
from de_classes.runs.progress import SealedPart
from de_classes.storage.datasets.manifest import Manifest
from de_classes.utils import layouts
from de_classes.utils.layouts import check_layout
from de_classes.version import VERSION

if TYPE_CHECKING:
    from msgspec import Struct


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"version":2}',
        b'{"version":1,"parts":[]}',
        b'{"version":-1}',
        b'{"version":"99"}',
        b'{"version":99.5}',
        b'{"version":' + b"9" * 1_000 + b"}",
        b'{"version":null}',
        b"[99]",
        b"",
        b"\xff",
        b'{"a":' + b"[" * 100_000,
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)
def test_what_is_known_and_what_is_no_document_is_left_to_its_reader(body: bytes) -> None:
    check_layout(body, "key", 2)


@pytest.mark.parametrize("body", [b'{"version":3}', b'{"a":{"version":1},"version":3}'])
def test_a_newer_layout_is_refused_by_its_number_whatever_else_is_there(body: bytes) -> None:
    with pytest.raises(NewerLayoutError) as caught:
        check_layout(body, "raw/plan.json", 2)
    assert str(caught.value) == (
        "raw/plan.json was written by a newer de-classes, in layout 3: "
        f"this is de-classes {VERSION}, and reads such documents up to layout 2; update it"
    )


@pytest.mark.parametrize(
    ("kind", "newest"),
    [
        (Invocation, layouts.JOURNAL),
        (SealedPart, layouts.JOURNAL),
        (IngestReceipt, layouts.RECEIPT),
    ],
)
def test_every_kind_of_document_is_written_in_the_newest_layout_that_is_read(
    kind: type[Struct], newest: int
) -> None:
    config = kind.__struct_config__
    assert (config.tag_field, config.tag) == ("version", newest)


@pytest.mark.parametrize(("kind", "newest"), [(RunPlan, layouts.PLAN), (Manifest, layouts.MANIFEST)])
def test_plans_and_manifests_can_say_every_layout_that_is_read(kind: type[Struct], newest: int) -> None:
    assert get_args(get_type_hints(kind)["version"]) == tuple(range(1, newest + 1))
