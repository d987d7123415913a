"""What is promised about speed: the rows of the report, each with its target.

Where a target is missed, `REASONS` says why, by the key of the row: what was measured, and what it would take.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kind(Enum):
    """What is compared: how many a second as a share of the limit's, what one costs as a multiple, or the rate."""

    SHARE = "share"
    COST = "cost"
    RATE = "rate"


@dataclass(frozen=True, slots=True)
class Target:
    """A row: the comparison (`benchmarks.comparisons`) with the names of its two sides, and what is to be reached.

    A share and a rate are to be at least `bound`, a cost at most; without a bound it is shown only. The titles may name
    settings of the run.
    """

    key: str
    title: str
    unit: str
    comparison: str
    bound: float | None
    ours: str = "ours"
    limit: str = "limit"
    limit_title: str = "bare WSGI, psycopg, orjson"
    kind: Kind = Kind.SHARE

    @property
    def bound_text(self) -> str:
        """As a reader sees it."""
        if self.bound is None:
            return "none"
        if self.kind is Kind.RATE:
            return f"≥ {self.bound:,.0f}/s"
        return f"≤ {self.bound:.2f}" if self.kind is Kind.COST else f"≥ {self.bound:.2f}"

    def value(self, ours: float, limit: float) -> float:
        """What the row shows, of the rates of the two sides."""
        if self.kind is Kind.RATE:
            return ours
        dividend, divisor = (limit, ours) if self.kind is Kind.COST else (ours, limit)
        return dividend / divisor if divisor else 0.0

    def value_text(self, value: float) -> str:
        """As a reader sees it."""
        return f"{value:,.0f}/s" if self.kind is Kind.RATE else f"{value:.2f}"

    def is_met(self, value: float) -> bool:
        """Whether the target is reached, if there is one."""
        if self.bound is None:
            return True
        return 0 < value <= self.bound if self.kind is Kind.COST else value >= self.bound


_EMPTY = "Django's empty view"
_EMPTY_REDIS = "Django's empty view that asks Redis once"
_EMPTY_API = "empty view through the API's handler"
_SQL = "the same SQL, bare WSGI"
_PLAIN = "plain tables, bare WSGI"
# What the readme and the issue promise.
TARGETS: Final = (
    Target("list", "list of 50 products, not cached", "requests", "list", 0.30),
    Target("detail", "one product, not cached", "requests", "detail", 0.35),
    Target("cached-list", "list of 50, cached", "requests", "cached", 0.60, "list", "empty", _EMPTY),
    Target("cached-list-api", "list of 50, cached", "requests", "cached", 0.75, "list", "empty API", _EMPTY_API),
    Target("cached-detail", "one product, cached", "requests", "cached", 0.60, "product", "empty", _EMPTY),
    Target("cached-detail-api", "one product, cached", "requests", "cached", 0.75, "product", "empty API", _EMPTY_API),
    Target(
        "cached-list-redis", "list of 50, cached", "requests", "cached", None, "list", "empty, Redis", _EMPTY_REDIS
    ),
    Target(
        "cached-detail-redis", "one product, cached", "requests", "cached", None, "product", "empty, Redis",
        _EMPTY_REDIS,
    ),
    Target(
        "empty-redis", "an empty view that asks Redis once", "requests", "cached", None, "empty, Redis", "empty", _EMPTY
    ),
    Target("adjust", "adjust stock, any SKU", "requests", "adjust", 0.40, limit_title=_SQL),
    Target("adjust-hot", "adjust stock, one hot SKU", "requests", "adjust-hot", 0.45, limit_title=_SQL),
    Target("reserve", "reserve and commit a unit", "pairs", "reserve", 0.30, limit_title="the same rows by bare SQL"),
    Target("bulk-adjust", "bulk adjustments of {bulk_rows:,}", "rows", "bulk-adjust", 0.60, limit_title=_SQL),
    Target(
        "bulk-adjust-plain", "bulk adjustments of {bulk_rows:,}", "rows", "bulk-adjust", 0.20, limit="plain",
        limit_title=_PLAIN,
    ),
    Target("bulk-count", "bulk counts of {bulk_rows:,}", "rows", "bulk-count", 0.60, limit_title=_SQL),
    Target(
        "bulk-count-plain", "bulk counts of {bulk_rows:,}", "rows", "bulk-count", 0.20, limit="plain",
        limit_title=_PLAIN,
    ),
    Target("availability", "availability of 50 SKUs", "requests", "availability", 0.45, limit_title=_SQL),
    Target(
        "webhooks", "webhook accepted", "requests", "webhooks", 0.35, limit_title="bare verify and INSERT"
    ),
    Target(
        "events", "PMS events applied", "events", "events", 1_000, limit_title="a bulk adjustment of as many",
        kind=Kind.RATE,
    ),
    Target("deliveries", "webhooks delivered", "deliveries", "deliveries", 0.50, limit_title="bare posts by httpx"),
    Target(
        "sockets", "a stock change to the last of {sockets:,} sockets", "changes", "sockets", 3.0,
        limit_title="bare broadcast of the same bytes", kind=Kind.COST,
    ),
    Target(
        "list-1m", "list of 50 among {many:,} SKUs", "requests", "size", 1.30, "list, many", "list, few",
        "the same among {skus:,}", Kind.COST,
    ),
    Target(
        "adjust-1m", "adjust stock among {many:,} SKUs", "requests", "size", None, "adjust, many", "adjust, few",
        "the same among {skus:,}", Kind.COST,
    ),
)  # fmt: skip

# Rows of comparisons that only run when they are asked for.
MORE_TARGETS: Final = (
    Target("relay", "events published", "events", "relay", 0.15, limit_title="a bare UPDATE that numbers them"),
    Target(
        "relay-endpoints", "events published to ten endpoints", "events", "relay", 0.5, "ten endpoints", "ours",
        "without an endpoint",
    ),
    Target(
        "reserve-services", "reserve and commit, services alone", "pairs", "reserve-services", 0.30,
        limit_title="the same rows by bare SQL",
    ),
)  # fmt: skip

_ONE_EXCHANGE: Final = (
    "One exchange with Redis alone leaves 0.74 of the empty view: waiting for the answer costs the thread its turn, and"
    " task switches are a quarter of the web processes' time. The limits, metrics and log line of an empty view through"
    " the API's handler leave 0.55, so that 0.60 is out of reach while every request is counted and logged."
)
_CHECKS_OF_THE_DATABASE: Final = (
    "The same SQL in a bare function reaches 0.21 of plain tables: foreign keys, indexes and the ledger's checks at the"
    " commit, which are 172 ms of PostgreSQL for 10,000 rows. As statement-level triggers they took about 125 ms, but"
    " made one adjustment slower and missed attacks across sessions (ADR 30)."
)
# By the key of the row: why a target is missed.
REASONS: Final = {
    "cached-list": _ONE_EXCHANGE,
    "cached-detail": _ONE_EXCHANGE,
    "cached-list-api": (
        "The page has 25 KB, the empty view no body: writing them to the socket, and the key's check, cost the rest. A"
        " cached product of 0.7 KB reaches the target."
    ),
    "bulk-adjust-plain": _CHECKS_OF_THE_DATABASE,
    "bulk-count-plain": _CHECKS_OF_THE_DATABASE,
}

# Requests a second of others with 10,000 products and 2 locations, measured once on another machine with two cores,
# where our limit reached the rates of "limit": so only the shares of the limit may be compared with ours.
PEERS: Final = {
    "list": {"limit": 1_022, "Medusa 2": 18, "Vendure": 2, "Saleor": 7, "Oscar API": 76},
    "adjust": {"limit": 1_620, "Medusa 2": 19, "Vendure": 49, "Saleor": 57, "Oscar API": 101},
}
