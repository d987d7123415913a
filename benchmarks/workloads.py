"""The requests that all sides get, as bytes."""

import base64
import hmac
import math
import random
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import orjson

LOCATION: Final = "north"
API: Final = "/api/v1"
ADJUSTMENTS: Final = f"{API}/inventory/adjustments/"
BULK_ADJUSTMENTS: Final = f"{API}/inventory/adjustments/bulk/"
BULK_COUNTS: Final = f"{API}/inventory/counts/bulk/"
AVAILABILITY: Final = f"{API}/inventory/availability/"
RESERVATIONS: Final = f"{API}/inventory/reservations/"
PRODUCTS: Final = f"{API}/products/"
IMPORTS: Final = f"{API}/products/imports/"
# The slug of the connection whose PMS sends webhooks.
PMS: Final = "bench"
WEBHOOKS: Final = f"{API}/webhooks/pms/{PMS}/"
UPLOADED_BYTES: Final = 1024 * 1024
BULK_ROWS: Final = 10_000
AVAILABILITY_SKUS: Final = 50
# As many answers as stay in the response cache.
CACHED_PRODUCTS: Final = 100
# Enough that no run takes a level below zero.
ON_HAND: Final = 1_000_000
LARGEST_DELTA: Final = 3
DISTINCT_REQUESTS: Final = 5_000
DISTINCT_BULKS: Final = 5
# Of requests that may be sent once only, so many are prepared for each second.
MOST_A_SECOND: Final = 12_000


@dataclass(frozen=True, slots=True)
class Keys:
    """What the requests are authenticated with: API keys with all scopes and of `products:read`, and a PMS's secret."""

    writer: str
    reader: str
    webhook_secret: str


@dataclass(frozen=True, slots=True)
class Workload:
    """`make` returns so many requests. `rows`: what one request counts for. `clients`: how many send large ones.

    With `in_pairs` the last request is sent again and again, each time with the id of an answer; the pair counts.
    """

    name: str
    make: Callable[[Keys, int], Iterable[bytes]]
    rows: int = 1
    clients: int | None = None
    is_for_one_round: bool = False
    in_pairs: bool = False

    @property
    def takes_long(self) -> bool:
        """Whether a request is so large that few end in a round, so that the last answers have to be waited for."""
        return self.clients is not None

    def requests(self, keys: Keys, seconds: float) -> Iterable[bytes]:
        """The requests of a round, which are those of all rounds unless they are `is_for_one_round`."""
        if self.is_for_one_round:
            return self.make(keys, math.ceil(seconds * MOST_A_SECOND))
        return self.make(keys, DISTINCT_BULKS if self.takes_long else DISTINCT_REQUESTS)


def adjustments(skus: int) -> Workload:
    """Adjustments of so many SKUs with equal probability."""

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance = random.Random("adjustments")
        for _ in range(count):
            yield _post(ADJUSTMENTS, _adjustment(sku(chance.randrange(skus)), chance), keys.writer)

    return Workload(f"adjustments of {skus}", make)


def bulk_adjustments(skus: int) -> Workload:
    """Each SKU once in a request, in random order."""
    return _bulk("adjustments", BULK_ADJUSTMENTS, _adjustment, skus)


def bulk_counts(skus: int) -> Workload:
    """The same as counts."""
    return _bulk("counts", BULK_COUNTS, _count, skus)


def availability(skus: int) -> Workload:
    """A shop asks for a basket."""
    asked = min(AVAILABILITY_SKUS, skus)

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance = random.Random("availability")
        for _ in range(count):
            basket = [sku(number) for number in chance.sample(range(skus), asked)]
            yield _post(AVAILABILITY, {"skus": basket}, keys.writer)

    return Workload("availability", make)


def reservations(skus: int) -> Workload:
    """A unit is reserved, and then the reservation is committed."""

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance, prefix = random.Random("reservations"), secrets.token_hex(8)
        for number in range(count // 2):
            line = {"sku": sku(chance.randrange(skus)), "quantity": 1}
            yield _post(RESERVATIONS, {"reference": f"{prefix}-{number}", "lines": [line]}, keys.writer)
        yield _post(f"{RESERVATIONS}{{id}}/commit/", {}, keys.writer)

    return Workload("reservations", make, is_for_one_round=True, in_pairs=True)


def webhooks(skus: int) -> Workload:
    """Webhooks, each with an id of its own; a signature is good for five minutes."""

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance, prefix = random.Random("webhooks"), f"msg_{secrets.token_urlsafe(16)}"
        key = base64.b64decode(keys.webhook_secret.removeprefix("whsec_"))
        bodies = [orjson.dumps(_message(sku(chance.randrange(skus)), chance)) for _ in range(DISTINCT_REQUESTS)]
        moment = int(time.time())
        for number in range(count):
            body, webhook_id = bodies[number % len(bodies)], f"{prefix}-{number}"
            digest = hmac.digest(key, f"{webhook_id}.{moment}.".encode() + body, "sha256")
            headers = (
                f"webhook-id: {webhook_id}\r\nwebhook-timestamp: {moment}\r\n"
                f"webhook-signature: v1,{base64.b64encode(digest).decode()}\r\n"
            )
            yield _request("POST", WEBHOOKS, headers, body)

    return Workload("webhooks", make, is_for_one_round=True)


def products(*, may_be_cached: bool = False) -> Workload:
    """The first page of the catalogue."""
    name = "cached page" if may_be_cached else "page"
    return Workload(name, lambda keys, _: [_get(PRODUCTS, keys.reader, may_be_cached=may_be_cached)])


def one_product(skus: int, *, may_be_cached: bool = False) -> Workload:
    """One of so many products with equal probability."""

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance = random.Random("products")
        for _ in range(count):
            yield _get(f"{PRODUCTS}{chance.randint(1, skus)}/", keys.reader, may_be_cached=may_be_cached)

    return Workload("cached product" if may_be_cached else "product", make)


def uploads() -> Workload:
    """Files of one product with a long description."""
    file = b"Handle,Title,Body (HTML)\nbench,Bench," + b"x" * UPLOADED_BYTES + b"\n"
    part = b'--bench\r\nContent-Disposition: form-data; name="file"; filename="bench.csv"\r\n\r\n'
    body = part + file + b"\r\n--bench--\r\n"

    def make(keys: Keys, _: int) -> list[bytes]:
        headers = f"Authorization: Api-Key {keys.writer}\r\nContent-Type: multipart/form-data; boundary=bench\r\n"
        return [_request("POST", IMPORTS, headers, body, content_type="")]

    return Workload("uploads of 1 MiB", make, clients=4)


def sku(number: int) -> str:
    """The name of the SKU with this number, from 0."""
    return f"bench-{number:06d}"


Row = Callable[[str, random.Random], dict[str, Any]]


def _bulk(name: str, path: str, row: Row, skus: int) -> Workload:
    rows = min(BULK_ROWS, skus)

    def make(keys: Keys, count: int) -> Iterator[bytes]:
        chance = random.Random(name)
        for _ in range(count):
            numbers = chance.sample(range(skus), rows)
            yield _post(path, {name: [row(sku(number), chance) for number in numbers]}, keys.writer)

    return Workload(f"bulk {name}", make, rows, clients=1)


def _adjustment(name: str, chance: random.Random) -> dict[str, Any]:
    delta = chance.choice([delta for delta in range(-LARGEST_DELTA, LARGEST_DELTA + 1) if delta])
    return {"sku": name, "location": LOCATION, "delta": delta, "reason": "correction"}


def _count(name: str, chance: random.Random) -> dict[str, Any]:
    return {"sku": name, "location": LOCATION, "on_hand": chance.randrange(ON_HAND // 2, ON_HAND)}


def _message(name: str, chance: random.Random) -> dict[str, Any]:
    moment = "2026-01-01T00:00:00Z"
    data = {"sku": name, "location": LOCATION, "delta": chance.randint(1, LARGEST_DELTA), "occurred_at": moment}
    return {"type": "inventory.adjusted", "timestamp": moment, "data": data}


def _post(path: str, content: dict[str, Any], api_key: str) -> bytes:
    return _request("POST", path, f"Authorization: Api-Key {api_key}\r\n", orjson.dumps(content))


def _get(path: str, api_key: str, *, may_be_cached: bool) -> bytes:
    headers = f"Authorization: Api-Key {api_key}\r\n"
    return _request("GET", path, headers if may_be_cached else f"{headers}Cache-Control: no-cache\r\n")


def _request(
    method: str, path: str, headers: str, body: bytes = b"", *, content_type: str = "Content-Type: application/json\r\n"
) -> bytes:
    length = f"{content_type}Content-Length: {len(body)}\r\n" if body else ""
    return f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}{length}\r\n".encode() + body
