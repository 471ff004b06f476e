from __future__ import annotations

import pytest

from de_classes.simulators.same_origin import foreign_part

PAGE = "http://127.0.0.1:8765"


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8765", "localhost:8765", "LOCALHOST:1", "localhost", "[::1]:8765", "[::1]", "127.8.8.8:9"],
)
def test_a_program_on_this_machine_is_none_of_elsewhere(host: str) -> None:
    assert foreign_part([host], [], []) is None


def test_an_old_client_that_names_no_host_is_let_in() -> None:
    assert foreign_part([], [], []) is None


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example:8765",
        "rebound.example",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example",
        "localhost.",
        "127.0.0.1@rebound.example",
        "10.0.0.1:8765",
        "0.0.0.0:8765",
        "[::1",
        "[::ffff:10.0.0.1]",
        "",
        "127.0.0.1, rebound.example",
    ],
)
def test_a_name_that_is_pointed_here_is_foreign(host: str) -> None:
    assert foreign_part([host], [], []) == "Host"


def test_one_foreign_host_of_two_is_enough() -> None:
    assert foreign_part(["127.0.0.1:8765", "rebound.example"], [], []) == "Host"


@pytest.mark.parametrize(
    "origin",
    [
        "https://page.example",
        "null",
        "",
        "http://127.0.0.1",
        "http://127.0.0.1:8766",
        "http://localhost:8765",
        "http://127.0.0.1:8765.page.example",
        "127.0.0.1:8765",
    ],
)
def test_a_page_of_another_origin_is_foreign(origin: str) -> None:
    assert foreign_part(["127.0.0.1:8765"], [origin], []) == "Origin"


def test_an_origin_without_a_host_to_compare_is_foreign() -> None:
    assert foreign_part([], [PAGE], []) == "Origin"


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "None"])
def test_a_page_of_another_site_is_foreign(site: str) -> None:
    assert foreign_part(["127.0.0.1:8765"], [], [site]) == "Sec-Fetch-Site"


def test_its_own_page_and_an_address_typed_by_the_user_are_let_in() -> None:
    assert foreign_part(["127.0.0.1:8765"], [PAGE], ["same-origin"]) is None
    assert foreign_part(["localhost:8765"], ["http://LOCALHOST:8765"], ["same-origin"]) is None
    assert foreign_part(["127.0.0.1:8765"], [], ["none"]) is None
