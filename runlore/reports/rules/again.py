"""How a number of a report is had again: the route and the command that give it. Pure."""

from collections.abc import Mapping
from shlex import quote
from typing import Any
from urllib.parse import urlencode

ROUTE = "/api/v3/business-insights"
PRICES = {
    "hour": "price_per_hour",
    "check": "price_per_check",
    "currency": "currency",
    "outcome": "cost",
    "warns_at": "warns_at",
}
Document = Mapping[str, Any]


def parameters(document: Document, figure: str = "") -> dict[str, str]:
    """What asks for the same numbers: period, zone, work, prices, and what was known."""
    period = document["period"]
    asked = {
        "from": period["first"],
        "to": period["last"],
        "zone": period["zone"],
        "length": "" if period["length"] == "days" else period["length"],
        **{name: word for name, word in document["work"].items() if word is not None},
        "known_at": document["known_at"],
        "until_seq": str(document["until_seq"]),
        **{PRICES[name]: f"{price}" for name, price in document["prices"].items()
           if price is not None},
        "figure": figure,
    }  # fmt: skip
    return {name: text for name, text in asked.items() if text or name in document["work"]}


def route(document: Document, figure: str = "") -> str:
    """The route that gives one number again, or all of them."""
    return f"{ROUTE}?{urlencode(parameters(document, figure))}"


def command(document: Document, figure: str = "") -> str:
    """The command that prints one number again, or all of them."""
    words = [
        f"--{name.replace('_', '-')} {quote(text)}"
        for name, text in parameters(document, figure).items()
    ]
    return f"runlore report {' '.join(words)} --json"


def figures_of(document: Document) -> dict[str, float | None]:
    """The numbers by name, for programs that are sent a report."""
    return {row["name"]: row["value"] for row in document["figures"]}
