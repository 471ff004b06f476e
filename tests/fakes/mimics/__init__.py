"""The 23 APIs that descriptions are shipped for, each as its documentation says it is: in memory, or on
loopback.
"""

from tests.fakes.mimics.airtable import Airtable
from tests.fakes.mimics.arxiv import Arxiv
from tests.fakes.mimics.asana import Asana
from tests.fakes.mimics.binance import Binance
from tests.fakes.mimics.crossref import Crossref
from tests.fakes.mimics.github import GitHub
from tests.fakes.mimics.github_graphql import GitHubGraphQl
from tests.fakes.mimics.hubspot import HubSpot
from tests.fakes.mimics.intercom import Intercom
from tests.fakes.mimics.jira import Jira
from tests.fakes.mimics.kit import Mimic
from tests.fakes.mimics.klaviyo import Klaviyo
from tests.fakes.mimics.lichess import Lichess
from tests.fakes.mimics.notion import Notion
from tests.fakes.mimics.openalex import OpenAlex
from tests.fakes.mimics.pokeapi import PokeApi
from tests.fakes.mimics.salesforce import Salesforce
from tests.fakes.mimics.shopify import Shopify
from tests.fakes.mimics.slack import Slack
from tests.fakes.mimics.socrata import Socrata
from tests.fakes.mimics.stripe import Stripe
from tests.fakes.mimics.wikipedia import Wikipedia
from tests.fakes.mimics.xero import Xero
from tests.fakes.mimics.zendesk import Zendesk

MIMICS: dict[str, type[Mimic]] = {
    mimic.name: mimic
    for mimic in (
        Airtable,
        Arxiv,
        Asana,
        Binance,
        Crossref,
        GitHub,
        GitHubGraphQl,
        HubSpot,
        Intercom,
        Jira,
        Klaviyo,
        Lichess,
        Notion,
        OpenAlex,
        PokeApi,
        Salesforce,
        Shopify,
        Slack,
        Socrata,
        Stripe,
        Wikipedia,
        Xero,
        Zendesk,
    )
}
"""By the name of their source."""

RESOURCES = [(name, resource) for name, mimic in MIMICS.items() for resource in mimic.resources]
"""Every resource of every source."""
