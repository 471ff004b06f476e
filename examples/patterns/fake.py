"""Fake instead of mock: an object that keeps the contract, in place of patches that know who calls what."""

import time
from unittest.mock import Mock, patch

from de_classes.api.auth_client import AuthClient
from de_classes.api.messages import HttpRequest, HttpResponse
from de_classes.api.runtime import ClientRuntime
from de_classes.utils.clock import ManualClock

TOKEN = HttpResponse(200, {"content-type": "application/json"}, b'{"access_token": "t", "expires_in": 60}')


class Flaky:
    """A `Transport` whose first answer is a 503."""

    def __init__(self) -> None:
        self.answers = [HttpResponse(503), TOKEN]

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        return self.answers.pop(0)


# Naive: it passes for as long as nobody waits otherwise than by `time.sleep`, whatever the answers are.
with patch("time.sleep") as sleep, patch.object(AuthClient, "get_token", Mock(return_value="t")):
    assert (AuthClient("https://a.example", "u", "p").get_token(), sleep.call_count) == ("t", 0)
clock, began = ManualClock(), time.monotonic()
assert AuthClient("https://a.example", "u", "p", runtime=ClientRuntime(Flaky(), clock)).get_token() == "t"
print(f"waited {sum(clock.sleeps):.2f} s by its clock, {time.monotonic() - began:.2f} s by ours")
# It costs a fake to keep true: the contracts' tests run it too. Exercise: a token that expires after 60 s.
