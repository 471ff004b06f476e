"""Lichess, games of a user: NDJSON, newest first, no cursor: until = createdAt of the last game - 1; empty
at the end.

lichess.org/api#tag/games: Accept must say NDJSON (PGN otherwise); 429: wait a minute, which no header says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, text_answer

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

PENALTY = 60.0


class Lichess(Mimic):
    name = "lichess"
    hosts: ClassVar = {"lichess.org": ""}
    parameters: ClassVar = {"user": "ada"}
    resources = ("games",)
    maximum = 300

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.until = 0.0

    def make(self) -> list[Record]:
        return [
            {
                "id": f"g{n:07d}",
                "rated": n % 2 == 0,
                "speed": "blitz",
                "createdAt": 1700000000000 + n * 1000,
                "players": {"white": {"user": {"name": "ada"}}},
            }
            for n in reversed(self.numbers())
        ]

    def answer(self, request: Request) -> Answer:
        if request.path != "/api/games/user/ada":
            return json_answer(404, {"error": "Not found"})
        if "ndjson" not in request.headers.get("accept", ""):
            return text_answer(200, '[Event "Rated blitz game"]\n', "application/x-chess-pgn")
        if self.is_third():
            self.until = self.clock.monotonic() + PENALTY
        if self.is_throttled and self.clock.monotonic() < self.until:
            return json_answer(429, {"error": "Too many requests. Try again later."})
        until = request.number("until", 2**60) or 2**60
        since, limit = request.number("since", 0) or 0, request.number("max", 2**30)
        rows = [game for game in self.rows if since <= game["createdAt"] <= until][:limit]
        return text_answer(200, "".join(json.dumps(game) + "\n" for game in rows), "application/x-ndjson")
