"""Observer: whoever wants to know is called, and the one who works does not know who it is."""

from de_classes.api.auth_client import AuthClient
from de_classes.api.page import Page
from de_classes.api.unstable_api_client import UnstableAPIClient
from de_classes.runs.api_data_service import ApiDataService
from de_classes.simulators.server import SimulatorServer


def naive(client: UnstableAPIClient, *, shows: bool = False, counts: dict[str, int] | None = None) -> None:
    """Each new wish is another argument, and another `if` in the loop that should only fetch."""
    for number, page in client.iterate_all_pages(limit=500):
        if shows:
            print("naive: page", number)
        if counts is not None:
            counts["records"] += len(page["data"])


def show(page: Page) -> None:
    print("page", page.number, "of", len(page.records), "records")


# It costs that nobody sees in the working code what happens after a page, and that an observer's error is
# the run's. Exercise: show a page's seconds. What does an observer need that a page does not hold?
with SimulatorServer() as api:
    client = UnstableAPIClient(api.base_url, AuthClient(api.login_url, api.username, api.password))
    naive(client, shows=True, counts={"records": 0})
    assert len(ApiDataService(client, on_page=show).fetch_all_to_df(limit=500)) == 1000
