"""The orders of lists; each has an index, except by rank."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, F, FloatField, Func, QuerySet, Value
from django.db.models.expressions import Combinable
from django.utils.dateparse import parse_datetime

from pms_backend.api.keyset import Sorting
from products.models import Product
from products.models.products import PRICE_DOWN, PRICE_UP, PUBLISHED_AT_DOWN, PUBLISHED_AT_UP

# Only this many of the newest matches are ranked, since the first letter that a user types matches half of a catalogue.
MAX_RANKED: Final = 10_000

BEST_FIRST: Final = "rank"


def _text(value: Any) -> str:
    # PostgreSQL refuses NUL in text.
    if not isinstance(value, str) or "\0" in value:
        raise ValueError(value)
    return value


def _moment(value: Any) -> datetime:
    moment = parse_datetime(_text(value))
    if moment is None or moment.tzinfo is None:
        raise ValueError(value)
    return moment.astimezone(UTC)


def _amount(value: Any) -> Decimal:
    amount = Decimal(_text(value))
    if not amount.is_finite():
        raise ValueError(value)
    return amount


def _rank(value: Any) -> float:
    if not isinstance(value, float) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _both(name: str, up: Combinable, down: Combinable, read: Callable[[Any], Any]) -> dict[str, Sorting]:
    return {
        name: Sorting(name, key=up, read=read),
        f"-{name}": Sorting(f"-{name}", is_descending=True, key=down, read=read),
    }


BY_UPDATED_AT: Final = _both("updated_at", F("updated_at"), F("updated_at"), _moment)
SORTINGS: Final = {
    **_both("name", F("name"), F("name"), _text),
    **BY_UPDATED_AT,
    **_both("created_at", F("created_at"), F("created_at"), _moment),
    **_both("published_at", PUBLISHED_AT_UP, PUBLISHED_AT_DOWN, _moment),
    **_both("price", PRICE_UP, PRICE_DOWN, _amount),
}


def best_first(query: str) -> Sorting:
    """The order by how well products match a search (`search.query_of`)."""
    # float8, since a float4 read by Python is not equal to the stored one.
    rank = Func(
        F("search_document"),
        Value(query),
        template="ts_rank(%(expressions)s::tsquery)::float8",
        output_field=FloatField(),
    )
    return Sorting(BEST_FIRST, is_descending=True, key=rank, read=_rank)


def newest_matches(found: QuerySet[Product]) -> QuerySet[Product]:
    """The newest of the found products, which are ranked."""
    newest = ArraySubquery(found.order_by("-pk").values("pk")[:MAX_RANKED])
    # An array, since `IN` would be a join, for which PostgreSQL may read the whole table.
    is_among = Func(
        F("pk"),
        Func(newest, function="ANY"),
        template="%(expressions)s",
        arg_joiner=" = ",
        output_field=BooleanField(),
    )
    return Product.objects.filter(is_among)
