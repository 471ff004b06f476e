"""MediaWiki, all pages: the whole object ``continue`` goes back as parameters; errors are 200 with an object
error.

mediawiki.org/wiki/API:Continue, API:Allpages: aplimit up to 500; a User-Agent is demanded (403);
format=json, or the answer is HTML; with generator=allpages the records are an object of objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tests.fakes.mimics.kit import Mimic, json_answer, text_answer

if TYPE_CHECKING:
    from tests.fakes.mimics.kit import Answer, Record, Request


class Wikipedia(Mimic):
    name = "wikipedia"
    hosts: ClassVar = {"en.wikipedia.org": ""}
    resources = ("pages",)
    maximum = 500

    def make(self) -> list[Record]:
        return [{"pageid": 100 + n, "ns": 0, "title": f"Page {n:03d}"} for n in self.numbers()]

    def answer(self, request: Request) -> Answer:
        query = request.query
        if not request.headers.get("user-agent", ""):
            return text_answer(403, "Please set a user-agent")
        if request.path != "/w/api.php":
            return text_answer(404, "<html>Not found</html>", "text/html")
        if query.get("format") != "json":
            page = "<html><body>{ &quot;batchcomplete&quot;: ...</body></html>"
            return text_answer(200, page, "text/html; charset=utf-8")
        if query.get("action") != "query":
            return _fail("missingparam", 'The "action" parameter must be set.')
        if self.is_third():
            return _fail(
                "ratelimited", "You've exceeded your rate limit. Please wait some time and try again."
            )
        is_list = query.get("list") == "allpages"
        prefix = "ap" if is_list else "gap" if query.get("generator") == "allpages" else None
        if prefix is None:
            return json_answer(200, {"batchcomplete": ""})
        limit = 500 if query.get(f"{prefix}limit") == "max" else request.number(f"{prefix}limit", 10)
        if limit is None or not 1 <= limit <= 500:
            return _fail("badinteger", f'Invalid value for integer parameter "{prefix}limit".')
        start = query.get(f"{prefix}continue")
        if start is not None and "continue" not in query:
            original = "You should pass the original value returned by the previous query."
            return _fail("badcontinue", f"Invalid continue param. {original}")
        titles = [row["title"].replace(" ", "_") for row in self.rows]
        if start is not None and start not in titles:
            return _fail("badcontinue", "Invalid continue param.")
        at = 0 if start is None else titles.index(start)
        rows = self.rows[at : at + limit]
        answer: Record = {"batchcomplete": ""}
        if at + limit < len(self.rows):
            scope = "-||" if is_list else "gapcontinue||"
            answer["continue"] = {f"{prefix}continue": titles[at + limit], "continue": scope}
        pages = {str(row["pageid"]): row for row in rows}
        answer["query"] = {"allpages": rows} if is_list else {"pages": pages}
        return json_answer(200, answer)


def _fail(code: str, info: str) -> Answer:
    error = {"error": {"code": code, "info": info}, "servedby": "mw1"}
    return json_answer(200, error, MediaWiki_API_Error=code)
