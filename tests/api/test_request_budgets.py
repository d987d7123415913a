"""What twelve requests cost: the function calls of the thread that serves them, and their queries.

A budget is what the request cost when it was recorded. Lower it when the request becomes cheaper; a change that raises
it names its reason.
"""

import gc
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from types import FrameType
from typing import Any, Final

import orjson
import pytest
from django.db import connection
from django.test import RequestFactory
from standardwebhooks import Webhook

from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.api.handler import Application
from tests.factories import make_connection, make_location

pytestmark = pytest.mark.django_db(transaction=True)

# Another Python makes other calls for the same work: there the queries alone are compared.
PYTHON: Final = (3, 11)
# The first requests fill what later ones find: caches, prepared statements, the connections to PostgreSQL and Redis.
# Before them, the thread has served each of the twelve once.
WARM_UP_REQUESTS: Final = 6
# The cheapest of so many counts: a socket may hand an answer over in two parts, which takes more calls. On a busy
# machine it may do so each time.
MEASURED_REQUESTS: Final = 5
CALLS_OF_ANOTHER_PART: Final = 2
# A Redis that was slow once, on a busy machine, is not asked for a second: the measurement is tried again after that.
FURTHER_ATTEMPTS: Final = 2
PAUSE_SECONDS: Final = 1.1
# psycopg counts how often a connection has run a statement, and forgets the oldest of more than so many: that is one
# call more for each new statement, on every connection that is not quite new.
STATEMENTS_REMEMBERED: Final = 100

API: Final = "/api/v1/"
# Every client names it. Without, Django would make the name of the server's address in each request, and check it.
HOST: Final = "testserver"
SKUS: Final = [f"A-{number:03d}" for number in range(100)]
NO_CACHE: Final = {"Cache-Control": "no-cache"}

Environ = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """Calls of functions, written in Python or in C, and queries of one request."""

    calls: int
    queries: int


BUDGETS: Final = {
    "list": Cost(calls=1073, queries=1),
    "product": Cost(calls=830, queries=1),
    "cached list": Cost(calls=402, queries=0),
    "cached product": Cost(calls=409, queries=0),
    "adjust": Cost(calls=863, queries=1),
    "count": Cost(calls=854, queries=1),
    "reserve": Cost(calls=954, queries=1),
    "commit": Cost(calls=929, queries=1),
    "release": Cost(calls=874, queries=1),
    "bulk of 100": Cost(calls=9358, queries=4),
    "webhook in": Cost(calls=622, queries=1),
    "availability of 50": Cost(calls=834, queries=1),
    # The handler and its middlewares alone, without Redis; an empty view of Django without middlewares takes 320.
    "health": Cost(calls=171, queries=0),
}


@dataclass
class Shop:
    """The application, and a caller of it with 50 published products of two variants each, all in stock."""

    application: Callable[..., Any]
    api_key: str
    webhook_secret: str
    product: int = 0
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def next(self, name: str) -> Environ:
        """One more request of this kind."""
        return REQUESTS[name](self, next(self.numbers))

    def get(self, path: str, **headers: str) -> Environ:
        return self._environ("GET", path, b"", headers)

    def post(self, path: str, body: Any, **headers: str) -> Environ:
        return self._environ("POST", path, orjson.dumps(body), headers)

    def health(self) -> Environ:
        return {**RequestFactory().get("/health/live").environ, "HTTP_HOST": HOST}

    def webhook(self, webhook_id: str) -> Environ:
        body = {"type": "inventory.updated", "timestamp": "2026-01-01T00:00:00Z", "data": {"sku": SKUS[0]}}
        moment = datetime.now(tz=UTC)
        signed = {
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(self.webhook_secret).sign(webhook_id, moment, orjson.dumps(body).decode()),
        }
        return self.post("webhooks/pms/demo/", body, **signed)

    def reservation(self, reference: str) -> int:
        """The id of a new reservation of one unit."""
        made: int = self.answer(self.post("inventory/reservations/", reserving(reference)))["id"]
        return made

    def answer(self, environ: Environ) -> Any:
        """The JSON of a successful answer."""
        status = ""

        def start_response(line: str, *_: Any) -> None:
            nonlocal status
            status = line

        response = self.application(environ, start_response)
        body = b"".join(response)
        if hasattr(response, "close"):
            response.close()
        assert status.startswith("2"), (status, body)
        return orjson.loads(body)

    def _environ(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Environ:
        credentials = {} if path.startswith("webhooks") else {"X-Api-Key": self.api_key}
        request = RequestFactory().generic(
            method, API + path, body, "application/json", headers={**credentials, **headers}
        )
        return {**request.environ, "HTTP_HOST": HOST, "wsgi.input": BytesIO(body)}


def adjusting(sku: str) -> dict[str, Any]:
    return {"sku": sku, "location": "main", "delta": 1, "reason": "correction"}


def reserving(reference: str) -> dict[str, Any]:
    return {"reference": reference, "lines": [{"sku": SKUS[0], "quantity": 1}]}


# Each makes the request of this number: what writes does so anew each time.
REQUESTS: Final[dict[str, Callable[[Shop, int], Environ]]] = {
    "health": lambda shop, _: shop.health(),
    "list": lambda shop, _: shop.get("products/", **NO_CACHE),
    "product": lambda shop, _: shop.get(f"products/{shop.product}/", **NO_CACHE),
    "cached list": lambda shop, _: shop.get("products/"),
    "cached product": lambda shop, _: shop.get(f"products/{shop.product}/"),
    "adjust": lambda shop, _: shop.post("inventory/adjustments/", adjusting(SKUS[0])),
    "count": lambda shop, number: shop.post(
        "inventory/counts/", {"sku": SKUS[0], "location": "main", "on_hand": 2000 + number}
    ),
    "reserve": lambda shop, number: shop.post("inventory/reservations/", reserving(f"SO-{number:04d}")),
    "commit": lambda shop, number: shop.post(
        f"inventory/reservations/{shop.reservation(f'SO-{number:04d}')}/commit/", {}
    ),
    "release": lambda shop, number: shop.post(
        f"inventory/reservations/{shop.reservation(f'SO-{number:04d}')}/release/", {}
    ),
    "bulk of 100": lambda shop, _: shop.post(
        "inventory/adjustments/bulk/", {"adjustments": [adjusting(sku) for sku in SKUS]}
    ),
    "webhook in": lambda shop, number: shop.webhook(f"m-{number:04d}"),
    "availability of 50": lambda shop, _: shop.post("inventory/availability/", {"skus": SKUS[:50]}, **NO_CACHE),
}


@pytest.fixture
def shop(settings: Any) -> Shop:
    # As in production: the tests have no limits.
    settings.RATE_LIMITS = ""
    # Neither a new connection nor that of the test before, which has prepared statements of its own.
    connection.close()
    with connection.cursor() as cursor:
        for number in range(STATEMENTS_REMEMBERED + 1):
            cursor.execute(f"SELECT {number}")
    key = create_api_client(name="shop", scopes=ALL_SCOPES).api_key
    made = Shop(Application(), key, webhook_secret=make_connection("demo").secret)
    make_location("main")
    lamps = [
        {"name": "Lamp", "status": "active",
         "variants": [{"sku": sku, "price": "10.00", "options": {"Colour": sku}} for sku in pair]}
        for pair in zip(SKUS[::2], SKUS[1::2], strict=True)
    ]  # fmt: skip
    results = made.answer(made.post("products/bulk/", {"products": lamps}))["results"]
    made.product = results[0]["id"]
    counts = [{"sku": sku, "location": "main", "on_hand": 1000} for sku in SKUS]
    made.answer(made.post("inventory/counts/bulk/", {"counts": counts}))
    for name in REQUESTS:
        made.answer(made.next(name))
    return made


def cost_of(shop: Shop, name: str) -> Cost:
    """The least that the request costs once everything is warm."""
    for _ in range(WARM_UP_REQUESTS):
        shop.answer(shop.next(name))
    return Cost(*(
        min(count_during(counting, shop, shop.next(name)) for _ in range(MEASURED_REQUESTS))
        for counting in (counting_calls, counting_queries)
    ))  # fmt: skip


def count_during(counting: Callable[[], AbstractContextManager[list[None]]], shop: Shop, environ: Environ) -> int:
    with counting() as counted:
        shop.answer(environ)
    return len(counted)


@contextmanager
def counting_calls() -> Iterator[list[None]]:
    """One entry for each function call of this thread; garbage is not collected meanwhile."""
    counted: list[None] = []

    def count(_frame: FrameType, event: str, argument: Any) -> None:
        # psycopg calls it once more for a moment whose microseconds end in a zero.
        if event == "call" or (event == "c_call" and argument is not len):
            counted.append(None)

    before = sys.getprofile()
    gc.disable()
    sys.setprofile(count)
    try:
        yield counted
    finally:
        sys.setprofile(before)
        gc.enable()


@contextmanager
def counting_queries() -> Iterator[list[None]]:
    """One entry for each statement of this thread's connection."""
    counted: list[None] = []

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        counted.append(None)
        return execute(*arguments)

    with connection.execute_wrapper(count):
        yield counted


def most_calls(budget: Cost) -> int:
    """The calls of the budget, if each answer comes in two parts."""
    return budget.calls + CALLS_OF_ANOTHER_PART


def is_within(cost: Cost, budget: Cost) -> bool:
    return cost.queries <= budget.queries and (cost.calls <= most_calls(budget) or sys.version_info[:2] != PYTHON)


@pytest.mark.parametrize("name", BUDGETS)
def test_no_request_costs_more_than_was_recorded(shop: Shop, name: str) -> None:
    cost = cost_of(shop, name)
    for _ in range(FURTHER_ATTEMPTS):
        if not is_within(cost, BUDGETS[name]):
            time.sleep(PAUSE_SECONDS)
            cost = cost_of(shop, name)

    assert cost.queries <= BUDGETS[name].queries
    if sys.version_info[:2] != PYTHON:
        pytest.skip(f"the calls are recorded for Python {PYTHON}, which makes others than this one")
    assert cost.calls <= most_calls(BUDGETS[name])


@pytest.mark.parametrize("more", ["a query", "calls"])
def test_what_costs_more_is_found(shop: Shop, more: str) -> None:
    application, budget = shop.application, BUDGETS["adjust"]

    def costlier(*arguments: Any) -> Any:
        if more == "a query":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        else:
            for number in range(budget.calls // 20):
                abs(number)
        return application(*arguments)

    shop.application = costlier
    cost = cost_of(shop, "adjust")

    assert (cost.queries > budget.queries) == (more == "a query")
    assert cost.calls > budget.calls or sys.version_info[:2] != PYTHON
