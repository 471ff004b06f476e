"""One collection for each parent: for each of a list of values, or for each record of another resource."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from de_classes.api.pagination.strategy import PaginationStrategy
from de_classes.errors import InvalidInputError, ProtocolError, SourceChangedError
from de_classes.utils.digests import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from de_classes.api.increments import EachParent
    from de_classes.api.messages import HttpResponse
    from de_classes.api.page import Page
    from de_classes.api.pagination.strategy import PageRequest, Totals
    from de_classes.api.unstable_api_client import UnstableAPIClient
    from de_classes.utils.run_records import RunPlace

_PARENT = "parent"
_PAGE = "page"
_KEY_BYTES = 12


class Parents:
    """What ``${parent.FIELD}`` stands for, one after the other; read once, when needed. Safe among threads.

    Args:
        values: A list of values or objects; or
        client: the client of the parent resource, all of whose records are read.
        limit: Records a page of it.
        named: The fields of a parent that its children's requests name: what tells it from others, unless the
            parent resource has a primary key.
    """

    def __init__(
        self,
        values: Sequence[Any],
        client: UnstableAPIClient | None,
        limit: int,
        named: Iterable[str] = (),
    ) -> None:
        self._named = sorted({*named})
        self._key = () if client is None else client.endpoint.key
        self._keys: list[str] | None = None
        self._values = [value if isinstance(value, dict) else {"value": value} for value in values]
        self._client = client
        self._limit = limit
        self._is_strict = False
        self._warnings: tuple[str, ...] = ()
        self._lock = threading.Lock()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What weakens the proof that these are all, a sentence each."""
        return self._warnings

    def hold_to_proof(self) -> None:
        """Read the parent resource by what is proved alone, unless it was read."""
        self._is_strict = True

    def first(self, count: int) -> Parents:
        """The first of them alone, for a look at a source; no more of the parent resource is read.

        Args:
            count: How many at the most.
        """
        return _FirstParents(self._values, self._client, self._limit, count, self._named)

    def all(self) -> Sequence[Mapping[str, Any]]:
        """Every parent, in order.

        Raises:
            DeClassesError: The parent resource cannot be read whole.
        """
        with self._lock:
            if self._client is not None:
                self._values = self._read(self._client)
                self._client = None
        return self._values

    def keys(self) -> Sequence[str]:
        """The hashed key of each, in the same order: it says nothing of what the parent is."""
        parents = self.all()
        with self._lock:
            if self._keys is None:
                self._keys = [self._key_of(parent) for parent in parents]
        return self._keys

    def _key_of(self, parent: Mapping[str, Any]) -> str:
        values = [parent.get(name) for name in self._key]
        if not values or None in values:
            values = [[name, parent.get(name)] for name in self._named]
        return digest(values, _KEY_BYTES).hex()

    def _read(self, client: UnstableAPIClient) -> list[dict[str, Any]]:
        run = client.start_pass(self._limit, strict=self._is_strict)
        parents = _each_once((dict(record) for page in run for record in page.records), client.endpoint.key)
        evidence = run.evidence_if_still
        self._warnings = tuple(f"of the parents: {each}" for each in evidence.warnings) if evidence else ()
        return parents


class _FirstParents(Parents):
    def __init__(
        self,
        values: Sequence[Any],
        client: UnstableAPIClient | None,
        limit: int,
        count: int,
        named: Iterable[str],
    ) -> None:
        super().__init__(values[:count], client, limit, named)
        self._count = count

    def _read(self, client: UnstableAPIClient) -> list[dict[str, Any]]:
        pages = client.iterate_all_pages(self._limit, concurrency=1)
        return list(islice((dict(record) for _, page in pages for record in page.records), self._count))


class PerParentPagination(PaginationStrategy, kw_only=True):
    """The pages of one parent after those of another.

    Attributes:
        inner: What leads from page to page of one parent.
        parents: The parents.
        said: How they are described.
        is_single: Whether each parent has one answer that is one record: they can then be asked for at once.
        each_from: Where the children of each are asked for; None if that is the same for all.
    """

    inner: PaginationStrategy
    parents: Any
    said: Any = None
    is_single: bool = False
    each_from: Any = None

    @property
    def asks_from(self) -> EachParent | None:
        """``each_from``."""
        found: EachParent | None = self.each_from
        return found

    def parent_of(self, number: int, at: RunPlace | PageRequest | None) -> str | None:
        """By the number of the parent."""
        index = None if self.each_from is None else self.collection_of(number, at)
        keys = () if index is None else self.parents.keys()
        return keys[index] if index is not None and index < len(keys) else None

    def parent_keys(self) -> Sequence[str]:
        """Those of the parents."""
        keys: Sequence[str] = self.parents.keys()
        return keys

    @property
    def fills(self) -> frozenset[str]:
        """Where the children are asked for, if each parent has a place of its own."""
        return frozenset() if self.each_from is None else frozenset({"incremental"})

    @property
    def each(self) -> PaginationStrategy:
        """What leads from page to page of one parent."""
        return self.inner

    @property
    def warnings(self) -> tuple[str, ...]:
        """Those of the parents."""
        warnings: tuple[str, ...] = self.parents.warnings
        return warnings

    def hold_to_proof(self) -> None:
        """The parents are."""
        self.parents.hold_to_proof()

    def collection_of(self, number: int, at: RunPlace | PageRequest | None) -> int | None:
        """The number of the parent."""
        if self.is_single:
            return number - 1
        return at.values[_PARENT][0] if at is not None and _PARENT in at.values else None

    @property
    def sent_on(self) -> str | None:
        """As within one parent."""
        return self.inner.sent_on

    @property
    def tied_by(self) -> str | None:
        """As within one parent."""
        return self.inner.tied_by

    @property
    def holds_back(self) -> bool:
        """As within one parent."""
        return self.inner.holds_back

    def without_ties(self, page: Page) -> Page:
        """As within one parent."""
        return self.inner.without_ties(page)

    @property
    def marker(self) -> str | None:
        """As within one parent."""
        return self.inner.marker

    def with_totals(self, page: Page) -> Page:
        """As within one parent."""
        return self.inner.with_totals(page)

    def piece_of(self, response: HttpResponse, asked: PageRequest, *, url: str) -> HttpResponse:
        """As within one parent."""
        return self.inner.piece_of(response, asked, url=url)

    def stands_in(self, page: Page) -> bool:
        """As within one parent."""
        return self.inner.stands_in(page)

    counts_records = False

    @property
    def random_access(self) -> bool:  # type: ignore[override]
        """Whether any parent's answer can be asked for by its number."""
        return self.is_single and bool(self.parents.all())

    def described(self) -> object:
        """What it is a fingerprint of: what leads on, and where parents come from."""
        return [self.inner.described(), msgspec.to_builtins(self.said)]

    def request_for(self, number: int, limit: int) -> PageRequest | None:  # type: ignore[override]
        """The answer of a parent by its number; else the first page of the first parent, if there is one."""
        parents = self.parents.all()
        if not parents:
            return None
        if not self.is_single:
            super().request_for(number, limit)
            return self._of_parent(0, 1, 1, limit)
        if number > len(parents):
            raise InvalidInputError(f"page {number} was asked for, but there are {len(parents)} parents")
        return self._of_parent(number - 1, 1, number, limit)

    def request_after(
        self, page: Page, limit: int, *, url: str, asked: PageRequest | None = None
    ) -> PageRequest | None:
        """The next page of the same parent, or the first of the next one."""
        if asked is None:
            raise LookupError("a page of one of several parents must come with its request")
        index, inner_number = asked.values[_PARENT][0], asked.values[_PAGE]
        following = self.inner.request_after(page.numbered(inner_number), limit, url=url, asked=asked)
        if following is not None:
            return self._child(following, index, inner_number + 1, page.number + 1)
        if index + 1 < len(self.parents.all()):
            return self._of_parent(index + 1, 1, page.number + 1, limit)
        return None

    def request_again(self, place: RunPlace, limit: int) -> PageRequest:
        """The page of the parent where a run goes on, which must still be the same."""
        index, known = place.values[_PARENT]
        parents = self.parents.all()
        if index >= len(parents) or _mark(parents[index]) != known:
            raise SourceChangedError(
                f"the parents are not those that the run was begun with: number {index + 1} is another one"
            )
        return structs.replace(self.inner.request_again(place, limit), parent=self._filled(index))

    def ends(self, page: Page) -> bool | None:
        """As one parent's pages say it."""
        return self.inner.ends(page)

    def ends_a_collection(self, asked: PageRequest, following: PageRequest | None) -> bool:
        """Where nothing follows, or a page of the next parent."""
        return following is None or self.leaves(asked, following)

    def leaves(self, asked: PageRequest, following: PageRequest) -> bool:
        """As the two parents say."""
        return bool(asked.values[_PARENT] != following.values[_PARENT])

    def may_lose_its_way(self, records: int, limit: int) -> bool:
        """Only a full page: a request more for each of many parents would be too many."""
        return records >= limit and self.inner.may_lose_its_way(records, limit)

    @property
    def declared_end(self) -> str | None:
        """The last parent's answer, where each has one; or that there is no parent."""
        parents = len(self.parents.all())
        if not parents:
            return "there is no parent"
        return f"one answer for each of {parents} parents" if self.inner.declared_end else None

    def page_count(self, page: Totals, limit: int) -> int | None:
        """A page a parent, where each has one answer."""
        return len(self.parents.all()) if self.is_single else None

    def _of_parent(self, index: int, inner_number: int, number: int, limit: int) -> PageRequest:
        return self._child(self.inner.request_for(inner_number, limit), index, inner_number, number)

    def _child(self, request: PageRequest, index: int, inner_number: int, number: int) -> PageRequest:
        parents = self.parents.all()
        parent = parents[index] if index < len(parents) else {}
        values = {**request.values, _PARENT: [index, _mark(parent)], _PAGE: inner_number}
        return structs.replace(request, number=number, values=values, parent=self._filled(index))

    def _filled(self, index: int) -> Mapping[str, Any]:
        """A parent's fields, and where its children are asked for."""
        parents = self.parents.all()
        parent: Mapping[str, Any] = parents[index] if index < len(parents) else {}
        if self.asks_from is None or index >= len(parents):
            return parent
        return {**parent, **self.asks_from.bounds(self.parents.keys()[index])}


def _each_once(parents: Iterable[dict[str, Any]], key: tuple[str, ...]) -> list[dict[str, Any]]:
    """The parents without those that came before by their key: what belongs to one would come twice.

    Raises:
        ProtocolError: Two differ that have the same key.
    """
    kept: list[dict[str, Any]] = []
    seen: dict[bytes, dict[str, Any]] = {}
    for parent in parents:
        values = [parent.get(name) for name in key]
        same = seen.setdefault(digest(values, 16), parent) if values and None not in values else parent
        if same is parent:
            kept.append(parent)
        elif same != parent:
            raise ProtocolError(
                f"two parents differ that have the same {', '.join(key)}: that is no key; change the "
                "primary_key of the resource that for_each names"
            )
    return kept


def _mark(parent: Mapping[str, Any]) -> str:
    return digest(parent, 8).hex()
