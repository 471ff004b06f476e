"""Both simulators at one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from de_classes.simulators.messages import json_response, with_facts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from de_classes.simulators.messages import SimRequest, SimResponse, Simulator

_DESCRIPTION = "/openapi.json"


class CombinedSimulator:
    """``/login`` and all below ``/auth`` go to the one, everything else to the other.

    Args:
        auth: Hands out tokens.
        unstable: Serves pages.
        description: Of both, for ``GET /openapi.json``; each has its own below its mount.
    """

    def __init__(self, auth: Simulator, unstable: Simulator, description: Mapping[str, object]) -> None:
        self._auth = auth
        self._unstable = unstable
        self._document = with_facts(json_response(200, description), route=_DESCRIPTION)

    def handle(self, request: SimRequest) -> SimResponse:
        """Answer by the simulator that the path belongs to."""
        if request.method == "GET" and request.path == _DESCRIPTION:
            return self._document
        belongs_to_auth = request.path == "/login" or request.path.startswith("/auth/")
        return (self._auth if belongs_to_auth else self._unstable).handle(request)
