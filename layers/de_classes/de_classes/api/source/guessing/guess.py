"""From an address and a secret to a description: what was seen makes a guess, and requests confirm it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import structs

from de_classes.api.auth import auth_words
from de_classes.api.auth.scheme import StaticScheme
from de_classes.api.messages import HttpResponse, origin, without_secrets
from de_classes.api.pagination.strategy import PageRequest
from de_classes.api.retry import RetryPolicy
from de_classes.api.runtime import ClientLimits, ClientRuntime
from de_classes.api.source.binding import Resource
from de_classes.api.source.description import SourceDescription
from de_classes.api.source.guessing import logins, shapes
from de_classes.api.source.guessing.observing import Answer, BudgetSpentError, is_rejection
from de_classes.api.source.guessing.shapes import Way
from de_classes.api.source.guessing.writing import Draft, identifier, literal
from de_classes.configs.urls import url_problems
from de_classes.errors import AuthenticationError, ConfigurationError, DeClassesError, InvalidInputError
from de_classes.utils.values import DiscreetValue, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from de_classes.api.auth.kept_secrets import Secrets
    from de_classes.api.source.guessing.observing import Observer
    from de_classes.api.source.guessing.shapes import Records
    from de_classes.utils.clock import Clock

_ACCEPT: Final = (
    "application/json, application/x-ndjson;q=0.9, application/xml;q=0.5, text/csv;q=0.4, */*;q=0.1"
)
_POLICY: Final = RetryPolicy(
    max_attempts=5, max_elapsed=150.0, max_corrupt=2, slow_base=4.0, floor=1.0, jitter=False
)
_TIMEOUT: Final = 30.0
_USUAL_SIZE: Final = 100
_PAGES: Final = 3
_ALL_PAGES: Final = 7
_KEPT: Final = 6
"""Requests that are kept for following pages."""
_MOST: Final = re.compile(
    r"(?:at most|max(?:imum)?(?: of| is|:)?|up to|exceed|greater than|less than or equal to|and|to|<=|≤)"
    r"\s*`?(\d{1,6})\b",
    re.IGNORECASE,
)
_SECRETIVE: Final = frozenset(name.lower() for name in logins.KEY_PARAMS if name not in {"key", "auth"}) | {
    "password",
    "secret",
    "client_secret",
}
_GRAPHQL_SIZE: Final = re.compile(r"\$(\w+)\s*:\s*Int\b")
_GRAPHQL_CURSOR: Final = re.compile(r"\$(\w+)\s*:\s*(?:String|ID)\b(?!!)")
_CURSOR_NAMES: Final = ("after", "cursor", "endCursor", "page_token", "pageToken")


class GuessRequest(DiscreetValue):
    """What ``guess_source`` begins with: an address, and secrets.

    Example:
        >>> GuessRequest("https://api.shop.example/orders?page=1", EnvironmentSecrets({}), ("token",))
        GuessRequest(url='https://api.shop.example/orders?page=1')

    Attributes:
        url: The collection's first address, with its query.
        secrets: Where the secrets are.
        secret_names: Their names.
        name: What to call the source; made of the host unless given.
        json: A body, which makes it a POST.
        headers: Sent with every request, as the source's documentation asks for.
    """

    shown = ("url",)

    url: str
    secrets: Secrets
    secret_names: tuple[str, ...] = ()
    name: str | None = None
    json: Any = None
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)


class _Walk(Value):
    """What following pages showed.

    Attributes:
        pages: The records of each.
        answers: The first page's answer, and the last's.
        ended: Whether the last one was reached.
        failure: Why it was no way on; None if it was.
        exact: Whether the records are those that a larger page had, in its order.
    """

    pages: list[list[dict[str, Any]]]
    answers: list[Any]
    ended: bool
    failure: str | None
    exact: bool

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [row for page in self.pages for row in page]


def guess_source(asked: GuessRequest, observer: Observer, clock: Clock, say: Callable[[str], None]) -> Draft:
    """A description of a collection.

    Args:
        asked: Its address and secrets.
        observer: Reaches the source, with a budget.
        clock: Measures and waits.
        say: Told of what was found, a line each.

    Raises:
        ConfigurationError: The address is unfit.
        NetworkError: The source cannot be reached.
    """
    return _Guess(asked, observer, clock, say).draft()


class _Guess:
    """One guess under way; ``_source`` and ``_resource`` are what is known so far."""

    def __init__(
        self, asked: GuessRequest, observer: Observer, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self._asked = asked
        self._observer = observer
        self._clock = clock
        self._say = say
        self._scheme: Any = None
        base, path, params = taken_apart(asked.url)
        for name, value in params.items():
            params[name] = self._without_secret(name, value)
        resource_name = _resource_name(path)
        self._resource: dict[str, Any] = {"path": path, "pagination": {"type": "none"}}
        if asked.json is not None:
            body = self._hidden(_without_nulls(asked.json))
            self._resource |= {"method": "POST", "json": body}
        if params:
            self._resource["params"] = params
        self._source: dict[str, Any] = {"base_url": base, "resources": {resource_name: self._resource}}
        if asked.headers:
            self._source["headers"] = {
                name: self._hidden(literal(value)) for name, value in asked.headers.items()
            }
        self._draft = Draft(identifier(asked.name or "", _source_name(base)), self._source)
        self._name = resource_name
        self._place = "query" if asked.json is None else "json"

    def draft(self) -> Draft:
        """What could be told."""
        try:
            self._look()
        except BudgetSpentError as error:
            self._open(f"pagination: {error}")
        odd = sorted(self._observer.limits - {200, 403, 429, 503})
        if odd:
            self._source.setdefault("errors", []).append({"status": odd, "action": "rate_limit"})
            self._draft.note(
                "errors", text=f"guess: {odd} means that the source was asked too often; seen: its words"
            )
        if self._observer.was_limited:
            text = (
                "seen: the source was asked too fast once; say rate_limit = "
                "{ per_second = ... } as its documentation does"
            )
            self._draft.note("base_url", text=text)
        return self._draft

    def _look(self) -> None:
        answer = self._first_answer()
        if answer.verdict != "ok":
            return
        found = shapes.places(answer.value)
        if answer.kind == "xml":
            found = [*shapes.single(answer.value), *found]
        if not found:
            self._open(f"records: the answer has no list of objects; it is {answer.words[:120]!r}")
            return
        records = found[0]
        self._rename(shapes.telling_name(records))
        self._write_records(answer, records)
        if records.are == "object":
            self._note(
                "pagination", text="guess: one object, so there is no next page; seen: no list in the answer"
            )
            if any(
                number == 0
                for _, number in shapes.totals(answer.value, structs.replace(records, path=("",), are="list"))
            ):
                self._open("records: the answer counts none, and has no list; try a collection that has some")
            return
        size, full = self._page_size(answer, records)
        self._write_way(answer, size, full)

    # --- getting in

    def _first_answer(self) -> Answer:
        answer = self._ask(auth={"type": "none"})
        answer = self._mended(answer, {"type": "none"})
        tried = ["no login"]
        auth: dict[str, Any] = {"type": "none"}
        if answer.verdict == "refused" and self._asked.secret_names:
            for auth in logins.logins(self._asked.secret_names, self._asked.url, answer):
                tried.append(logins.shown(auth))
                answer = self._mended(self._ask(auth=auth), auth)
                if answer.verdict != "refused":
                    break
            else:
                auth, answer = self._search_key(answer, tried)
        if answer.verdict == "refused":
            self._refused(answer, tried)
            return answer
        if auth["type"] != "none":
            self._source["auth"] = auth
            self._draft.note(
                "auth",
                text=f"guess: {logins.shown(auth)}; seen: refused were {', '.join(tried[:-1])}; this was not",
            )
        elif self._asked.secret_names:
            self._draft.note(
                "base_url",
                text="guess: no login, for the source answers without one; the secrets are not used",
            )
        if auth["type"] == "oauth2":
            answer = self._told_base(answer)
        self._say(f"login: {logins.shown(auth)}")
        if answer.verdict != "ok":
            self._open(f"request: answered {answer.status}: {answer.words[:200]}")
        elif answer.kind != "json":
            self._resource["answer"] = answer.kind
            self._note("answer", text=f"seen: Content-Type {answer.headers.get('content-type', '')}")
        return answer

    def _told_base(self, answer: Answer) -> Answer:
        """The token's answer may say below which address the source is."""
        fields = self._client({}).endpoint.auth.token_fields()
        base = self._source["base_url"]
        for name, value in fields.items():
            if (
                not isinstance(value, str)
                or not re.match(r"https?://", value)
                or not re.search("url|base|endpoint", name)
            ):
                continue
            if origin(value) != origin(base):
                said = (
                    f"could not tell: whether {name} of the token's answer, "
                    f"{without_secrets(value)}, is the base: "
                    f'no token was sent there. Say base_url = "${{token.{name}}}" and allowed_hosts if it is'
                )
                self._draft.note("base_url", text=said)
            elif answer.verdict != "ok" and value.rstrip("/") != base:
                self._source["base_url"] = literal(value.rstrip("/"))
                again = self._ask()
                if again.verdict == "ok":
                    self._draft.note(
                        "base_url",
                        text=f"guess: the address that the token's answer names as {name}; seen: "
                        f"{base} answered {answer.status}, and this 200",
                    )
                    return again
                self._source["base_url"] = base
        return answer

    def _search_key(self, refusal: Answer, tried: list[str]) -> tuple[dict[str, Any], Answer]:
        """Look for the place of a key: all headers at once, then halves of them; so the query."""
        secret = logins.main_secret(self._asked.secret_names)
        none = {"type": "none"}
        if secret is None or "oauth" in tried[-1].lower():
            return none, refusal
        answer = refusal
        for place, names in (("header", logins.KEY_HEADERS), ("query", logins.KEY_PARAMS)):
            tried.append(f"key in {place}: {', '.join(names)}")
            rest: Sequence[str] = names
            answer = self._with_keys(place, rest, secret)
            if place == "query" and is_rejection(answer):
                rest, answer = self._first_name(names, secret)
            if answer.verdict == "refused" or (place == "query" and is_rejection(answer)):
                continue
            while len(rest) > 1:
                half = rest[: len(rest) // 2]
                is_there = self._with_keys(place, half, secret).verdict != "refused"
                rest = half if is_there else rest[len(half) :]
            auth = {"type": "api_key", "value": f"${{secret.{secret}}}", "into": f"{place}.{rest[0]}"}
            return auth, self._mended(self._ask(auth=auth), auth)
        for auth in logins.more_schemes(secret):
            tried.append(logins.shown(auth))
            answer = self._mended(self._ask(auth=auth), auth)
            if answer.verdict != "refused":
                return auth, answer
        return none, answer

    def _with_keys(self, place: str, names: Sequence[str], secret: str) -> Answer:
        return self._ask(
            auth={"type": "none"}, extra={f"{place}.{name}": f"${{secret.{secret}}}" for name in names}
        )

    def _first_name(self, names: Sequence[str], secret: str) -> tuple[Sequence[str], Answer]:
        """The names one by one, where all at once are too many for the source."""
        answer = self._with_keys("query", names[:1], secret)
        for name in names[:4]:
            answer = self._with_keys("query", (name,), secret)
            if answer.verdict == "ok":
                return (name,), answer
        return names[:1], answer

    def _refused(self, answer: Answer, tried: list[str]) -> None:
        self._open(
            f"auth: every login that was tried was refused ({'; '.join(tried)}); the source says: "
            f"{answer.words[:200]}" + ("" if tried[1:] else ". No secret was given to try: --secrets FILE")
        )
        if any(each.startswith("OAuth2") for each in tried):
            self._draft.note(
                "base_url",
                text="could not tell: the token endpoint. Secrets are tried at this origin alone, and it is "
                "often on another host: say auth.token_url",
            )
        self._draft.note(
            "base_url",
            text=f"could not tell: how one logs in. Say auth = {{ type = ... }}: {auth_words()}",
        )

    def _mended(self, answer: Answer, auth: dict[str, Any]) -> Answer:
        """The answer once more, where it names what is missing: a version, a variable of a GraphQL query."""
        for _ in range(2):
            if answer.verdict == "ok":
                return answer
            words = answer.words.lower()
            headers = self._source.get("headers", {})
            missing = next(
                (name for name in logins.VERSION_HEADERS if name.lower() in words and name not in headers),
                None,
            )
            if missing is not None:
                self._source["headers"] = {**headers, missing: logins.VERSION_HEADERS[missing]}
                self._draft.note(
                    "headers", text=f"guess: a value that {missing} takes; seen: {answer.words[:160]}"
                )
            elif not (self._add_secret_header(answer, auth) or self._fill_size_variable()):
                return answer
            answer = self._ask(auth=auth)
        return answer

    def _add_secret_header(self, answer: Answer, auth: dict[str, Any]) -> bool:
        """Send a secret that is named as the header is that it belongs to, if a login alone is not enough."""
        headers = self._source.get("headers", {})
        if answer.status != 403 or auth["type"] == "none":  # noqa: PLR2004 - Forbidden
            return False
        for name, header in logins.SECRET_HEADERS.items():
            if name in self._asked.secret_names and header not in headers:
                self._source["headers"] = {**headers, header: f"${{secret.{name}}}"}
                self._draft.note(
                    "headers", text=f"guess: {header}, by the secret's name; seen: 403 without it"
                )
                return True
        return False

    def _fill_size_variable(self) -> bool:
        """Give a GraphQL query the number of records that it declares, if it has none."""
        body = self._resource.get("json")
        query = body.get("query") if isinstance(body, dict) else None
        match = _GRAPHQL_SIZE.search(query) if isinstance(query, str) else None
        if match is None or not isinstance(body, dict):
            return False
        variables = body.get("variables") or {}
        if not isinstance(variables, dict) or match[1] in variables:
            return False
        body["variables"] = {**variables, match[1]: 10}
        return True

    # --- records

    def _rename(self, name: str | None) -> None:
        """Call the resource as its records are called."""
        name = identifier(name or "", self._name).lower()
        self._draft.comments = {
            (path[0], name, *path[2:]) if path[:1] == ("resources",) else path: texts
            for path, texts in self._draft.comments.items()
        }
        self._source["resources"] = {name: self._resource}
        self._name = name

    def _write_records(self, answer: Answer, records: Records) -> None:
        path = shapes.joined(records.path)
        self._resource["records_path"] = path
        seen = f"{len(records.rows)} {'lists' if records.width else 'objects'} there"
        self._note("records_path", text=f"guess: the records; seen: {seen}")
        if records.are != "list":
            self._resource["records_are"] = records.are
        if answer.kind == "xml" and records.path:
            self._resource["xml_record"] = records.path[-1]
        if records.width:
            self._resource["names"] = [f"c{number}" for number in range(1, records.width + 1)]
            self._note(
                "names", text=f"guess: names for {records.width} places, which the source does not name"
            )
        if not records.rows:
            self._open(
                "records: there are none, so that nothing could be followed; try a collection that has some"
            )
        body = answer.value
        if isinstance(body, dict) and body.get("ok") is True:
            self._source["errors"] = [
                {
                    "when": "ok == `false`", "message": "error",
                    "rate_limited": ["ratelimited", "rate_limited"],
                    "unauthorized": ["invalid_auth", "not_authed", "token_expired", "token_revoked"],
                }
            ]  # fmt: skip
            self._draft.note(
                "errors", text="guess: an answer that says ok = false is an error; seen: ok = true"
            )
        if self._is_graphql():
            self._source["errors"] = [
                {
                    "when": "errors",
                    "message": "errors[0].message",
                    "kind": "errors[0].type",
                    "rate_limited": ["RATE_LIMITED", "THROTTLED"],
                },
            ]
            self._draft.note(
                "errors", text="guess: GraphQL answers errors with 200; seen: a query in the body"
            )
        if "x-ratelimit-remaining" in answer.headers and "x-ratelimit-reset" in answer.headers:
            rule = {
                "status": [403, 429],
                "header": {"x-ratelimit-remaining": "0"},
                "action": "rate_limit",
                "retry_after": "x-ratelimit-reset",
            }
            self._source.setdefault("errors", []).append(rule)
            self._draft.note(
                "errors", text="guess: the limit is told by 403 too; seen: x-ratelimit-remaining and -reset"
            )
        self._say(f"records: {len(records.rows)} at {path}")

    def _is_graphql(self) -> bool:
        body = self._resource.get("json")
        return isinstance(body, dict) and isinstance(body.get("query"), str) and "{" in body["query"]

    # --- the page's size

    def _page_size(self, answer: Answer, records: Records) -> tuple[str | None, Answer]:
        """Where the page size goes, or None; and the answer to a page of the usual size."""
        into = self._size_name(answer, records)
        if into is None:
            self._note(
                "pagination",
                text="could not tell: a parameter for the size of a page; none of the usual ones changes it",
            )
            return None, answer
        place, _, name = into.partition(".")
        self._resource["page_size"] = {"into": into}
        if place == "query":
            self._drop_param(name)
        if name == "$limit" and "$order" not in self._resource.get("params", {}):
            self._order()
        full = self._ask(size=_USUAL_SIZE)
        rows = self._rows(full)
        most: int | None = None
        if is_rejection(full):
            numbers = [int(number) for number in _MOST.findall(full.words) if 0 < int(number) < _USUAL_SIZE]
            most = max(numbers, default=0) or len(records.rows)
            refusal = full
            full = self._ask(size=most)
            if is_rejection(full) and most != len(records.rows):
                most = len(records.rows)
                full = self._ask(size=most)
            self._note("page_size", text=f"seen: a page of {_USUAL_SIZE} was refused: {refusal.words[:120]}")
        elif rows is not None and len(rows) < _USUAL_SIZE and self._says_more(full):
            most = len(rows)
            self._note(
                "page_size", text=f"seen: of {_USUAL_SIZE} asked for, {most} came, although there are more"
            )
        if most:
            self._resource["page_size"] = {"into": into, "max": most}
        else:
            self._note(
                "page_size",
                text=f"guess: no most is known: a page of {_USUAL_SIZE} is taken; say max if the "
                "documentation does",
            )
        self._say(f"page size: {into}")
        return into, full

    def _order(self) -> None:
        """SODA's rows stand in no order unless one is asked for."""
        if self._rows(self._ask(extra={"query.$order": ":id"})) is not None:
            self._resource["params"] = {**self._resource.get("params", {}), "$order": ":id"}
            self._note(
                "params",
                text="guess: an order, without which pages need not fit together; seen: $limit, "
                "which is SODA's",
            )

    def _size_name(self, answer: Answer, records: Records) -> str | None:  # noqa: C901 - a branch for each kind, plain to read
        count = len(records.rows)
        if count < 2:  # noqa: PLR2004 - of one record there is no smaller page
            return None
        if self._place == "json" and (variable := self._size_variable()) is not None:
            return f"json.variables.{variable}"
        params = self._resource.get("params", {}) if self._place == "query" else self._resource["json"]
        hints = shapes.size_hints(answer.value, answer.headers, params)
        usual = shapes.SIZE_NAMES if self._place == "query" else shapes.BODY_SIZE_NAMES
        names = list(dict.fromkeys([*(hints if self._place == "query" else []), *usual]))
        if self._place == "json":
            names.sort(key=lambda name: name.rpartition(".")[2] not in hints)
        for name in hints[:2] if self._place == "query" else ():
            if self._is_size(name, count):
                return self._sized(name, answer, count)
            names.remove(name)
        # Each gets a number of its own: as many records as come name the one that the source heeded.
        while count > 3 and names and self._observer.left > _KEPT + 4:  # noqa: PLR2004 - of fewer there are too few numbers
            numbered = dict(zip(names[: count - 1], range(1, count), strict=False))
            several = self._ask(extra={f"{self._place}.{name}": number for name, number in numbered.items()})
            rows = self._rows(several)
            if rows is None:
                break  # the source refuses what it does not know: one by one
            heeded = next((name for name, number in numbered.items() if number == len(rows)), None)
            if heeded is not None and self._is_size(heeded, count):
                return self._sized(heeded, answer, count)
            names = names[count - 1 :]
        for name in names:
            if self._observer.left <= _KEPT + 4:
                break
            if self._is_size(name, count):
                return self._sized(name, answer, count)
        return None

    def _sized(self, name: str, answer: Answer, count: int) -> str:
        self._note(
            "page_size", text=f"guess: {name}; seen: it makes {self._smaller(count)} records of {count}"
        )
        return f"{self._place}.{name}"

    def _size_variable(self) -> str | None:
        query = self._resource["json"].get("query") if isinstance(self._resource["json"], dict) else None
        match = _GRAPHQL_SIZE.search(query) if isinstance(query, str) else None
        if match is not None:
            self._note("page_size", text=f"guess: ${match[1]} of the query, which it declares as a number")
        return match[1] if match else None

    def _smaller(self, count: int) -> int:
        return max(1, min(count - 1, -(-count * 3 // 10)))

    def _is_size(self, name: str, count: int) -> bool:
        smaller = self._smaller(count)
        rows = self._rows(self._ask(extra={f"{self._place}.{name}": smaller}))
        return rows is not None and len(rows) == smaller

    # --- from page to page

    def _write_way(self, answer: Answer, size: str | None, full: Answer) -> None:
        rows = self._rows(full) or []
        limit = len(rows) or 1
        if size is not None and len(rows) > 1:
            most = self._resource["page_size"].get("max", _USUAL_SIZE)
            limit = -(-len(rows) * 3 // 10) if len(rows) < most else min(10, max(1, most // 3))
        small = self._ask(size=limit) if size is not None else full
        records = next(iter(shapes.places(small.value)), None)
        if records is None or not rows:
            self._last_resort(rows, size)
            return
        best: tuple[Way, dict[str, Any], _Walk] | None = None
        for way in self._candidates(small, records, size, limit):
            if self._observer.left < 2 and best is not None:  # noqa: PLR2004 - a page and the one behind it
                break
            for pagination in self._marked(way, small, records):
                walk = self._walk(pagination, limit, rows)
                if walk.failure is None and (best is None or walk.exact > best[2].exact):
                    best = (way, pagination, walk)
                    break
            if best is not None and best[2].exact:
                break
        if best is None:
            self._last_resort(rows, size)
            return
        self._settle(*best, small=small, records=records, limit=limit, rows=rows)

    def _candidates(self, small: Answer, records: Records, size: str | None, limit: int) -> Iterator[Way]:
        yield from shapes.ways(
            small.value, small.headers, records, url=small.url, size=size, place=self._place
        )
        yield from self._declared_cursor(small, records)
        rows = records.rows
        parent = (size or self._place).rpartition(".")[0] or self._place
        more = shapes.marks(small.value, records)
        key = shapes.keys_of(rows, self._name) if rows else None
        if key is not None and any(kind == "more" for kind, _ in more):
            for name in shapes.AFTER_NAMES:
                yield Way(
                    {"type": "last_record", "path": shapes.joined((key,)), "into": f"{parent}.{name}"},
                    f"{more[0][1]} is true, and records have {key}",
                )
        yield from self._starred(small, records, size)
        own = size.rpartition(".")[2] if size else ""
        offsets = [name for name in shapes.PARTNERS.get(own, ()) if name in shapes.OFFSET_NAMES]
        pages = [name for name in shapes.PARTNERS.get(own, ()) if name in shapes.PAGE_NAMES]
        for names in (offsets[:1], pages[:1]):
            for name in names:
                yield from self._counted(name, parent, "goes with " + own)
        for name in self._found_by_several(shapes.OFFSET_NAMES, limit, rows) or offsets[1:]:
            yield from self._counted(name, parent, "it moves the records")
        for name in self._found_by_several(shapes.PAGE_NAMES, limit, rows) or pages[1:]:
            yield from self._counted(name, parent, "it changes the records")
        yield from self._by_order(rows, parent)

    def _counted(self, name: str, parent: str, seen: str) -> Iterator[Way]:
        kind = "offset" if name in shapes.OFFSET_NAMES else "page"
        given = self._resource.get("params", {}).get(name)
        firsts = (
            [int(given)]
            if isinstance(given, str) and given.isdigit()
            else [0]
            if kind == "offset"
            else [1, 0]
        )
        for first in firsts:
            usual = first == (0 if kind == "offset" else 1)
            pagination = {"type": kind, "into": f"{parent}.{name}", **({} if usual else {"first": first})}
            yield Way(pagination, seen)

    def _found_by_several(self, names: Sequence[str], limit: int, rows: Sequence[Any]) -> list[str]:
        """Of names that count, the one that moves the records: each gets a number of its own, all at once."""
        if self._place != "query" or self._observer.left <= _KEPT or len(rows) < 2:  # noqa: PLR2004 - one cannot move
            return []
        is_offset = names is shapes.OFFSET_NAMES
        numbers = (
            {name: number for number, name in enumerate(names, 1)} if is_offset else dict.fromkeys(names, 2)
        )
        answer = self._ask(size=limit, extra={f"query.{name}": number for name, number in numbers.items()})
        came = self._rows(answer)
        if not came or came[0] == rows[0]:
            return [] if came else [name for name in names if name in {"offset", "start", "page"}]
        if not is_offset:
            return list(names[:3])
        moved = rows.index(came[0]) if came[0] in rows else 0
        return [name for name, number in numbers.items() if number == moved]

    def _declared_cursor(self, small: Answer, records: Records) -> Iterator[Way]:
        """A GraphQL query declares where its cursor goes."""
        body = self._resource.get("json")
        query = body.get("query") if isinstance(body, dict) else None
        if not isinstance(query, str):
            return
        declared = [name for name in _GRAPHQL_CURSOR.findall(query) if name in _CURSOR_NAMES]
        for path, item in shapes.outside(small.value, records):
            if path[-1] == "endCursor" and isinstance(item, str):
                for name in declared:
                    yield Way(
                        {"type": "cursor", "path": shapes.joined(path), "into": f"json.variables.{name}"},
                        f"endCursor, and ${name} in the query",
                    )

    def _starred(self, small: Answer, records: Records, size: str | None) -> Iterator[Way]:
        """Some sources give a cursor only to who asks for the first one, ``*``."""
        if self._place != "query" or self._observer.left <= _KEPT or not shapes.totals(small.value, records):
            return
        answer = self._ask(size=len(records.rows), extra={"query.cursor": "*"})
        if answer.verdict != "ok":
            return
        found = next(iter(shapes.places(answer.value)), None)
        for way in (
            shapes.ways(answer.value, {}, found, url=answer.url, size=size, place="query") if found else ()
        ):
            if way.pagination["type"] == "cursor" and way.pagination["into"] == "query.cursor":
                yield Way({**way.pagination, "first": "*"}, f"{way.seen} once cursor = * is asked for")

    def _by_order(self, rows: Sequence[Any], parent: str) -> Iterator[Way]:
        """The last record's moment or number, where records stand in its order."""
        named = [
            dict(zip(self._resource["names"], row, strict=False)) if isinstance(row, list) else row
            for row in rows
        ]
        for field, step in list(shapes.ordered_fields(named))[:2]:
            names: tuple[str, ...] = shapes.FORWARD_NAMES if step > 0 else shapes.BACKWARD_NAMES
            if step > 0 and field.lower().endswith("id"):
                names = ("fromId", "since_id", "after_id", "from_id")
            for name in names:
                yield Way(
                    {
                        "type": "last_record",
                        "path": shapes.joined((field,)),
                        "plus": step,
                        "into": f"{parent}.{name}",
                    },
                    f"{field} {'rises' if step > 0 else 'falls'} from record to record",
                )

    def _marked(self, way: Way, small: Answer, records: Records) -> Iterator[dict[str, Any]]:
        """A way with its mark of the end, and without; a cursor also without what may not go along."""
        found = shapes.marks(small.value, records)
        counted = way.pagination["type"] in {"page", "offset"}
        for kind, path in found[:1]:
            yield {**way.pagination, kind: path}
            if way.pagination["type"] == "cursor" and self._resource.get("params"):
                yield {**way.pagination, kind: path, "keeps": []}
        if not found or counted:
            yield way.pagination
            if way.pagination["type"] == "cursor" and self._resource.get("params"):
                yield {**way.pagination, "keeps": []}

    def _walk(self, pagination: dict[str, Any], limit: int, truth: Sequence[Any], **more: Any) -> _Walk:  # noqa: ANN401 - of a resource
        """Follow a few pages by a guess, with the client that will follow all of them."""
        pages: list[list[dict[str, Any]]] = []
        answers: list[Any] = []
        ended = False
        failure = None
        known = [
            dict(zip(self._resource["names"], row, strict=False)) if isinstance(row, list) else row
            for row in truth
        ]
        at_most = _ALL_PAGES if len(truth) < _USUAL_SIZE else _PAGES
        try:
            client = self._client({"pagination": pagination, **more})
            for page in client.start_pass(limit):
                pages.append([dict(row) for row in page.records])
                answers.append(page.answer)
                if len(pages) >= 2 and not _differ(pages[0], pages[1]):  # noqa: PLR2004 - the first and the next
                    failure = "page 2 has records of page 1"
                    break
                if len(pages) >= at_most:
                    break
            else:
                ended = True
        except BudgetSpentError as error:
            failure = None if len(pages) > 1 else str(error)
        except DeClassesError as error:
            failure = str(error)
        rows = [row for page in pages for row in page]
        count = min(len(rows), len(known))
        exact = count > 0 and _alike(rows[:count], known[:count]) and not (ended and len(rows) < len(known))
        if failure is None and (len(pages) < 2 or not pages[1]):  # noqa: PLR2004 - as above
            failure = "nothing came behind page 1"
        return _Walk(pages, answers, ended, failure, exact)

    def _settle(
        self,
        way: Way,
        pagination: dict[str, Any],
        walk: _Walk,
        *,
        small: Answer,
        records: Records,
        limit: int,
        rows: list[Any],
    ) -> None:
        """Write a way on that requests confirmed, and what its pages say besides."""
        more: dict[str, Any] = {}
        total = self._total(small, records, walk)
        if total is not None:
            more["total_path"] = total[0]
        if pagination["type"] == "page":
            counts = shapes.page_counts(small.value, records)
            fit = [
                path
                for path, number in counts
                if number == len(walk.pages) or (not walk.ended and number > len(walk.pages))
            ]
            pagination = {**pagination, **({"pages_path": fit[0]} if fit else {})}
        if pagination["type"] == "cursor" and walk.ended and not {"more", "done"} & set(pagination):
            last = shapes.finder_value(walk.answers[-1], pagination["path"])
            if not walk.pages[-1] and last:
                pagination = {**pagination, "ends_empty": True}
        again = self._walk(pagination, limit, rows, **more)
        if again.failure is None and again.exact >= walk.exact:
            self._resource |= more
            if total is not None:
                self._note("total_path", text=f"guess: the number of all records; seen: {total[1]}")
        elif "pages_path" in pagination:
            pagination = {name: value for name, value in pagination.items() if name != "pages_path"}
        self._resource["pagination"] = pagination
        self._drop_param(pagination.get("into", "").rpartition(".")[2])
        seen = f"{len(walk.pages)} pages of {limit} followed, {len(walk.rows)} records, none twice"
        self._note(
            "pagination", text=f"guess: {way.seen}; seen: {seen}{', to the end' if walk.ended else ''}"
        )
        if not walk.exact:
            self._note(
                "pagination",
                text="could not tell: whether pages fit together, for a larger page has other records",
            )
            self._open("pagination: the records of small pages are not those of a large one, in its order")
        if not walk.ended:
            self._note(
                "pagination", text="could not tell: how the collection ends, for its end was not reached"
            )
        self._write_key(walk.rows)
        self._say(f"pagination: {pagination['type']}, {way.seen}; {seen}")

    def _total(self, small: Answer, records: Records, walk: _Walk) -> tuple[str, int] | None:
        count = len(walk.rows)
        for path, number in shapes.totals(small.value, records):
            if (walk.ended and number == count) or (not walk.ended and number > count):
                return path, number
        return None

    def _write_key(self, rows: Sequence[Any]) -> None:
        key = shapes.keys_of(rows, self._name)
        if key is not None:
            self._resource["primary_key"] = [key]
            self._note("primary_key", text=f"guess: {key}; seen: different in each of {len(rows)} records")

    def _last_resort(self, rows: list[Any], size: str | None) -> None:
        """There is no way on that works: say so, and take the one page that came."""
        named = [
            dict(zip(self._resource.get("names", []), row, strict=False)) if isinstance(row, list) else row
            for row in rows
        ]
        self._write_key(named)
        if size is not None and len(rows) < self._resource["page_size"].get("max", _USUAL_SIZE):
            self._note(
                "pagination",
                text=f"could not tell: what leads on behind a page that is full; {len(rows)} "
                f"records came of {_USUAL_SIZE} asked for",
            )
        self._note(
            "pagination",
            text="could not tell: what leads to the next page. One page is read, and no more: "
            "say type = ... if there are others",
        )
        self._open(
            f"pagination: nothing that was tried leads from the first page of {len(rows)} records "
            "to a second one"
        )

    # --- asking

    def _ask(
        self,
        *,
        auth: dict[str, Any] | None = None,
        size: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One request with what is known so far.

        Args:
            auth: In place of what is known.
            size: Records asked for.
            extra: More values, by where they go.
        """
        values = {
            into: value for into, value in (extra or {}).items() if not str(value).startswith("${secret.")
        }
        keys = {into: str(value) for into, value in (extra or {}).items() if into not in values}
        try:
            client = self._client({}, auth)
            endpoint = client.endpoint
            request = endpoint.request(PageRequest(1, values, size=size), endpoint.lookup)
            for into, value in keys.items():
                place, _, name = into.partition(".")
                secret = self._asked.secrets.get(value[len("${secret.") : -1])
                request = structs.replace(
                    request,
                    **{
                        "headers" if place == "header" else "params": {
                            **(request.headers if place == "header" else request.params),
                            name: secret,
                        }
                    },
                )
            if "answer" not in self._resource:
                request = structs.replace(request, headers={**request.headers, "Accept": _ACCEPT})
            signed = endpoint.auth.authorize(request)
            answer = self._observer.ask(signed, timeout=_TIMEOUT)
            if answer.status == 401 and endpoint.auth.renew(signed, HttpResponse(401, answer.headers)):  # noqa: PLR2004 - Unauthorized
                answer = self._observer.ask(endpoint.auth.authorize(request), timeout=_TIMEOUT)
        except AuthenticationError as error:
            return Answer(401, {}, None, str(error), self._asked.url)
        except (BudgetSpentError, ConfigurationError):
            raise
        except DeClassesError as error:
            if auth is None or auth["type"] != "oauth2":
                raise
            return Answer(401, {}, None, str(error), self._asked.url)
        return answer

    def _client(self, more: dict[str, Any], auth: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 - UnstableAPIClient
        """A client of what is known so far."""
        source = {**self._source, "resources": {self._name: {**self._resource, **more}}}
        if auth is not None:
            source["auth"] = auth
            self._scheme = None
        described = msgspec.convert(source, SourceDescription)
        resource = Resource(f"{self._draft.name}.{self._name}", described, described.resources[self._name])
        quiet = logging.getLogger(f"{__name__}.quiet")
        quiet.disabled = True
        client = resource.client(
            secrets=self._asked.secrets,
            auth=self._scheme,
            limits=ClientLimits(timeout=_TIMEOUT, retry_policy=_POLICY),
            runtime=ClientRuntime(self._observer, self._clock, quiet),
        )
        if self._scheme is None and not isinstance(client.endpoint.auth, StaticScheme):
            self._scheme = client.endpoint.auth
        return client

    def _rows(self, answer: Answer) -> list[Any] | None:
        """The records of an answer, where they stood before; None if it has none."""
        if answer.verdict != "ok":
            return None
        path = self._resource.get("records_path", "@")
        for place in shapes.places(answer.value):
            if shapes.joined(place.path) == path:
                return place.rows
        return [] if self._resource.get("answer") == "jsonl" else None

    def _says_more(self, answer: Answer) -> bool:
        """Whether an answer says that there are more records than it has."""
        records = next(iter(shapes.places(answer.value)), None)
        if records is None:
            return False
        if shapes.says_end(answer.value, records):
            return False
        if shapes.marks(answer.value, records):
            return True
        if any(number > len(records.rows) for _, number in shapes.totals(answer.value, records)[:1]):
            return True
        ways = shapes.ways(
            answer.value, answer.headers, records, url=answer.url, size=None, place=self._place
        )
        return any(way.pagination["type"] in {"link", "next_url"} for way in ways)

    # --- writing

    def _note(self, key: str, *, text: str) -> None:
        self._draft.note("resources", self._name, key, text=text)

    def _open(self, text: str) -> None:
        self._draft.open_points.append(text)
        self._draft.note(text=f"could not tell: {text}")
        self._say(f"could not tell: {text}")

    def _drop_param(self, name: str) -> None:
        params = self._resource.get("params", {})
        params.pop(name, None)
        if not params:
            self._resource.pop("params", None)

    def _without_secret(self, name: str, value: str) -> str:
        hidden = self._hidden(value)
        if hidden == value and name.lower() in _SECRETIVE:
            raise InvalidInputError(
                f"the address holds {name}, which looks like a secret: put it into the file of --secrets"
            )
        return str(hidden)

    def _hidden(self, value: Any) -> Any:  # noqa: ANN401 - a JSON value
        """A JSON value with no secret of the user's in it."""
        if isinstance(value, dict):
            return {name: self._hidden(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._hidden(item) for item in value]
        if isinstance(value, str):
            for name in self._asked.secret_names:
                secret = self._asked.secrets.get(name)
                if len(secret) > 3 and secret in value:  # noqa: PLR2004 - shorter ones stand anywhere
                    value = value.replace(secret, f"${{secret.{name}}}")
        return value


def taken_apart(url: str) -> tuple[str, str, dict[str, str]]:
    """Origin, path and query of a collection's address, as a description spells them.

    Raises:
        ConfigurationError: It is no address that a secret may go to.
    """
    parts = urlsplit(url)
    problems = url_problems("the address", url.partition("?")[0].partition("#")[0])
    if problems:
        raise ConfigurationError("; ".join(problems), problems=problems)
    params = {literal(name): literal(value) for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    return f"{parts.scheme}://{parts.netloc}", literal(parts.path or "/"), params


def _source_name(base: str) -> str:
    host = urlsplit(base).hostname or ""
    labels = [label for label in host.split(".") if label not in {"api", "www", "rest", "data", "export"}]
    is_number = all(label.isdigit() for label in labels) or ":" in host
    return (
        "api"
        if is_number or not labels
        else identifier(labels[-2] if len(labels) > 1 else labels[0], "api").lower()
    )


def _resource_name(path: str) -> str:
    parts = [unquote(part) for part in path.split("/") if part]
    names = [re.sub(r"\.(?:json|php|xml|csv)\Z", "", part) for part in parts]
    return identifier(names[-1] if names else "", "records").lower()


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """A JSON value as TOML can say it, which knows no null; texts as they stand."""
    if isinstance(value, dict):
        return {literal(name): _without_nulls(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return literal(value) if isinstance(value, str) else value


def _differ(first: Sequence[Any], second: Sequence[Any]) -> bool:
    known = {msgspec.json.encode(row, order="deterministic") for row in first}
    again = sum(msgspec.json.encode(row, order="deterministic") in known for row in second)
    return again == 0


def _alike(first: Sequence[Any], second: Sequence[Any]) -> bool:
    return msgspec.json.encode(list(first), order="deterministic") == msgspec.json.encode(
        list(second), order="deterministic"
    )
