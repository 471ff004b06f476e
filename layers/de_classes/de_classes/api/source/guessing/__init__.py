"""From an address and a secret, or somebody else's document, to a description with a comment at every guess.

observing    asks: counts, paces, remembers; and says what an answer is
logins       which ways to log in are worth a request, the likeliest first
shapes       where in an answer records, totals, marks and ways on stand
guess        puts guesses together, and keeps those that requests confirm
writing      a description as TOML, a comment above each guess
openapi      from an OpenAPI document
manifests    from an Airbyte declarative manifest, or a dlt rest_api configuration
"""

from de_classes.api.source.guessing.guess import GuessRequest, guess_source
from de_classes.api.source.guessing.manifests import convert
from de_classes.api.source.guessing.openapi import from_openapi
from de_classes.api.source.guessing.writing import Draft, write

__all__ = ["Draft", "GuessRequest", "convert", "from_openapi", "guess_source", "write"]
