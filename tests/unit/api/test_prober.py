from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.page import Page
from de_classes.api.pagination import PageRequest
from de_classes.api.walk import REFUSALS, Prober
from de_classes.errors import DeClassesError, NetworkError, RequestRejectedError, RetriesExhaustedError

if TYPE_CHECKING:
    from de_classes.api.walk import FetchPage

REQUEST = PageRequest(7)


def answering(answer: Page | DeClassesError) -> FetchPage:
    def fetch(request: PageRequest) -> Page:
        assert request == REQUEST
        if isinstance(answer, DeClassesError):
            raise answer
        return answer

    return fetch


def test_every_answer_that_is_asked_for_is_counted() -> None:
    page = Page(7, [{"id": 1}], {})
    prober = Prober(answering(page))
    assert (prober.requests, prober.ask(REQUEST), prober.ask_once(REQUEST), prober.requests) == (
        0,
        page,
        page,
        2,
    )


def test_a_glance_where_a_run_goes_on_is_not_counted() -> None:
    page = Page(7, [], {})
    prober = Prober(answering(page))
    assert (prober.glance(REQUEST), prober.requests) == (page, 0)


@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_a_refusal_of_a_page_is_no_page(status: int) -> None:
    prober = Prober(answering(RequestRejectedError("no such page", status=status)))
    assert (prober.ask(REQUEST), prober.ask_once(REQUEST), prober.requests) == (None, None, 2)


@pytest.mark.parametrize("status", [401, 403, 405, 409, 451])
def test_another_refusal_is_an_error_unless_the_request_was_a_guess(status: int) -> None:
    prober = Prober(answering(RequestRejectedError("no", status=status)))
    with pytest.raises(RequestRejectedError):
        prober.ask(REQUEST)
    assert prober.ask_once(REQUEST) is None
    assert prober.requests == 2


def test_a_guess_is_made_in_one_attempt() -> None:
    page = Page(7, [{"id": 1}], {})
    prober = Prober(answering(RetriesExhaustedError("down", attempts=3)), answering(page))
    assert prober.ask_once(REQUEST) == page
    with pytest.raises(RetriesExhaustedError):
        prober.ask(REQUEST)


def test_what_fails_is_counted_too() -> None:
    prober = Prober(answering(NetworkError("gone")))
    with pytest.raises(NetworkError):
        prober.ask(REQUEST)
    assert (prober.ask_once(REQUEST), prober.requests) == (None, 2)
