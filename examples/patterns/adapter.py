"""Adapter: something foreign behind the interface that the client knows; here, urllib as a `Transport`."""

import urllib.request

from de_classes.api.auth_client import AuthClient
from de_classes.api.messages import HttpRequest, HttpResponse, target
from de_classes.api.runtime import ClientRuntime
from de_classes.simulators.server import SimulatorServer


class UrllibTransport:
    """Translates one call and its answer; retries, tokens and pages stay where they are."""

    def send(self, request: HttpRequest, *, timeout: float) -> HttpResponse:
        url = "/".join(request.url.split("/")[:3]) + target(request)
        made = urllib.request.Request(url, request.body, {**request.headers}, method=request.method)
        with urllib.request.urlopen(made, timeout=timeout) as answer:
            headers = {name.lower(): value for name, value in answer.headers.items()}
            return HttpResponse(answer.status, headers, answer.read())


# The naive way is an `if isinstance(session, ...)` wherever the client sends something: one more a library.
# It costs the least that all of them can do, and errors have to be translated too. Exercise: urllib raises
# an HTTPError for a 401. Make of it the answer that it is; the contract is in tests/contracts.
if __name__ == "__main__":
    with SimulatorServer() as api:
        runtime = ClientRuntime(UrllibTransport())
        token = AuthClient(api.login_url, api.username, api.password, runtime=runtime).get_token()
    print("a token of", len(token), "characters, by urllib")
