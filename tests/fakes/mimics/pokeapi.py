"""PokeAPI: count, next (an address, null at the end), results; each record has details of its own.

pokeapi.co/docs/v2#resource-listspagination-section: no login, no limit; GET /api/v2/pokemon/{name}/ is one
object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, text_answer

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request


class PokeApi(Mimic):
    name = "pokeapi"
    hosts: ClassVar = {"pokeapi.co": ""}
    resources = ("pokemon", "details")
    maximum = 1000

    def make(self) -> list[Record]:
        return [
            {"name": f"mon-{n}", "url": f"https://pokeapi.co/api/v2/pokemon/{n}/"} for n in self.numbers()
        ]

    def expected(self, resource: str) -> list[Record]:
        if resource == "pokemon":
            return super().expected(resource)
        return [
            {
                "id": n,
                "name": f"mon-{n}",
                "height": n % 20,
                "weight": n * 7,
                "types": [{"slot": 1, "type": {"name": "grass"}}],
            }
            for n in self.numbers()
        ]

    def answer(self, request: Request) -> Answer:
        path = request.path.rstrip("/")
        if path != "/api/v2/pokemon":
            root = "/api/v2/pokemon"
            for details in self.expected("details"):
                if path in (f"{root}/{details['name']}", f"{root}/{details['id']}"):
                    return json_answer(200, details)
            return text_answer(404, "Not Found")
        limit, at = request.number("limit", 20) or 20, request.number("offset", 0) or 0

        def url(start: int) -> str:
            return f"{request.base}/api/v2/pokemon/?offset={start}&limit={limit}"

        page = {
            "count": len(self.rows),
            "next": url(at + limit) if at + limit < len(self.rows) else None,
            "previous": url(max(0, at - limit)) if at else None,
            "results": self.rows[at : at + limit],
        }
        return json_answer(200, page)
