"""A real S3 server, moto, behind a proxy that does to requests and to objects what an example says.

Clients are the library's own, made by boto3: what they would send over the network comes here, signed and
spelled out, and what comes back is what moto answers. One request takes effect at a time, so that conditional
writes are atomic, as on S3. Time is a clock that is passed in, for objects and for boto3's retries too.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.exceptions import ConnectionClosedError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.models import botocore_stubber
from moto.s3.models import s3_backends
from msgspec import Struct

from de_classes.storage.clients.sessions import S3Settings, make_s3_client
from tests.fakes.aws import ACCESS_KEY, REGION, SECRET_KEY, no_aws_environment, nobodys_session
from tests.fakes.runs import BUCKET, KilledError
from tests.fakes.s3_wire import answer, error_answer, retry_without_sleeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse
    from moto.s3.models import FakeKey
    from mypy_boto3_s3 import S3Client as Boto3S3Client

    from de_classes.utils.clock import ManualClock

PASSING: Final = ("slow_down", "error", "cut_request", "lost_answer", "cut_answer", "delay")
"""What happens to requests."""
DEATHS: Final = ("kill", "kill_after")
"""What happens to whoever asks, before or after the request took effect."""
PARTS: Final = ("cut_part", "change_part", "drop_part")
KEYS: Final = ("cut_keys", "change_keys", "drop_keys")
FOREIGN: Final = ("copy_record", "odd_file")
RECORDS: Final = ("cut_record", "drop_record", "swap_record")
AT_REST: Final = (*PARTS, *KEYS, *FOREIGN, *RECORDS)
"""What somebody else does to objects, by name and all."""
_CUT_AT: Final = 16
"""Bytes of a key in a file of keys: cut elsewhere it shows by itself."""


class Trouble(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens once, or to some requests in a row.

    Attributes:
        at: The moment, from 1, counted over everybody's requests; later if there is nothing then that it can
            happen to.
        what: One of ``PASSING``, ``DEATHS`` and ``AT_REST``.
        where: Which object, or how long.
        times: Requests in a row.
    """

    at: int
    what: str
    where: int = 0
    times: int = 1


class Turns:
    """Lets one of several threads go on at a time, and counts their moments.

    Args:
        switches: Moments before which the turn passes to the next.
        meets: What requests begin with before which it does so, too; none if empty.
        most: Moments after which nobody is let go on.
    """

    def __init__(self, switches: Sequence[int] = (), *, meets: str = "", most: int = 3000) -> None:
        self.moment = 0
        self._switches = frozenset(switches)
        self._meets = meets
        self._most = most
        self._waiting: list[str] = []
        self._condition = threading.Condition()

    def run(self, tasks: dict[str, Callable[[], object]]) -> None:
        """Carry tasks out, the first one first; what one of them raises is raised at the end."""
        self._waiting = list(tasks)
        raised: list[BaseException] = []

        def carry_out(name: str, task: Callable[[], object]) -> None:
            try:
                self._wait_for(name)
                task()
            except BaseException as error:  # noqa: BLE001 - told to who waits
                raised.append(error)
            finally:
                with self._condition:
                    self._waiting.remove(name)
                    self._condition.notify_all()

        threads = [threading.Thread(target=carry_out, args=each, daemon=True) for each in tasks.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if raised:
            raise raised[0]

    def pause(self, name: str, what: str = "") -> int:
        """Let a moment pass, and perhaps others go on, before something is done; gives its number."""
        with self._condition:
            self.moment += 1
            moment = self.moment
            if moment > self._most:
                raise EndlessError
            is_over = moment in self._switches or bool(self._meets and what.startswith(self._meets))
            if is_over and len(self._waiting) > 1:
                self._waiting.append(self._waiting.pop(0))
                self._condition.notify_all()
        if self._waiting:
            self._wait_for(name)
        return moment

    def _wait_for(self, name: str) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._waiting[0] == name)


class EndlessError(BaseException):
    """What ends whoever asks without end."""


class Commit(Struct, frozen=True):
    """A manifest, as it was written.

    Attributes:
        body: Its bytes.
        by: Who wrote it.
        began: When the go that did so began.
        seen: By key, when who wrote it last looked at an object.
        own: By key, when it wrote an object in that go.
    """

    body: bytes
    by: str
    began: int
    seen: dict[str, int]
    own: dict[str, int]


class _Party:
    """Who asks: its go, and what it knows."""

    def __init__(self) -> None:
        self.began = 0
        self.is_dead = False
        self.seen: dict[str, int] = {}
        self.own: dict[str, int] = {}


class FaultyS3:
    """Moto, with troubles on the way to it and in it.

    Args:
        troubles: What happens.
        turns: Whose turn it is, and what moment.
        clock: What time it is.

    Attributes:
        is_calm: Whether nothing happens any more.
        log: Every moment.
        happened: The troubles that came to pass.
        commits: The manifests as they were first written, by key.
        spoilt: By key, the last moment at which an object was spoilt at rest.
        overwritten: The manifests that were written again with other bytes.
    """

    def __init__(self, troubles: Sequence[Trouble], turns: Turns, clock: ManualClock) -> None:
        self.is_calm = False
        self.log: list[str] = []
        self.happened: list[str] = []
        self.commits: dict[str, Commit] = {}
        self.spoilt: dict[str, int] = {}
        self.overwritten: list[str] = []
        self._turns = turns
        self._clock = clock
        self._to_come = [[each, each.times] for each in sorted(troubles, key=lambda each: each.at)]
        self._parties: dict[str, _Party] = {}
        self._done = 0  # requests that had their turn: a moment's number is drawn before it has
        self._raw: Boto3S3Client = nobodys_session().client("s3")
        self._raw.create_bucket(Bucket=BUCKET)

    def client(self, name: str) -> Boto3S3Client:
        """A client of the library's own making, for one who asks; its retries do not sleep."""
        settings = S3Settings(access_key=ACCESS_KEY, secret_key=SECRET_KEY, region=REGION)
        client = make_s3_client(settings, session=nobodys_session())
        retry_without_sleeping(client, lambda: self._clock.advance(1))
        events = client.meta.events
        events.unregister("before-send", botocore_stubber)  # or it were asked besides
        events.register("before-send.s3", lambda request, **_: self._reply(name, request))
        return client

    def begin(self, name: str) -> None:
        """Somebody begins another go: whoever it was before is forgotten."""
        party = self._parties[name] = _Party()
        party.began = self._done

    def calm_down(self) -> None:
        """Let nothing happen any more; what was to be spoilt next, while nobody is at work, is."""
        while self._spoil(by=self._turns.moment + 1):
            pass
        self.is_calm = True

    def pass_by(self, name: str, what: str) -> None:
        """A moment at which somebody does something else, such as asking a source."""
        self._moment(name, what)
        if self._due(DEATHS):
            self._kill(name)

    def contents(self) -> dict[str, bytes]:
        """Every object there is, by key."""
        return {name: key.value for name, key in self._keys().items()}

    def put(self, key: str, body: bytes) -> None:
        """Write an object past everything, as another tool would."""
        self._raw.put_object(Bucket=BUCKET, Key=key, Body=body)
        self._stamp(key)

    def _keys(self) -> dict[str, FakeKey]:
        return dict(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[BUCKET].keys.items())

    def _stamp(self, key: str) -> None:
        """Written now, by the clock that there is."""
        if key in self._keys():
            now = datetime.fromtimestamp(self._clock.now(), UTC).replace(tzinfo=None)
            self._keys()[key].last_modified = now

    def _moment(self, name: str, what: str) -> None:
        party = self._parties[name]
        if party.is_dead:  # what a process tidies up when it dies, one that was killed does not
            raise KilledError
        moment = self._turns.pause(name, what)
        self.log.append(f"{moment:4} {name}: {what}")
        while not self.is_calm and self._spoil(by=moment):
            pass
        self._done += 1

    def _kill(self, name: str) -> None:
        self._parties[name].is_dead = True
        raise KilledError

    def _due(self, kinds: Sequence[str]) -> Trouble | None:
        """The next trouble of some kinds, if it is time for it."""
        for each in self._to_come if not self.is_calm else ():
            trouble, left = each
            if trouble.at <= self._turns.moment and trouble.what in kinds:
                if left == 1:
                    self._to_come.remove(each)
                each[1] = left - 1
                self._tell(f"{trouble.what} {trouble.where}")
                return trouble
        return None

    def _tell(self, what: str) -> None:
        self.log.append(f"       {what}")
        self.happened.append(what.partition(" ")[0])

    # What happens to a request

    def _reply(self, name: str, request: AWSPreparedRequest) -> AWSResponse:
        parts = urlsplit(request.url)
        key = unquote(parts.path.removeprefix("/").removeprefix(f"{BUCKET}/"))
        said = f"{request.method} {key if key != BUCKET else ''}{'?' if parts.query else ''}{parts.query}"
        self._moment(name, said)
        if delay := self._due(("delay",)):
            self._clock.advance(delay.where)
        kinds = ["slow_down", "error", "cut_request", "lost_answer", *DEATHS]
        if request.method == "GET" and key and not parts.query:
            kinds.append("cut_answer")
        trouble = self._due(kinds)
        what = trouble.what if trouble else ""
        refusals = {"slow_down": ("SlowDown", 503), "error": ("InternalError", 500)}
        if what in refusals:
            return error_answer(*refusals[what])(request)
        if what == "cut_request":
            raise ConnectionClosedError(endpoint_url=parts.netloc)
        if what == "kill":
            self._kill(name)
        replied = self._answered(name, request, key, is_plain=not parse_qs(parts.query))
        if what == "lost_answer":
            raise ConnectionClosedError(endpoint_url=parts.netloc)
        if what == "kill_after":
            self._kill(name)
        if what == "cut_answer" and replied.status_code == 200:
            whole = replied.raw.read()
            cut = answer(200, whole[: len(whole) // 2], **dict(replied.headers.items()))(request)
            cut.headers["content-length"] = str(len(whole))
            return cut
        return replied

    def _answered(self, name: str, request: AWSPreparedRequest, key: str, *, is_plain: bool) -> AWSResponse:
        replied: AWSResponse = botocore_stubber("before-send", request)
        self.log[-1] += f" -> {replied.status_code}"
        party, moment = self._parties[name], self._done
        if is_plain and request.method in {"HEAD", "GET"}:
            party.seen[key] = moment
        if is_plain and request.method == "PUT" and replied.status_code == 200:
            party.own[key] = moment
            self._stamp(key)
            self._note_commit(key, party, name)
        return replied

    def _note_commit(self, key: str, party: _Party, name: str) -> None:
        if "/_manifest-" not in key:
            return
        body = self._keys()[key].value
        before = self.commits.get(key)
        if before is None:
            self.commits[key] = Commit(body, name, party.began, dict(party.seen), dict(party.own))
        elif before.body != body:
            self.overwritten.append(key)

    # What happens to objects at rest

    def _spoil(self, by: int) -> bool:
        """Let somebody spoil what is there, if it is time for it by then, and there is such a thing."""
        for each in self._to_come:
            trouble = each[0]
            if trouble.at > by or trouble.what not in AT_REST:
                continue
            if self._spoilt(trouble):
                self._to_come.remove(each)
                return True
        return False

    def _spoilt(self, trouble: Trouble) -> bool:
        how, _, kind = trouble.what.partition("_")
        names = sorted(self._keys())
        chosen = {
            "part": [
                name for name in names if "/part-" in name and "/_runs/" not in name and "/day/" in name
            ],
            "keys": [name for name in names if "/keys-" in name],
            "record": [name for name in names if "/_runs/" in name and "/part-" in name],
            "file": [name for name in names if "/_runs/" in name and "/part-" in name],
        }[kind]
        chosen = [name for name in chosen if name.endswith((".bin", ".json")) or kind == "part"]
        if len(chosen) < (2 if how == "swap" else 1):
            return False
        key = chosen[trouble.where % len(chosen)]
        body = self._keys()[key].value
        if how == "drop":
            self._raw.delete_object(Bucket=BUCKET, Key=key)
        elif how in {"copy", "odd"}:
            self.put(_foreign_name(key, trouble.where, is_odd=how == "odd"), body)
        else:
            swapped = self._keys()[chosen[(trouble.where + 1) % len(chosen)]].value
            self.put(key, {"swap": swapped, "cut": _cut(body, kind)}.get(how, _changed(body, trouble.where)))
        self.spoilt[key] = self._done
        self._tell(f"{trouble.what} {key}")
        return True


def _foreign_name(key: str, where: int, *, is_odd: bool) -> str:
    """Beside a record: a copy as tools and people name them, or a number that no record has."""
    folder, _, name = key.rpartition("/")
    stem = name.removesuffix(".json")
    odd = (f"part-{where}.json", "part-.json", f"{stem}-{where}.json", "part-notes.txt")
    copies = (f"{name}~", f"{stem} (1).json", f"{stem}.json.bak", f"{stem}-copy.json")
    return f"{folder}/{(odd if is_odd else copies)[where % 4]}"


def _cut(body: bytes, kind: str) -> bytes:
    size = max(len(body) // 2, 1)
    return body[: max(size // _CUT_AT, 0) * _CUT_AT] if kind == "keys" else body[:size]


def _changed(body: bytes, where: int) -> bytes:
    """Of the same size, and another."""
    place = where % max(len(body), 1)
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


@contextmanager
def faulty_s3(troubles: Sequence[Trouble], turns: Turns, clock: ManualClock) -> Iterator[FaultyS3]:
    """An empty bucket of its own, for as long as it is needed."""
    with no_aws_environment(), mock_aws():
        yield FaultyS3(troubles, turns, clock)
