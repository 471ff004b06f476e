from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from de_classes.api.evidence import REFUSALS, ProofRequests
from de_classes.api.page import Page
from de_classes.api.pagination import PageRequest
from de_classes.errors import DeClassesError, NetworkError, RequestRejectedError, RetriesExhaustedError

if TYPE_CHECKING:
    from de_classes.api.evidence import FetchPage

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
    proofs = ProofRequests(answering(page))
    assert (proofs.requests, proofs.ask(REQUEST), proofs.ask_once(REQUEST), proofs.requests) == (
        0,
        page,
        page,
        2,
    )


def test_a_glance_where_a_run_goes_on_is_not_counted() -> None:
    page = Page(7, [], {})
    proofs = ProofRequests(answering(page))
    assert (proofs.glance(REQUEST), proofs.requests) == (page, 0)


@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_a_refusal_of_a_page_is_no_page(status: int) -> None:
    proofs = ProofRequests(answering(RequestRejectedError("no such page", status=status)))
    assert (proofs.ask(REQUEST), proofs.ask_once(REQUEST), proofs.requests) == (None, None, 2)


@pytest.mark.parametrize("status", [401, 403, 405, 409, 451])
def test_another_refusal_is_an_error_unless_the_request_was_a_guess(status: int) -> None:
    proofs = ProofRequests(answering(RequestRejectedError("no", status=status)))
    with pytest.raises(RequestRejectedError):
        proofs.ask(REQUEST)
    assert proofs.ask_once(REQUEST) is None
    assert proofs.requests == 2


def test_a_guess_is_made_in_one_attempt() -> None:
    page = Page(7, [{"id": 1}], {})
    proofs = ProofRequests(answering(RetriesExhaustedError("down", attempts=3)), answering(page))
    assert proofs.ask_once(REQUEST) == page
    with pytest.raises(RetriesExhaustedError):
        proofs.ask(REQUEST)


def test_what_fails_is_counted_too() -> None:
    proofs = ProofRequests(answering(NetworkError("gone")))
    with pytest.raises(NetworkError):
        proofs.ask(REQUEST)
    assert (proofs.ask_once(REQUEST), proofs.requests) == (None, 2)
