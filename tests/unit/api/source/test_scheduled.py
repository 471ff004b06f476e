from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.source import Source
from de_classes.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

SHOP = """version = 1
[sources.shop]
base_url = "https://api.shop.example"
parameters = { region = { default = "eu" } }
[sources.shop.resources.orders]
path = "/orders"
params = { region = "${region}" }
pagination = { type = "none" }
"""


def load(folder: Path, *lines: str) -> Source:
    file = folder / "shop.toml"
    file.write_text("\n".join([SHOP, *lines]), encoding="utf-8")
    return Source.load(file)


def test_a_resource_says_when_it_is_pulled_by_itself(tmp_path: Path) -> None:
    source = load(tmp_path, 'schedule = { rate = "1 hour", parameters = { region = "us" } }')
    (resource,) = source.scheduled
    assert resource.name == "shop.orders"
    assert resource.described.schedule is not None
    assert resource.described.schedule.parameters == {"region": "us"}
    assert load(tmp_path).scheduled == []


def test_one_that_comes_with_the_package_is_scheduled_by_its_name(tmp_path: Path) -> None:
    source = load(
        tmp_path,
        '[schedules."github.issues"]',
        'cron = "0 6 * * *"',
        'parameters = { owner = "python", repo = "cpython" }',
    )
    (resource,) = source.scheduled
    assert resource.name == "github.issues"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'schedule = { rate = "hourly" }',
            "shop.toml:10: sources.shop.resources.orders.schedule.rate must be",
        ),
        (
            'schedule = { cron = "0 6 * *" }',
            "shop.toml:10: sources.shop.resources.orders.schedule.cron '0 6 * *' has 4 fields",
        ),
        (
            'schedule = { rate = "1 hour", parameters = { regin = "us" } }',
            "schedule.parameters.regin is no parameter of the source: known are region",
        ),
        ('schedule = { rate = "1 hour", overlap = "queue" }', "schedule.overlap must be"),
        ('schedule = { rate = "1 hour", dataset = "../x" }', "schedule.dataset must be names with a slash"),
        ('schedule = { rate = "1 hour", every = 3 }', "schedule.every is unknown"),
        (
            '[schedules."shop.carts"]\nrate = "1 hour"',
            "shop.toml: schedules.shop.carts is neither here nor in the package",
        ),
        (
            '[schedules."github.issues"]\ncron = "x"',
            "shop.toml:11: schedules.github.issues.cron 'x' has 1 fields",
        ),
        (
            '[schedules."github.issues"]\nrate = "1 hour"\nparameters = { ower = "x" }',
            "schedules.github.issues.parameters.ower is no parameter of it",
        ),
        (
            'schedule = { rate = "1 hour" }\n[schedules."shop.orders"]\nrate = "2 hours"',
            "schedules.shop.orders has a schedule where it is described",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_line_before_anything_is_done(
    tmp_path: Path, line: str, problem: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, line)
    (told,) = caught.value.problems
    assert problem in told
