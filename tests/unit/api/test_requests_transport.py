from __future__ import annotations

import requests

from de_classes.api.messages import HttpRequest
from de_classes.api.requests_transport import RequestsTransport
from tests.fakes.raw_server import RawServer, answer


def test_peoples_own_sessions_are_used() -> None:
    session = requests.Session()
    session.headers["X-Mine"] = "yes"
    with session, RawServer([answer(b"{}")]) as server:
        assert RequestsTransport(session).send(HttpRequest("GET", server.url), timeout=2.0).status == 200
        assert b"X-Mine: yes" in server.heads[0]
