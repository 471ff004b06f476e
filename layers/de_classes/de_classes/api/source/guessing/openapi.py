"""An OpenAPI document (3.x, or Swagger 2.0) as a description: a resource for each GET that answers a list."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin

from de_classes.api.source.guessing import shapes
from de_classes.api.source.guessing.shapes import Records, joined
from de_classes.api.source.guessing.writing import Draft, identifier, literal
from de_classes.errors import InvalidInputError
from de_classes.utils.values import DiscreetValue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from de_classes.api.source.guessing.shapes import Keys

_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_MOST: Final = re.compile(r"max(?:imum)?(?: of|:| is)?\s*`?(\d{1,6})", re.IGNORECASE)
_RESERVED: Final = frozenset({"size", "method", "path", "query", "body", "timestamp"})
_CURSOR_PARAMS: Final = (
    "cursor",
    "page_token",
    "pageToken",
    "after",
    "starting_after",
    "start_cursor",
    "next_token",
    "nextToken",
    "offset",
)
_CURSOR_FIELDS: Final = re.compile(
    r"next_?(?:page_?)?(?:cursor|token)|end_?cursor|after(?:_cursor)?|cursor|continuation_?token",
    re.IGNORECASE,
)
_DEEP: Final = 4
_FEW: Final = 5
"""Fields of an object that is there for its list alone."""


def from_openapi(document: dict[str, Any], *, name: str | None, wanted: Sequence[str]) -> Draft:
    """A draft of an API's collections.

    Args:
        document: The document, as JSON.
        name: What to call the source; its host unless given.
        wanted: Operations by their id, path, or the resource's name; all that answer a list if empty.

    Raises:
        InvalidInputError: It is no such document, has no such operation, or none that answers a list.
    """
    if not isinstance(document.get("paths"), dict) or not ("openapi" in document or "swagger" in document):
        raise InvalidInputError("--openapi: no OpenAPI document: it has no openapi and paths")
    return _Document(document, name).draft(wanted)


class _Document:
    def __init__(self, document: dict[str, Any], name: str | None) -> None:
        self._document = document
        self._source: dict[str, Any] = {"base_url": "", "resources": {}}
        self._draft = Draft("api", self._source)
        self._parameters: dict[str, dict[str, Any]] = {}
        title = (document.get("info") or {}).get("title")
        self._draft.note(
            text=f"from the OpenAPI document {str(title)[:80]!r}: nothing in it was tried, so check it"
        )
        self._base()
        host = re.sub(r"https?://|[:/].*|\$\{[^}]*\}\.?", "", self._source["base_url"])
        labels = [each for each in host.split(".") if each not in {"api", "www"}]
        made = identifier(labels[-2] if len(labels) > 1 else labels[0] if labels else "", "api").lower()
        self._draft.name = identifier(name or "", made)

    def draft(self, wanted: Sequence[str]) -> Draft:
        known = {collection.name: collection for collection in self._collections()}
        chosen = [self._chosen(each, known) for each in wanted] if wanted else list(known.values())
        if not chosen:
            raise InvalidInputError("--openapi: no GET in it answers a list of objects")
        for collection in chosen:
            if collection.name not in self._source["resources"]:
                self._resource(collection)
        self._auth()
        if self._parameters:
            self._source["parameters"] = self._parameters
        return self._draft

    def _chosen(self, wanted: str, known: dict[str, _Collection]) -> _Collection:
        for collection in known.values():
            if wanted in {collection.name, collection.path, collection.operation.get("operationId")}:
                return collection
        names = [str(each.operation.get("operationId") or each.path) for each in known.values()]
        nearest = difflib.get_close_matches(wanted, names, n=3)
        hint = (
            f"did you mean {', '.join(nearest)}?" if nearest else f"there are {len(names)} that answer a list"
        )
        raise InvalidInputError(
            f"--resource {wanted[:80]!r} is no GET of the document that answers a list: {hint}"
        )

    def _collections(self) -> Iterator[_Collection]:
        for path, item in self._document["paths"].items():
            item = self._resolved(item)  # noqa: PLW2901 - what it refers to
            operation = item.get("get") if isinstance(item, dict) else None
            if not isinstance(operation, dict):
                continue
            answer = self._resolved((operation.get("responses") or {}).get("200"))
            schema = self._schema_of(answer)
            found = None if schema is None else self._list_in(schema)
            if found is None:
                continue
            if not self._is_collection(found, schema, operation, item):
                continue
            said = [*(item.get("parameters") or []), *(operation.get("parameters") or [])]
            parameters = [
                each for each in map(self._resolved, said) if isinstance(each, dict) and "name" in each
            ]
            name = identifier(str(operation.get("operationId") or path), "records")
            yield _Collection(name, path, operation, answer, found, parameters)

    def _is_collection(
        self,
        found: tuple[Keys, dict[Keys, dict[str, Any]]],
        schema: Any,  # noqa: ANN401 - JSON
        operation: dict[str, Any],
        item: dict[str, Any],
    ) -> bool:
        """Whether a list is what is answered, and not one field of an object among many."""
        where, _ = found
        said = map(self._resolved, [*(item.get("parameters") or []), *(operation.get("parameters") or [])])
        names = {each.get("name") for each in said if isinstance(each, dict)}
        is_paged = not names.isdisjoint({*shapes.SIZE_NAMES, *shapes.PAGE_NAMES, *_CURSOR_PARAMS})
        fields = (self._whole(schema) or {}).get("properties") or {}
        return not where or is_paged or (len(where) == 1 and "id" not in fields and len(fields) <= _FEW)

    def _schema_of(self, answer: Any) -> Any:  # noqa: ANN401 - JSON
        """The schema of the JSON that an answer holds."""
        if not isinstance(answer, dict):
            return None
        if "schema" in answer:  # Swagger 2.0
            return answer["schema"]
        for kind, said in (answer.get("content") or {}).items():
            if "json" in kind and isinstance(said, dict):
                return said.get("schema")
        return None

    def _list_in(self, schema: Any) -> tuple[Keys, dict[Keys, dict[str, Any]]] | None:  # noqa: ANN401 - JSON
        """Where a list of objects stands, and the plain fields besides it; None if there is no one list."""
        lists: list[Keys] = []
        fields: dict[Keys, dict[str, Any]] = {}
        for path, each in self._inside(schema, ()):
            if each.get("type") == "array" or "items" in each:
                if self._is_object(each.get("items")):
                    lists.append(path)
            elif path and "properties" not in each:
                fields[path] = each
        lists.sort(key=lambda path: (shapes.ASIDE.search(joined(path)) is not None, len(path)))
        return (lists[0], fields) if lists else None

    def _inside(self, schema: Any, path: Keys) -> Iterator[tuple[Keys, dict[str, Any]]]:  # noqa: ANN401 - JSON
        schema = self._whole(schema)
        if schema is None or len(path) > _DEEP:
            return
        yield path, schema
        if schema.get("type") != "array":
            for name, item in (schema.get("properties") or {}).items():
                if name:
                    yield from self._inside(item, (*path, name))

    def _is_object(self, schema: Any) -> bool:  # noqa: ANN401 - JSON
        whole = self._whole(schema)
        return whole is not None and (
            whole.get("type") in {None, "object"} or "object" in (whole.get("type") or [])
        )

    def _whole(self, schema: Any, depth: int = 0) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
        """A schema with what it refers to and is made of in its place."""
        schema = self._resolved(schema)
        if not isinstance(schema, dict) or depth > _DEEP:
            return None
        made = dict(schema)
        for word in ("allOf", "oneOf", "anyOf"):
            parts = [
                part for part in (self._whole(each, depth + 1) for each in schema.get(word) or []) if part
            ]
            for part in parts if word == "allOf" else parts[:1]:
                made = {
                    **part,
                    **made,
                    "properties": {**(part.get("properties") or {}), **(made.get("properties") or {})},
                }
        if not made.get("properties"):
            made.pop("properties", None)
        return made

    def _resolved(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        for _ in range(20):
            if not isinstance(value, dict) or not isinstance(value.get("$ref"), str):
                return value
            found: Any = self._document
            for name in value["$ref"].removeprefix("#/").split("/"):
                key = name.replace("~1", "/").replace("~0", "~")
                found = found.get(key) if isinstance(found, dict) else None
            value = found
        return None

    def _resource(self, collection: _Collection) -> None:
        name = collection.name
        resource: dict[str, Any] = {}
        summary = collection.operation.get("summary")
        if summary:
            self._draft.note("resources", name, text=str(summary))
        resource["path"] = self._path(collection)
        where, fields = collection.found
        resource["records_path"] = joined(where)
        query = {str(each["name"]): each for each in collection.parameters if each.get("in") == "query"}
        self._params(collection, query, resource)
        size = next(
            (each for each in shapes.SIZE_NAMES if each in query and self._is_number(query[each])), None
        )
        if size is not None:
            schema = self._whole(query[size].get("schema")) or query[size]
            told = _MOST.search(str(query[size].get("description", "")))
            most = schema.get("maximum") or (int(told[1]) if told else None)
            resource["page_size"] = {"into": f"query.{size}", **({"max": int(most)} if most else {})}
            seen = f"at most {most}" if most else "no most is said"
            self._note(name, "page_size", f"guess: {size}; seen: a number of the query, {seen}")
        numbers = {path: 1 for path, each in fields.items() if each.get("type") == "integer"}
        records = Records(where, "list", [])
        total = next(iter(shapes.totals(_nested(numbers), records)), None) if where else None
        resource["pagination"] = self._pagination(collection, query, fields)
        if total is not None:
            resource["total_path"] = total[0]
            self._note(
                name,
                "total_path",
                f"guess: the number of all records; seen: a whole number called {total[0]}",
            )
        self._source["resources"][name] = resource

    def _pagination(  # noqa: PLR0911 - a branch for each kind, plain to read
        self, collection: _Collection, query: dict[str, Any], fields: dict[Keys, dict[str, Any]]
    ) -> dict[str, Any]:
        name = collection.name
        headers = {each.lower() for each in (collection.answer.get("headers") or {})}
        marks = [
            path for path in fields if re.fullmatch("has_?(?:more|next(?:_?page)?)", path[-1], re.IGNORECASE)
        ]
        more = {"more": joined(marks[0])} if marks else {}
        if "link" in headers:
            self._note(name, "pagination", "guess: a Link header; seen: it is among the answer's headers")
            return {"type": "link"}
        addresses = [
            path
            for path in fields
            if "next" in joined(path).lower()
            and not _CURSOR_FIELDS.fullmatch(path[-1])
            and fields[path].get("type") in {None, "string"}
        ]
        exact = [
            path
            for path in addresses
            if fields[path].get("format") == "uri"
            or path[-1] in {"next", "next_url", "nextLink", "next_page_url", "@odata.nextLink"}
        ]
        cursors = [path for path in fields if _CURSOR_FIELDS.fullmatch(path[-1])]
        into = next((each for each in _CURSOR_PARAMS if each in query), None)
        if cursors and into:
            self._note(
                name,
                "pagination",
                f"guess: a cursor; seen: {joined(cursors[0])} in the answer, {into} in the query",
            )
            return {"type": "cursor", "path": joined(cursors[0]), "into": f"query.{into}", **more}
        if exact:
            self._note(name, "pagination", f"guess: the next address; seen: {joined(exact[0])} in the answer")
            return {"type": "next_url", "path": joined(exact[0]), **more}
        for kind, names in (("page", shapes.PAGE_NAMES), ("offset", shapes.OFFSET_NAMES)):
            found = next((each for each in names if each in query and self._is_number(query[each])), None)
            if found is not None:
                schema = self._whole(query[found].get("schema")) or query[found]
                first = schema.get("default", schema.get("minimum", 1))
                self._note(name, "pagination", f"guess: {kind}; seen: {found}, a number of the query")
                return {
                    "type": kind,
                    "into": f"query.{found}",
                    **({"first": 0} if kind == "page" and first == 0 else {}),
                    **more,
                }
        if "after" in query and "page" not in query and marks:
            self._note(
                name,
                "pagination",
                "guess: the last record's id; seen: after in the query, and a mark of more",
            )
            return {"type": "last_record", "path": "id", "into": "query.after", **more}
        if not collection.found[0] and into:
            self._note(
                name,
                "pagination",
                f"guess: a Link header; seen: {into} in the query, and nothing but records in the answer",
            )
            return {"type": "link"}
        if query.keys().isdisjoint({*shapes.SIZE_NAMES, *shapes.PAGE_NAMES, *_CURSOR_PARAMS}):
            self._note(
                name, "pagination", "guess: all in one answer; seen: no parameter for a page or its size"
            )
            return {"type": "none"}
        self._note(
            name,
            "pagination",
            "could not tell: what leads to the next page; the document names nothing. One page is read",
        )
        self._draft.open_points.append(
            f"{name}.pagination: the document names nothing that leads to the next page"
        )
        return {"type": "none"}

    def _path(self, collection: _Collection) -> str:
        said = {str(each["name"]): each for each in collection.parameters if each.get("in") == "path"}

        def one(match: re.Match[str]) -> str:
            return self._parameter(match[1], said.get(match[1], {}))

        return self._prefix + _PLACE.sub(one, literal(collection.path))

    def _params(self, collection: _Collection, query: dict[str, Any], resource: dict[str, Any]) -> None:
        params: dict[str, Any] = {}
        others = []
        for name, each in query.items():
            schema = self._whole(each.get("schema")) or each
            values = schema.get("enum") or []
            if each.get("required"):
                params[name] = self._parameter(name, each)
            elif "all" in values and schema.get("default") not in {None, "all"}:
                params[name] = "all"
                self._note(
                    collection.name,
                    "params",
                    f"guess: {name} = all, for {schema.get('default')} alone is the default; "
                    "seen: both in the document",
                )
            elif name not in shapes.SIZE_NAMES and name not in shapes.PAGE_NAMES:
                others.append(name)
        for each in collection.parameters:
            if (
                each.get("in") == "header"
                and each.get("required")
                and str(each["name"]).lower() not in {"authorization", "accept"}
            ):
                resource.setdefault("headers", {})[str(each["name"])] = self._parameter(
                    str(each["name"]), each
                )
        if params:
            resource["params"] = params
        if others:
            self._note(collection.name, "records_path", f"its query also knows {', '.join(others)}")

    def _parameter(self, name: str, said: dict[str, Any]) -> str:
        """A parameter's place, which is declared once for the source."""
        own = identifier(name, "value")
        own = f"{own}_value" if own in _RESERVED else own
        words = " ".join(str(said.get("description") or "").split())
        self._parameters.setdefault(own, {"help": words[:100]} if words else {})
        return f"${{{own}}}"

    def _is_number(self, parameter: dict[str, Any]) -> bool:
        schema = self._whole(parameter.get("schema")) or parameter
        return schema.get("type") in {"integer", "number"}

    def _base(self) -> None:
        document = self._document
        servers = [
            each for each in document.get("servers") or [] if isinstance(each, dict) and each.get("url")
        ]
        if servers:
            address = str(servers[0]["url"])
            for name, said in (servers[0].get("variables") or {}).items():
                default = said.get("default") if isinstance(said, dict) else None
                if address.startswith(f"{{{name}}}://"):  # whatever it is elsewhere, here it is https
                    address = address.replace(f"{{{name}}}", "https", 1)
                    continue
                own = identifier(name, "value")
                self._parameters[own] = {"default": default} if default else {}
                if re.search(rf"://{re.escape(f'{{{name}}}')}(?:[:/]|$)", address):
                    self._parameters[own]["kind"] = "host"
                address = address.replace(f"{{{name}}}", f"${{{own}}}")
        elif document.get("host"):
            scheme = next(iter(document.get("schemes") or ["https"]))
            address = f"{scheme}://{document['host']}{document.get('basePath', '')}"
        else:
            address = ""
        match = re.match(r"(https?://[^/?#@]+)([^?#]*)", address)
        if match is None:
            self._draft.note(
                "base_url", text=f"could not tell: the document names no address but {address!r}"
            )
            self._draft.open_points.append("base_url: the document names no address")
            match = re.match(r"(https?://[^/]+)(.*)", urljoin("https://api.example.com", address or "/"))
        origin = match[1] if match else "https://api.example.com"
        self._source["base_url"] = (
            origin
            if "://localhost" in origin or "://127." in origin
            else origin.replace("http://", "https://")
        )
        self._prefix = match[2].rstrip("/") if match else ""

    def _auth(self) -> None:
        components = self._document.get("components") or {}
        schemes = components.get("securitySchemes") or self._document.get("securityDefinitions") or {}
        wanted = [name for each in self._document.get("security") or [] for name in each]
        for name in dict.fromkeys([*wanted, *schemes]):
            auth = self._scheme(self._resolved(schemes.get(name)))
            if auth is not None:
                self._source["auth"] = auth
                others = ", ".join(each for each in schemes if each != name)
                self._draft.note(
                    "auth",
                    text=f"guess: the document's {name}; it also has {others or 'no other'}",
                )
                return
        if schemes:
            self._draft.note(
                "base_url",
                text=f"could not tell: the login; the document has {', '.join(schemes)}. Say auth "
                f"= {{ type = ... }}",
            )
            self._draft.open_points.append(f"auth: none of {', '.join(schemes)} has a counterpart")
            return
        self._source["auth"] = {"type": "bearer", "token": "${secret.token}"}
        self._draft.note(
            "auth",
            text="guess: a Bearer token, for the document says nothing of a login; "
            '{ type = "none" } if there is none',
        )

    def _scheme(self, said: Any) -> dict[str, Any] | None:  # noqa: ANN401, PLR0911 - JSON; a branch for each kind  # noqa: PLR0911 - a branch for each kind, plain to read
        if not isinstance(said, dict):
            return None
        kind, scheme = said.get("type"), str(said.get("scheme", "")).lower()
        if kind == "basic" or (kind == "http" and scheme == "basic"):
            return {"type": "basic", "username": "${secret.username}", "password": "${secret.password}"}
        if kind == "http" and scheme == "bearer":
            return {"type": "bearer", "token": "${secret.token}"}
        if kind == "apiKey" and said.get("in") in {"header", "query"} and said.get("name"):
            if str(said["name"]).lower() == "authorization":
                return {"type": "bearer", "token": "${secret.token}"}
            return {"type": "api_key", "value": "${secret.api_key}", "into": f"{said['in']}.{said['name']}"}
        flows = said.get("flows") or {}
        flow = flows.get("clientCredentials") or (said if said.get("flow") == "application" else None)
        if kind == "oauth2" and flow and str(flow.get("tokenUrl", "")).startswith("https://"):
            return {
                "type": "oauth2", "grant": "client_credentials", "token_url": literal(str(flow["tokenUrl"])),
                "client_id": "${secret.client_id}", "client_secret": "${secret.client_secret}",
            }  # fmt: skip
        return None

    def _note(self, name: str, key: str, text: str) -> None:
        self._draft.note("resources", name, key, text=text)


class _Collection(DiscreetValue):
    """An operation that answers a list: where the list stands, the fields besides it, and its parameters."""

    shown = ("name", "path")

    name: str
    path: str
    operation: dict[str, Any]
    answer: dict[str, Any]
    found: tuple[Keys, dict[Keys, dict[str, Any]]]
    parameters: list[dict[str, Any]]


def _nested(fields: dict[Keys, Any]) -> dict[str, Any]:
    """Values by path as an object."""
    made: dict[str, Any] = {}
    for path, value in fields.items():
        inner = made
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        if isinstance(inner, dict):
            inner[path[-1]] = value
    return made
