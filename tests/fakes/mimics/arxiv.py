"""arXiv: an Atom feed, start from 0, max_results, opensearch:totalResults; one request in three seconds.

info.arxiv.org/help/api/user-manual.html and tou.html: no login; max_results up to 2,000 a request and 30,000
in all, else 400; a page beyond the end is a feed without entries; an error is a feed with one entry named
Error (400); a request within three seconds of the one before is 503 with Retry-After. Sorted by relevance
unless told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from xml.sax.saxutils import escape

from tests.fakes.mimics.kit import Mimic, text_answer

if TYPE_CHECKING:
    from de_classes.utils.clock import Clock
    from tests.fakes.mimics.kit import Answer, Record, Request

KNOWN = {"search_query", "id_list", "start", "max_results", "sortBy", "sortOrder"}
ORDERS = {"relevance", "lastUpdatedDate", "submittedDate"}
SECONDS = 3.0
AT_MOST, IN_ALL = 2000, 30_000
SPACES = (
    'xmlns="http://www.w3.org/2005/Atom" xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
    'xmlns:arxiv="http://arxiv.org/schemas/atom"'
)


class Arxiv(Mimic):
    name = "arxiv"
    hosts: ClassVar = {"export.arxiv.org": ""}
    parameters: ClassVar = {"query": "cat:cs.DB"}
    resources = ("papers",)
    maximum = 2000

    def __init__(self, count: int = 40, *, clock: Clock | None = None, is_throttled: bool = True) -> None:
        super().__init__(count, clock=clock, is_throttled=is_throttled)
        self.last = -SECONDS

    def make(self) -> list[Record]:
        return [self._record(n) for n in self.numbers()]

    def _record(self, n: int) -> Record:
        authors = [{"name": f"A. Author {n}"}]
        if n % 2:
            authors.append({"name": "Ö. Zweite", "affiliation": "Uni <Mimic> & Co"})
        identity = f"http://arxiv.org/abs/2401.{n:05d}v1"
        term = {"@term": "cs.DB", "@scheme": "http://arxiv.org/schemas/atom"}
        more = {} if n % 5 else {"comment": f"{n} pages"}
        return {
            "id": identity,
            "updated": f"2024-01-{1 + n % 28:02d}T18:00:00Z",
            "published": f"2024-01-{1 + n % 28:02d}T17:59:58Z",
            "title": f"On Mimics, Part {n}: x < y & z",
            "summary": f"We show\n  {n} things.",
            "author": authors if len(authors) > 1 else authors[0],
            **more,
            "link": [
                {"@href": identity, "@rel": "alternate", "@type": "text/html"},
                {"@title": "pdf", "@href": identity.replace("abs", "pdf"), "@rel": "related"},
            ],
            "primary_category": term,
            "category": term,
        }

    def answer(self, request: Request) -> Answer:
        if request.path != "/api/query":
            return text_answer(404, "<html><body>Not Found</body></html>", "text/html")
        now = self.clock.monotonic()
        is_soon, self.last = now - self.last < SECONDS, now
        if self.is_throttled and is_soon:
            return text_answer(503, "Rate exceeded.", Retry_After=3)
        query = request.query
        if unknown := set(query) - KNOWN:
            return _error(f"unknown parameter: {min(unknown)}")
        if not query.get("search_query") and not query.get("id_list"):
            return text_answer(200, self._feed([], 0, 0, 10), "application/atom+xml; charset=UTF-8")
        start, size = request.number("start", 0), request.number("max_results", 10)
        if start is None or start < 0:
            return _error("start must be an integer, and non-negative")
        if size is None or not 0 <= size <= AT_MOST or start + size > IN_ALL:
            return _error("max_results must be an integer, at most 2000, and 30000 together with start")
        if query.get("sortBy", "relevance") not in ORDERS:
            return _error("sortBy must be in: relevance, lastUpdatedDate, submittedDate")
        if query.get("sortOrder", "descending") not in {"ascending", "descending"}:
            return _error("sortOrder must be in: ascending, descending")
        numbers = list(self.numbers())
        if query.get("sortBy") in {None, "relevance"}:
            numbers = numbers[::2] + numbers[1::2]
        elif query.get("sortOrder") != "ascending":
            numbers.reverse()
        feed = self._feed(numbers[start : start + size], len(numbers), start, size)
        return text_answer(200, feed, "application/atom+xml; charset=UTF-8")

    def _feed(self, numbers: list[int], total: int, start: int, size: int) -> str:
        entries = "".join(self._entry(self.rows[n - 1]) for n in numbers)
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<feed {SPACES}>\n'
            '  <link href="http://arxiv.org/api/query?x" rel="self" type="application/atom+xml"/>\n'
            '  <title type="html">ArXiv Query: search_query=cat:cs.DB</title>\n  <id>http://arxiv.org/api/x</id>\n'
            f"  <updated>2024-02-01T00:00:00-05:00</updated>\n"
            f"  <opensearch:totalResults>{total}</opensearch:totalResults>\n"
            f"  <opensearch:startIndex>{start}</opensearch:startIndex>\n"
            f"  <opensearch:itemsPerPage>{size}</opensearch:itemsPerPage>\n{entries}</feed>\n"
        )

    def _entry(self, row: Record) -> str:
        authors = row["author"] if isinstance(row["author"], list) else [row["author"]]
        names = "".join(
            f"    <author>\n      <name>{escape(each['name'])}</name>\n"
            + (
                f"      <arxiv:affiliation>{escape(each['affiliation'])}</arxiv:affiliation>\n"
                if len(each) > 1
                else ""
            )
            + "    </author>\n"
            for each in authors
        )
        texts = "".join(
            f"    <{name}>{escape(row[name])}</{name}>\n"
            for name in ("id", "updated", "published", "title", "summary")
        )
        comment = f"    <arxiv:comment>{row['comment']}</arxiv:comment>\n" if "comment" in row else ""
        links = "".join(f"    <link {_attributes(link)}/>\n" for link in row["link"])
        term = _attributes(row["category"])
        terms = f"    <arxiv:primary_category {term}/>\n    <category {term}/>\n"
        return f"  <entry>\n{texts}{names}{comment}{links}{terms}  </entry>\n"


def _attributes(values: Record) -> str:
    return " ".join(f'{name.removeprefix("@")}="{escape(text)}"' for name, text in values.items())


def _error(message: str) -> Answer:
    feed = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<feed {SPACES}>\n'
        "  <opensearch:totalResults>1</opensearch:totalResults>\n"
        "  <opensearch:startIndex>0</opensearch:startIndex>\n"
        "  <entry>\n    <id>http://arxiv.org/api/errors#mimic</id>\n    <title>Error</title>\n"
        f"    <summary>{escape(message)}</summary>\n"
        "    <author><name>arXiv api core</name></author>\n  </entry>\n</feed>\n"
    )
    return text_answer(400, feed, "application/atom+xml; charset=UTF-8")
