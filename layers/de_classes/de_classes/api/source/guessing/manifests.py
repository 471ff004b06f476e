"""An Airbyte declarative manifest, or a dlt rest_api configuration, as a description.

What has no counterpart stands as a comment at its place, and among the draft's open points.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from de_classes.api.auth import auth_words
from de_classes.api.source.guessing.shapes import SIZE_NAMES, joined
from de_classes.api.source.guessing.writing import Draft, identifier, literal
from de_classes.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRETIVE: Final = re.compile(r"secret|token|key|password|credential", re.IGNORECASE)
_BRACES: Final = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_STEP: Final = (
    r"""(?:\[\s*['"][^'"]+['"]\s*\]|\.get\(\s*['"][^'"]+['"]\s*(?:,[^()]*)?\)"""
    r"""|\.(?!get\()[A-Za-z_][A-Za-z0-9_]*)"""
)
_CHAIN: Final = re.compile(rf"(\w+)({_STEP}+)")
_LAST: Final = re.compile(rf"last_records?(?:\[-1\])?({_STEP}+)")
_STEP_NAME: Final = re.compile(
    r"""\[\s*['"]([^'"]+)['"]\s*\]|\.get\(\s*['"]([^'"]+)['"][^()]*\)|\.([A-Za-z_][A-Za-z0-9_]*)"""
)
_JSONPATH: Final = re.compile(
    r"(?:\$\.?)?((?:[A-Za-z_][\w-]*|\['[^']+'\])(?:\.[A-Za-z_][\w-]*|\['[^']+'\])*)?(\[\*\]|\.\[?\*\]?)?"
)
_ONLY_NEW: Final = (
    "say incremental = { field = ..., start = ... }, and ${incremental.from} where it is asked for"
)
_TO_SAY: Final = {
    "incremental": _ONLY_NEW,
    "incremental_sync": _ONLY_NEW,
    "transformations": "say transforms = [...]",
    "state_migrations": "how far a dataset is read stands in its commits: there is none to migrate",
    "response_actions": "say errors = [{ status = [...], action = ... }]",
}
"""What is said of a word that is not taken over, by the word."""

_PLACES: Final = {"request_parameter": "query", "header": "header", "body_json": "json", "body_data": "form"}


def convert(document: dict[str, Any], *, name: str | None) -> Draft:
    """A draft of what a document says.

    Args:
        document: A manifest, or a configuration, as JSON.
        name: What to call the source.

    Raises:
        InvalidInputError: It is neither, or has no collection.
    """
    if document.get("type") == "DeclarativeSource" or "streams" in document:
        draft = _Airbyte(document, name).draft()
    elif "client" in document or "resources" in document:
        draft = _Dlt(document, name).draft()
    else:
        raise InvalidInputError(
            "--from: neither an Airbyte manifest (streams) nor a dlt rest_api configuration "
            "(client, resources)"
        )
    if not draft.source["resources"]:
        raise InvalidInputError("--from: no stream or resource in it that can be carried over")
    return draft


class _Converter:
    """What both have in common."""

    def __init__(self, kind: str, name: str | None) -> None:
        self.source: dict[str, Any] = {"base_url": "", "resources": {}}
        self._draft = Draft(identifier(name or "", "api"), self.source)
        self._draft.note(text=f"from {kind}")
        self._named = name is not None
        self.parameters: dict[str, dict[str, Any]] = {}

    def finished(self) -> Draft:
        """The draft, with a name and a base that a description allows."""
        base = self.source["base_url"]
        if not re.match(r"(?:https?://(?!\$\{secret)[^/?#@]+|\$\{)", base):
            self.open(("base_url",), f"base_url {base!r}", "it is no address")
            self.source["base_url"] = "https://api.example.com"
        if not self._named:
            host = re.sub(r"https?://|[:/].*|\$\{[^}]*\}\.?", "", self.source["base_url"])
            labels = [each for each in host.split(".") if each not in {"api", "www"}]
            self._draft.name = identifier(
                labels[-2] if len(labels) > 1 else labels[0] if labels else "", "api"
            ).lower()
        if self.parameters:
            self.source["parameters"] = self.parameters
        return self._draft

    def open(self, path: tuple[str, ...], what: object, why: str) -> None:
        """Say what is not carried over, at its place."""
        text = what if isinstance(what, str) else json.dumps(what, ensure_ascii=False, default=str)
        self._draft.note(*path, text=f"not carried over: {text[:300]}: {why}")
        where = ".".join(path[1:] if path[:1] == ("resources",) else path)
        self._draft.open_points.append(f"{where}: {text[:120]}: {why}")

    def parameter(self, name: str, *, default: Any = None, help_text: str = "") -> str:  # noqa: ANN401 - of a spec
        """A parameter's place in a text, which it is declared by."""
        name = identifier(name, "value")
        said = {"help": help_text} if help_text else {}
        if isinstance(default, str | int | float | bool):
            said["default"] = default  # type: ignore[assignment]
        self.parameters.setdefault(name, said)
        return f"${{{name}}}"


class _Airbyte(_Converter):
    """A manifest: references, ``$parameters``, and expressions in braces where they are plain."""

    def __init__(self, manifest: dict[str, Any], name: str | None) -> None:
        super().__init__("an Airbyte declarative manifest", name)
        self._manifest = manifest
        spec = manifest.get("spec") or {}
        said = spec.get("connection_specification") or spec.get("connectionSpecification") or {}
        self._spec: Mapping[str, Any] = said.get("properties") or {}
        self._parents: dict[str, str] = {}
        self._job: dict[str, Any] | None = None

    def draft(self) -> Draft:
        bases: list[str] = []
        auths: list[dict[str, Any]] = []
        for stream in self._manifest.get("streams") or []:
            stream = self._resolved(stream, {})  # noqa: PLW2901 - what it refers to
            if isinstance(stream, dict):
                self._stream(stream, bases, auths)
        if self._manifest.get("dynamic_streams"):
            self.open(("base_url",), "dynamic_streams", "resources are named one by one")
        if bases:
            self.source["base_url"] = bases[0]
        if auths and auths[0]["type"] != "none":
            self.source["auth"] = auths[0]
        for resource, base, auth in zip(self.source["resources"].values(), bases, auths, strict=True):
            if base != bases[0]:
                resource["path"] = base + resource["path"]
                host = re.sub(r"https?://|[:/].*", "", base)
                if host not in self.source.setdefault("allowed_hosts", []):
                    self.source["allowed_hosts"].append(host)
            if auth != auths[0]:
                resource["auth"] = auth
        return self.finished()

    def _stream(self, stream: dict[str, Any], bases: list[str], auths: list[dict[str, Any]]) -> None:
        name = identifier(str(stream.get("name") or "records"), "records")
        here = ("resources", name)
        retriever = stream.get("retriever") or {}
        kind = retriever.get("type", "SimpleRetriever")
        is_job = kind == "AsyncRetriever"
        requester = retriever.get("download_requester" if is_job else "requester") or {}
        self._job = None
        if (
            kind not in {"SimpleRetriever", "AsyncRetriever"}
            or requester.get("type", "HttpRequester") != "HttpRequester"
        ):
            self.open(
                ("base_url",),
                f"stream {name}",
                f"{retriever.get('type')} with {requester.get('type')} has no counterpart",
            )
            return
        resource: dict[str, Any] = {}
        self._parents = {}
        router = retriever.get("partition_router")
        if router:
            self._router(router, resource, here)
        base = self._made_first(retriever, resource, here) if is_job else None
        own_base, resource["path"] = self._address(requester, (*here, "path"))
        if own_base.startswith("${job."):  # where its records lie, it says itself
            resource["path"] = own_base + resource["path"].rstrip("/")
        base = base or own_base
        if str(requester.get("http_method", "GET")).upper() == "POST":
            resource["method"] = "POST"
        elif str(requester.get("http_method", "GET")).upper() != "GET":
            self.open((*here, "path"), f"http_method {requester['http_method']}", "GET and POST are known")
        self._request(requester, resource, here)
        self._selector(retriever.get("record_selector") or {}, resource, here)
        self._paginator(retriever.get("download_paginator" if is_job else "paginator"), resource, here)
        key = stream.get("primary_key")
        keys = [key] if isinstance(key, str) and key else key if isinstance(key, list) else []
        if keys and all(isinstance(each, str) for each in keys):
            resource["primary_key"] = keys
        elif keys:
            self.open((*here, "path"), {"primary_key": keys}, "a key's fields stand at the top of a record")
        for field in ("incremental_sync", "transformations", "state_migrations"):
            if stream.get(field):
                self.open((*here, "path"), {field: _brief(stream[field])}, _TO_SAY[field])
        self.source["resources"][name] = resource
        bases.append(base)
        logs_in = retriever.get("creation_requester") or {} if is_job else requester
        auths.append(self._auth(logs_in.get("authenticator")))

    def _address(self, requester: dict[str, Any], here: tuple[str, ...]) -> tuple[str, str]:
        """The origin of a request, and its path below that."""
        address = self._text(str(requester.get("url_base") or requester.get("url") or ""), here)
        path = self._text(str(requester.get("path") or ""), here)
        match = re.match(r"((?:https?://[^/]+|\$\{[^}]*\}))(.*)", address, re.DOTALL)
        base, rest = (match[1], match[2]) if match else (address, "")
        whole = "/".join(part.strip("/") for part in (rest, path) if part.strip("/"))
        slash = "/" if whole and path.endswith("/") else ""
        return base, f"/{whole}{slash}" if whole else "/"

    def _made_first(self, retriever: dict[str, Any], resource: dict[str, Any], here: tuple[str, ...]) -> str:
        """The job by which records are made first, and its origin; its pages come after it."""
        place, states = (*here, "job"), retriever.get("status_mapping") or {}
        job: dict[str, Any] = {"fields": {}}
        self._job = job
        base, job["create"] = self._job_request(retriever.get("creation_requester") or {}, place)
        _, job["poll"] = self._job_request(retriever.get("polling_requester") or {}, place)
        state = (retriever.get("status_extractor") or {}).get("field_path") or ["status"]
        job["state_path"] = joined(tuple(map(str, state)))
        for theirs, ours in (("running", "pending"), ("completed", "done"), ("failed", "failed")):
            job[ours] = [str(each) for each in states.get(theirs) or []]
        job["failed"] += [str(each) for each in states.get("timeout") or []]
        for ours in ("pending", "done"):
            job[ours] = job[ours] or [ours]
        target = (retriever.get("download_target_extractor") or {}).get("field_path") or []
        if target and not any("*" in str(each) for each in target):
            job["fields"]["url"] = joined(tuple(map(str, target)))
        elif target:
            self.open(place, {"download_target_extractor": target}, "a job has one file, or pages")
        self.open(place, "how many records there are", "name total_path, which proves the end")
        self._answer(retriever.get("download_decoder") or {}, resource)
        resource["job"] = job
        return base

    def _job_request(self, requester: dict[str, Any], here: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
        base, path = self._address(requester, here)
        method = str(requester.get("http_method", "GET")).upper()
        made: dict[str, Any] = {"path": path, **({"method": "POST"} if method == "POST" else {})}
        self._request(requester, made, here)
        if "form" in made:
            self.open(here, {"form": made.pop("form")}, "a job is asked for by JSON")
        return base, made

    def _answer(self, decoder: dict[str, Any], resource: dict[str, Any]) -> None:
        """What a file that is downloaded holds."""
        if decoder.get("type") in {"GzipDecoder", "ZipfileDecoder"}:
            resource["compression"] = "gzip" if decoder["type"] == "GzipDecoder" else "zip"
            decoder = decoder.get("decoder") or {}
        kinds = {"CsvDecoder": "csv", "JsonlDecoder": "jsonl", "XmlDecoder": "xml"}
        resource["answer"] = kinds.get(str(decoder.get("type")), "json" if decoder else "csv")

    def _of_job(self, inner: str) -> str | None:
        """What an expression means that names something of a job; None if it names none."""
        job, chain = self._job, _CHAIN.fullmatch(inner)
        if job is None:
            return None
        if inner in {"download_target", "url"} and "url" in job["fields"]:
            return "${job.url}"
        if chain is None or chain[1] not in {"creation_response", "polling_response"}:
            return None
        names = _names(chain[2])
        if chain[1] == "creation_response":
            job["id_path"] = joined(names)
            return "${job.id}"
        if joined(names) == job.get("id_path", "id"):
            return "${job.id}"
        job["fields"][names[-1]] = joined(names)
        return f"${{job.{names[-1]}}}"

    def _request(self, requester: dict[str, Any], resource: dict[str, Any], here: tuple[str, ...]) -> None:
        for theirs, ours in (
            ("request_parameters", "params"),
            ("request_headers", "headers"),
            ("request_body_json", "json"),
            ("request_body_data", "form"),
        ):
            said = requester.get(theirs)
            if isinstance(said, str):
                self.open((*here, ours), said, "the whole of it is an expression")
            elif said:
                filled = {literal(name): self._value(value, (*here, ours)) for name, value in said.items()}
                resource[ours] = {name: value for name, value in filled.items() if value is not None}
        body = requester.get("request_body")
        if isinstance(body, dict) and isinstance(body.get("value"), dict):
            ours = "form" if "Url" in str(body.get("type")) else "json"
            filled = {
                literal(name): self._value(value, (*here, ours)) for name, value in body["value"].items()
            }
            resource[ours] = {name: value for name, value in filled.items() if value is not None}
        if ("json" in resource or "form" in resource) and resource.get("method") != "POST":
            self.open(
                (*here, "path"),
                {each: resource.pop(each) for each in ("json", "form") if each in resource},
                "a GET has no body",
            )
        if requester.get("error_handler"):
            self.open(
                (*here, "path"),
                {"error_handler": _brief(requester["error_handler"])},
                "say errors = [{ status = [...], action = ... }]; 429 and 5xx are retried anyhow",
            )

    def _selector(self, selector: dict[str, Any], resource: dict[str, Any], here: tuple[str, ...]) -> None:
        extractor = selector.get("extractor") or {}
        field = extractor.get("field_path", extractor.get("field_pointer")) or []
        names = [str(each) for each in field]
        while names and names[-1] == "*":
            names.pop()
        if extractor.get("type", "DpathExtractor") != "DpathExtractor" or any(
            "*" in each or "{{" in each for each in names
        ):
            self.open((*here, "records_path"), _brief(extractor), "say a JMESPath")
            names = []
        resource["records_path"] = joined(tuple(names))
        if selector.get("record_filter"):
            self.open(
                (*here, "records_path"),
                {"record_filter": _brief(selector["record_filter"])},
                "records are kept as they come",
            )

    def _router(self, router: Any, resource: dict[str, Any], here: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
        one = router[0] if isinstance(router, list) and len(router) == 1 else router
        if not isinstance(one, dict):
            self.open((*here, "for_each"), _brief(router), "one list or parent for each resource")
            return
        if one.get("type") == "ListPartitionRouter" and isinstance(one.get("values"), list):
            resource["for_each"] = {"values": [str(each) for each in one["values"]]}
            self._parents[str(one.get("cursor_field"))] = "value"
            option = one.get("request_option")
            place = "${parent.value}"
        elif (
            one.get("type") == "SubstreamPartitionRouter" and len(one.get("parent_stream_configs") or []) == 1
        ):
            config = one["parent_stream_configs"][0]
            parent = identifier(str((config.get("stream") or {}).get("name", "")), "records")
            resource["for_each"] = {"resource": parent}
            self._parents[str(config.get("partition_field"))] = str(config.get("parent_key"))
            option = config.get("request_option")
            place = f"${{parent.{config.get('parent_key')}}}"
        else:
            self.open((*here, "for_each"), _brief(one), "a list of values, or one parent resource")
            return
        if isinstance(option, dict):
            into = self._into(option)
            if into and into.startswith("query."):
                resource.setdefault("params", {})[into.removeprefix("query.")] = place
            else:
                self.open((*here, "for_each"), _brief(option), "put ${parent.FIELD} where it goes")

    def _paginator(self, paginator: Any, resource: dict[str, Any], here: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
        place = (*here, "pagination")
        if not paginator or paginator.get("type") == "NoPagination":
            resource["pagination"] = {"type": "none"}
            return
        strategy = paginator.get("pagination_strategy") or {}
        kind = strategy.get("type")
        token = paginator.get("page_token_option") or {}
        into = self._into(token)
        size = self._into(paginator.get("page_size_option") or {})
        number = strategy.get("page_size")
        if size:
            resource["page_size"] = {"into": size}
            if isinstance(number, int):
                resource["page_size"]["default"] = number
            elif number is not None:
                self.open((*here, "page_size"), f"page_size {number}", "a page's size is a number here")
        resource["pagination"] = {"type": "none"}
        if kind == "PageIncrement" and into:
            first = strategy.get("start_from_page", 0)
            resource["pagination"] = {
                "type": "page",
                "into": into,
                **({} if first == 1 else {"first": first}),
            }
        elif kind == "OffsetIncrement" and into:
            resource["pagination"] = {"type": "offset", "into": into}
        elif kind == "CursorPagination":
            found = self._cursor(strategy, token, into, place)
            if found is not None:
                resource["pagination"] = found
        else:
            self.open(place, _brief(strategy), "no counterpart: one page is read")

    def _cursor(
        self, strategy: dict[str, Any], token: dict[str, Any], into: str | None, place: tuple[str, ...]
    ) -> dict[str, Any] | None:
        value = str(strategy.get("cursor_value", ""))
        match = _BRACES.fullmatch(value.strip())
        inner = match[1] if match else ""
        found: dict[str, Any] | None = None
        chain, last = _CHAIN.fullmatch(inner), _LAST.fullmatch(inner)
        if chain and chain[1] == "headers" and "link" in chain[2].lower():
            found = {"type": "link"}
        elif chain and chain[1] == "headers" and into:
            found = {"type": "cursor", "header": _names(chain[2])[0], "into": into}
        elif chain and chain[1] == "response":
            path = joined(_names(chain[2]))
            found = (
                {"type": "next_url", "path": path}
                if token.get("type") == "RequestPath"
                else {"type": "cursor", "path": path, "into": into}
            )
        elif last and into:
            found = {"type": "last_record", "path": joined(_names(last[1])), "into": into}
        if found is None or ("into" in found and not found["into"]):
            self.open(place, {"cursor_value": value}, "say where the cursor stands; one page is read")
            return None
        stop = strategy.get("stop_condition")
        if stop is not None:
            mark = _mark(str(stop), found.get("path"))
            if mark is None:
                self.open(
                    place,
                    {"stop_condition": stop},
                    "say more or done, the path of a boolean; what leads on ends by itself where "
                    "it is absent",
                )
            found |= mark or {}
        return found

    def _into(self, option: dict[str, Any]) -> str | None:
        place = _PLACES.get(str(option.get("inject_into")))
        names = option.get("field_path") or [option.get("field_name")]
        return (
            None
            if place is None or not all(isinstance(each, str) and each for each in names)
            else f"{place}.{'.'.join(names)}"
        )

    def _auth(self, said: Any) -> dict[str, Any]:  # noqa: ANN401, C901 - JSON; a branch for each kind  # noqa: C901 - a branch for each kind, plain to read
        if not isinstance(said, dict) or said.get("type") == "NoAuth":
            return {"type": "none"}
        if said.get("type") == "SelectiveAuthenticator" and said.get("authenticators"):
            self.open(
                ("auth",),
                f"all of {', '.join(said['authenticators'])} but the first",
                "a source logs in one way",
            )
            said = next(iter(said["authenticators"].values()))
        here = ("auth",)
        kind = said.get("type")
        if kind == "BearerAuthenticator":
            return {"type": "bearer", "token": self._secret(said.get("api_token"), "token", here)}
        if kind == "BasicHttpAuthenticator":
            password = said.get("password")
            return {
                "type": "basic",
                "username": self._secret(said.get("username"), "username", here),
                "password": self._secret(password, "password", here) if password else "",
            }
        if kind == "ApiKeyAuthenticator":
            option = said.get("inject_into") or {"inject_into": "header", "field_name": said.get("header")}
            into = self._into(option)
            if into and into.startswith(("query.", "header.")):
                return {
                    "type": "api_key",
                    "value": self._secret(said.get("api_token"), "api_key", here),
                    "into": into,
                }
        if kind == "OAuthAuthenticator" and said.get("token_refresh_endpoint"):
            grant = str(said.get("grant_type", "refresh_token"))
            if grant in {"refresh_token", "client_credentials"}:
                made = {
                    "type": "oauth2",
                    "grant": grant,
                    "token_url": self._text(str(said["token_refresh_endpoint"]), here),
                    "client_id": self._secret(said.get("client_id"), "client_id", here),
                    "client_secret": self._secret(said.get("client_secret"), "client_secret", here),
                }
                if said.get("scopes"):
                    made["scope"] = " ".join(str(each) for each in said["scopes"])
                if grant == "refresh_token":
                    made["refresh_token"] = self._secret(said.get("refresh_token"), "refresh_token", here)
                    if said.get("refresh_token_updater"):
                        made["rotates"] = True
                return made
        self.open(here, {"authenticator": kind}, f"say auth: {auth_words()}")
        return {"type": "none"}

    def _secret(self, said: Any, default: str, here: tuple[str, ...]) -> str:  # noqa: ANN401 - JSON
        """A credential's place: a literal one is never written down."""
        text = str(said or "")
        return self._text(text, here) if "{{" in text else f"${{secret.{default}}}"

    def _value(self, value: Any, here: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
        if isinstance(value, str):
            return self._text(value, here, default=None)
        if isinstance(value, dict):
            return {literal(name): self._value(item, here) for name, item in value.items()}
        if isinstance(value, list):
            return [self._value(item, here) for item in value]
        return value

    def _text(self, text: str, here: tuple[str, ...], default: str | None = "") -> Any:  # noqa: ANN401 - text, or the default
        """A text with its plain expressions as a description spells them."""
        parts: list[str] = []
        at = 0
        for match in _BRACES.finditer(text):
            parts.append(literal(text[at : match.start()]))
            at = match.end()
            name = self._of_job(match[1]) or self._expression(match[1])
            if name is None:
                self.open(here, text, "an expression that has no counterpart")
                return default
            parts.append(name)
        parts.append(literal(text[at:]))
        if "{%" in text:
            self.open(here, text, "a statement that has no counterpart")
            return default
        return "".join(parts)

    def _expression(self, inner: str) -> str | None:
        if re.fullmatch(r"""'[^']*'|"[^"]*"|\d+""", inner):
            return literal(inner.strip("'\""))
        chain = _CHAIN.fullmatch(inner)
        if chain is None:
            return None
        names = _names(chain[2])
        if chain[1] == "config":
            said = self._said_of(names)
            name = names[-1]
            if said.get("airbyte_secret") or (not said and _SECRETIVE.search(name)):
                return f"${{secret.{name}}}"
            return self.parameter(
                name,
                default=said.get("default"),
                help_text=str(said.get("title") or said.get("description") or "")[:120],
            )
        if chain[1] in {"stream_partition", "stream_slice"} and names[0] in self._parents and len(names) == 1:
            return f"${{parent.{self._parents[names[0]]}}}"
        return None

    def _said_of(self, names: tuple[str, ...]) -> dict[str, Any]:
        said: Any = {"properties": self._spec}
        for name in names:
            said = (said.get("properties") or {}).get(name) if isinstance(said, dict) else None
            if said is None:
                return {}
        return said if isinstance(said, dict) else {}

    def _resolved(self, value: Any, parameters: Mapping[str, Any], depth: int = 0) -> Any:  # noqa: ANN401, PLR0911 - JSON; a branch for each kind  # noqa: PLR0911 - a branch for each kind, plain to read
        """A component with what it refers to in its place, and ``$parameters`` filled in."""
        if depth > 40:  # noqa: PLR2004 - a reference to itself
            return None
        if isinstance(value, str):
            if value.startswith("#/"):
                return self._resolved(self._at(value), parameters, depth + 1)
            return _with_parameters(value, parameters)
        if isinstance(value, list):
            return [self._resolved(item, parameters, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(value.get("$ref"), str):
            there = self._at(value["$ref"])
            rest = {name: item for name, item in value.items() if name != "$ref"}
            return self._resolved(
                {**there, **rest} if isinstance(there, dict) else there, parameters, depth + 1
            )
        mine = {**parameters, **(value.get("$parameters") or {})}
        made = {
            name: self._resolved(item, mine, depth + 1)
            for name, item in value.items()
            if name != "$parameters"
        }
        wanted = {
            "HttpRequester": ("path", "url_base"),
            "DeclarativeStream": ("name", "primary_key"),
            "DpathExtractor": ("field_path",),
        }
        for name in wanted.get(str(made.get("type")), ()):
            if name not in made and name in mine:
                made[name] = self._resolved(mine[name], {}, depth + 1)
        return made

    def _at(self, reference: str) -> Any:  # noqa: ANN401 - JSON
        found: Any = self._manifest
        for name in reference.removeprefix("#/").split("/"):
            found = found.get(name) if isinstance(found, dict) else None
        return found


class _Dlt(_Converter):
    """A configuration of ``rest_api``: a client, defaults, and resources that are names or objects."""

    def __init__(self, said: dict[str, Any], name: str | None) -> None:
        super().__init__("a dlt rest_api configuration", name)
        self._said = said

    def draft(self) -> Draft:
        client = self._said.get("client") or {}
        self.source["base_url"] = literal(str(client.get("base_url", "")).rstrip("/"))
        if client.get("headers"):
            self.source["headers"] = {
                name: f"${{secret.{identifier(name, 'header').lower()}}}"
                if _SECRETIVE.search(name) or name.lower() == "authorization"
                else literal(str(value))
                for name, value in client["headers"].items()
            }
        auth = self._auth(client.get("auth"))
        if auth is not None:
            self.source["auth"] = auth
        defaults = self._said.get("resource_defaults") or {}
        for each in self._said.get("resources") or []:
            resource = {"name": each, "endpoint": {"path": each}} if isinstance(each, str) else dict(each)
            self._resource(resource, defaults, client)
        return self.finished()

    def _resource(self, said: dict[str, Any], defaults: dict[str, Any], client: dict[str, Any]) -> None:  # noqa: C901, PLR0912 - a branch for each kind, plain to read
        endpoint = said.get("endpoint") or said.get("name")
        endpoint = {"path": endpoint} if isinstance(endpoint, str) else dict(endpoint or {})
        usual = defaults.get("endpoint") or {}
        usual = {"path": usual} if isinstance(usual, str) else usual
        endpoint = {
            **usual,
            **endpoint,
            "params": {**(usual.get("params") or {}), **(endpoint.get("params") or {})},
        }
        name = identifier(str(said.get("name") or endpoint.get("path") or "records"), "records")
        here = ("resources", name)
        resource: dict[str, Any] = {}
        path = self._with_parents(str(endpoint.get("path") or said.get("name") or ""), resource)
        params = self._params(endpoint["params"], resource, here)
        for key, value in list(params.items()):
            if isinstance(value, str) and value.startswith("${parent.") and f"{{{key}}}" in path:
                path = path.replace(f"{{{key}}}", value)
                params.pop(key)
        resource["path"] = path if path.startswith("http") else f"/{path.lstrip('/')}"
        sized = next(
            (key for key in SIZE_NAMES if isinstance(params.get(key), int) and params[key] > 0), None
        )
        if sized is not None:
            resource["page_size"] = {"into": f"query.{sized}", "default": params.pop(sized)}
            self._draft.note(*here, "page_size", text=f"guess: {sized}, by its name")
        if params:
            resource["params"] = params
        if str(endpoint.get("method", "GET")).upper() == "POST":
            resource["method"] = "POST"
            for theirs, ours in (("json", "json"), ("data", "form")):
                if isinstance(endpoint.get(theirs), dict):
                    resource[ours] = _escaped(endpoint[theirs])
        if endpoint.get("headers"):
            resource["headers"] = {
                key: literal(str(value))
                for key, value in endpoint["headers"].items()
                if not _SECRETIVE.search(key)
            }
        self._selector(endpoint.get("data_selector"), resource, here)
        self._paginator(endpoint.get("paginator", client.get("paginator", "auto")), resource, here)
        named = said.get("primary_key", defaults.get("primary_key"))
        keys = [named] if isinstance(named, str) else named if isinstance(named, list) else []
        if keys:
            resource["primary_key"] = keys
        include = said.get("include_from_parent")
        if include and "for_each" in resource:
            parent = resource["for_each"]["resource"]
            resource["for_each"]["include"] = {f"_{parent}_{each}": each for each in include}
        for field in ("incremental", "response_actions"):
            if endpoint.get(field):
                self.open((*here, "path"), {field: _brief(endpoint[field])}, _TO_SAY[field])
        if said.get("processing_steps"):
            self.open((*here, "path"), "processing_steps", "records are kept as they come")
        self.source["resources"][name] = resource

    def _params(
        self, said: dict[str, Any], resource: dict[str, Any], here: tuple[str, ...]
    ) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for name, value in said.items():
            if isinstance(value, dict) and value.get("type") == "resolve":
                resource["for_each"] = {"resource": identifier(str(value.get("resource")), "records")}
                params[name] = f"${{parent.{value.get('field')}}}"
            elif isinstance(value, str):
                params[name] = self._with_parents(value, resource)
            elif isinstance(value, int | float):
                params[name] = value
            else:
                is_new = isinstance(value, dict) and value.get("type") == "incremental"
                advice = _TO_SAY["incremental"] if is_new else "a parameter is a text or a number"
                self.open((*here, "params"), {name: value}, advice)
        return params

    def _with_parents(self, text: str, resource: dict[str, Any]) -> str:
        def one(match: re.Match[str]) -> str:
            resource["for_each"] = {"resource": identifier(match[1], "records")}
            return f"${{parent.{match[2]}}}"

        return re.sub(r"\{resources\.([\w-]+)\.([\w.-]+)\}", one, literal(text))

    def _selector(self, said: Any, resource: dict[str, Any], here: tuple[str, ...]) -> None:  # noqa: ANN401 - JSON
        path = _from_jsonpath(said)
        resource["records_path"] = path or "@"
        if said is None:
            self.open(
                (*here, "records_path"),
                "data_selector is not said",
                "name where the records stand, @ for the answer itself",
            )
        elif path is None:
            self.open((*here, "records_path"), {"data_selector": said}, "say a JMESPath")

    def _paginator(self, said: Any, resource: dict[str, Any], here: tuple[str, ...]) -> None:  # noqa: ANN401, C901 - JSON; a branch for each kind  # noqa: C901 - a branch for each kind, plain to read
        place = (*here, "pagination")
        said = {"type": said} if isinstance(said, str) else said or {}
        kind = said.get("type")
        made: dict[str, Any] = {"type": "none"}
        missed = [
            name for name in ("maximum_offset", "maximum_page", "maximum_value") if said.get(name) is not None
        ]
        if kind in {"json_link", "json_response"}:
            made = {
                "type": "next_url",
                "path": self._path(said.get("next_url_path", "next"), "next_url_path", place),
            }
        elif kind == "header_link":
            rel = said.get("links_next_key", said.get("next_url_rel", "next"))
            made = {"type": "link", **({} if rel == "next" else {"rel": rel})}
        elif kind == "header_cursor":
            made = {
                "type": "cursor",
                "header": str(said.get("cursor_key", "next")),
                "into": f"query.{said.get('cursor_param', 'cursor')}",
            }
        elif kind == "cursor":
            body = said.get("cursor_body_path")
            into = f"json.{body}" if body else f"query.{said.get('cursor_param', 'cursor')}"
            made = {
                "type": "cursor",
                "path": self._path(said.get("cursor_path", "cursors.next"), "cursor_path", place),
                "into": into,
            }
        elif kind == "offset":
            first = said.get("offset", 0)
            made = {
                "type": "offset",
                "into": f"query.{said.get('offset_param', 'offset')}",
                **({"first": first} if first else {}),
            }
            size = {"into": f"query.{said.get('limit_param', 'limit')}"}
            resource["page_size"] = {
                **size,
                **({"default": said["limit"]} if isinstance(said.get("limit"), int) else {}),
            }
            total = said.get("total_path", "total")
            if total:
                resource["total_path"] = self._path(total, "total_path", place)
        elif kind == "page_number":
            first = said.get("page", said.get("base_page", 0))
            made = {
                "type": "page",
                "into": f"query.{said.get('page_param', 'page')}",
                **({} if first == 1 else {"first": first}),
            }
            total = said.get("total_path", "total")
            if total:
                made["pages_path"] = self._path(total, "total_path", place)
        elif kind == "single_page":
            pass
        else:
            self.open(
                place, {"paginator": kind or "auto"}, "it is never assumed: say type = ...; one page is read"
            )
        if said.get("has_more_path") and made["type"] != "none":
            made["more"] = self._path(said["has_more_path"], "has_more_path", place)
        for name in missed:
            self.open(place, {name: said[name]}, "a collection is read to its end")
        resource["pagination"] = made

    def _path(self, said: Any, name: str, place: tuple[str, ...]) -> str:  # noqa: ANN401 - JSON
        path = _from_jsonpath(said)
        if path is None:
            self.open(place, {name: said}, "say a JMESPath")
        return path or "next"

    def _auth(self, said: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
        if said is None:
            return None
        said = {"type": said} if isinstance(said, str) else said
        kind = said.get("type", "bearer" if "token" in said else None)
        if kind == "bearer":
            return {"type": "bearer", "token": "${secret.token}"}
        if kind == "api_key":
            place = {"header": "header", "query": "query", "param": "query"}.get(
                str(said.get("location", "header"))
            )
            if place is not None:
                return {
                    "type": "api_key",
                    "value": "${secret.api_key}",
                    "into": f"{place}.{said.get('name', 'Authorization')}",
                }
        if kind == "http_basic":
            return {"type": "basic", "username": "${secret.username}", "password": "${secret.password}"}
        if kind == "oauth2_client_credentials" and said.get("access_token_url"):
            return {
                "type": "oauth2", "grant": "client_credentials",
                "token_url": literal(str(said["access_token_url"])),
                "client_id": "${secret.client_id}", "client_secret": "${secret.client_secret}",
            }  # fmt: skip
        self.open(("auth",), {"auth": kind}, f"say auth: {auth_words()}")
        return None


def _names(chain: str) -> tuple[str, ...]:
    return tuple(next(filter(None, match)) for match in _STEP_NAME.findall(chain))


def _mark(condition: str, way_on: str | None) -> dict[str, str] | None:
    """What a stop condition says, as ``more`` or ``done``; none where it only says that nothing leads on."""
    match = _BRACES.fullmatch(condition.strip())
    inner = match[1] if match else ""
    turned = re.fullmatch(r"not\s+\((.*)\)", inner) or re.fullmatch(r"not\s+([^(].*)", inner)
    negative = turned is not None or re.search(r"\s(?:is|==)\s*(?:false|False)$", inner) is not None
    plain = re.sub(r"\s(?:is|==)\s*(?:true|false|True|False)$", "", turned[1] if turned else inner).strip()
    chain = _CHAIN.fullmatch(plain)
    if chain is None or chain[1] not in {"response", "headers"}:
        return None
    path = joined(_names(chain[2]))
    if chain[1] == "headers" or path == way_on:
        return {} if negative else None
    return {"more" if negative else "done": path}


def _with_parameters(text: str, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - text, or the parameter
    def one(match: re.Match[str]) -> str:
        chain = _CHAIN.fullmatch(match[1])
        names = _names(chain[2]) if chain and chain[1] == "parameters" else ()
        return str(parameters[names[0]]) if len(names) == 1 and names[0] in parameters else match[0]

    return _BRACES.sub(one, text)


def _from_jsonpath(said: Any) -> str | None:  # noqa: ANN401 - JSON
    """A JSONPath that is only names, as a path."""
    if not isinstance(said, str):
        return None
    match = _JSONPATH.fullmatch(said.strip())
    if match is None or not said.strip():
        return None
    names = tuple(
        quoted or bare for quoted, bare in re.findall(r"\['([^']+)'\]|([A-Za-z_][\w-]*)", match[1] or "")
    )
    return joined(names)


def _escaped(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {literal(str(name)): _escaped(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_escaped(item) for item in value if item is not None]
    return literal(value) if isinstance(value, str) else value


def _brief(value: Any) -> Any:  # noqa: ANN401 - JSON
    """A component without what only repeats."""
    if isinstance(value, dict):
        return {name: _brief(item) for name, item in list(value.items())[:8] if name != "$parameters"}
    return [_brief(item) for item in value[:4]] if isinstance(value, list) else value
