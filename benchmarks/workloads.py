"""The requests that both sides get, as bytes."""

import base64
import hmac
import itertools
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

LOCATION = "bench"
ADJUSTMENTS = "/api/v1/inventory/adjustments/"
BULK_ADJUSTMENTS = "/api/v1/inventory/adjustments/bulk/"
BULK_COUNTS = "/api/v1/inventory/counts/bulk/"
AVAILABILITY = "/api/v1/inventory/availability/"
PRODUCTS = "/api/v1/products/"
IMPORTS = "/api/v1/products/imports/"
# The slug of the connection whose PMS sends webhooks.
PMS = "bench"
WEBHOOKS = f"/api/v1/webhooks/pms/{PMS}/"
UPLOADED_BYTES = 1024 * 1024
# The path of one product.
A_PRODUCT = "/api/v1/products/{number}/"
BULK_ROWS = 10_000
AVAILABILITY_SKUS = 50
# Enough that no run takes a level below zero.
ON_HAND = 1_000_000
DISTINCT_REQUESTS = 5_000
# The maximum of rows in all requests of a workload.
DISTINCT_ROWS = 50_000
LARGEST_DELTA = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """`skus`: how many SKUs are used, with equal probability. `target`: the ratio to be reached.

    `rows`: how many SKUs one request names. `clients`: how many send at once, if not the default. A workload that
    `is_read` skips the response cache, unless it `may_be_cached`.
    """

    name: str
    skus: int
    target: float
    path: str = ADJUSTMENTS
    rows: int = 1
    clients: int | None = None
    is_read: bool = False
    may_be_cached: bool = False


def workloads(skus: int) -> tuple[Workload, ...]:
    """Adjustments of all SKUs and of a single hot one, bulk requests, and a shop's availability query."""
    rows, asked = min(BULK_ROWS, skus), min(AVAILABILITY_SKUS, skus)
    return (
        Workload(f"adjust, {skus:,} SKUs", skus, 0.40),
        Workload("adjust, one hot SKU", 1, 0.45),
        Workload(f"rows of bulk adjustments of {rows:,}", skus, 0.30, BULK_ADJUSTMENTS, rows, clients=1),
        Workload(f"rows of bulk counts of {rows:,}", skus, 0.30, BULK_COUNTS, rows, clients=1),
        Workload(f"SKUs, {asked} at a time, available", skus, 0.35, AVAILABILITY, asked),
    )


def cached_reads() -> tuple[Workload, ...]:
    """Reads from the response cache, against an empty view of Django."""
    return (
        Workload("a cached list of 50 products", 0, 0.60, PRODUCTS, is_read=True, may_be_cached=True),
        Workload("a cached product", 1, 0.60, A_PRODUCT, is_read=True, may_be_cached=True),
    )


def accepted_webhooks(skus: int) -> Workload:
    """Signed webhooks, each with an id of its own."""
    return Workload("webhooks accepted", skus, 0.35, WEBHOOKS)


def sku(number: int) -> str:
    """The name of the SKU with this number, from 0."""
    return f"bench-{number:06d}"


def stream(workload: Workload, api_key: str) -> Iterator[bytes]:
    """Requests without end. The API key is that of ours, for webhooks the secret that signs them."""
    if workload.path == WEBHOOKS:
        return _webhooks(workload, api_key)
    choices = _requests(workload, api_key)
    return (random.choice(choices) for _ in itertools.repeat(None))


def _requests(workload: Workload, api_key: str) -> list[bytes]:
    """The requests to choose from; the limit gets the API key too and ignores it."""
    chance = random.Random(workload.name)
    count = min(DISTINCT_REQUESTS, DISTINCT_ROWS // workload.rows)
    if workload.path == IMPORTS:
        return [_upload(api_key)]
    if workload.is_read:
        numbers = (chance.randint(1, max(workload.skus, 1)) for _ in range(count))
        paths = dict.fromkeys(workload.path.format(number=number) for number in numbers)
        return [_read(path, api_key, may_be_cached=workload.may_be_cached) for path in paths]
    return [_request(workload.path, orjson.dumps(_body(workload, chance)), api_key) for _ in range(count)]


def _body(workload: Workload, chance: random.Random) -> dict[str, Any]:
    if workload.path == ADJUSTMENTS:
        return _adjustment(sku(chance.randrange(workload.skus)), chance)
    # Each SKU once, in random order.
    skus = [sku(number) for number in chance.sample(range(workload.skus), workload.rows)]
    if workload.path == BULK_ADJUSTMENTS:
        return {"adjustments": [_adjustment(name, chance) for name in skus]}
    if workload.path == BULK_COUNTS:
        rows = [{"sku": name, "location": LOCATION, "on_hand": chance.randrange(ON_HAND)} for name in skus]
        return {"counts": rows}
    return {"skus": skus}


def _adjustment(name: str, chance: random.Random) -> dict[str, Any]:
    delta = chance.choice([delta for delta in range(-LARGEST_DELTA, LARGEST_DELTA + 1) if delta])
    return {"sku": name, "location": LOCATION, "delta": delta, "reason": "correction"}


def _request(path: str, body: bytes, api_key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _upload(api_key: str) -> bytes:
    """A file of one product with a long description."""
    file = b"Handle,Title,Body (HTML)\nbench,Bench," + b"x" * UPLOADED_BYTES + b"\n"
    part = b'--bench\r\nContent-Disposition: form-data; name="file"; filename="bench.csv"\r\n\r\n'
    body = part + file + b"\r\n--bench--\r\n"
    head = (
        f"POST {IMPORTS} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\n"
        f"Content-Type: multipart/form-data; boundary=bench\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _webhooks(workload: Workload, secret: str) -> Iterator[bytes]:
    """Webhooks, signed as they are sent: that takes microseconds, and a signature is good for five minutes."""
    chance = random.Random(workload.name)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    prefix = f"msg_{secrets.token_urlsafe(16)}"
    bodies = [orjson.dumps(_message(sku(chance.randrange(workload.skus)), chance)) for _ in range(DISTINCT_REQUESTS)]
    for number in itertools.count():
        body = bodies[number % len(bodies)]
        webhook_id, moment = f"{prefix}-{number}", int(time.time())
        signature = base64.b64encode(hmac.digest(key, f"{webhook_id}.{moment}.".encode() + body, "sha256")).decode()
        head = (
            f"POST {WEBHOOKS} HTTP/1.1\r\nHost: 127.0.0.1\r\nwebhook-id: {webhook_id}\r\n"
            f"webhook-timestamp: {moment}\r\nwebhook-signature: v1,{signature}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def _message(name: str, chance: random.Random) -> dict[str, Any]:
    moment = "2026-01-01T00:00:00Z"
    data = {"sku": name, "location": LOCATION, "delta": chance.randint(1, LARGEST_DELTA), "occurred_at": moment}
    return {"type": "inventory.adjusted", "timestamp": moment, "data": data}


def _read(path: str, api_key: str, *, may_be_cached: bool) -> bytes:
    cache_control = "" if may_be_cached else "Cache-Control: no-cache\r\n"
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\n{cache_control}\r\n"
    ).encode()
