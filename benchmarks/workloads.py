"""What is asked of both sides: the same requests, in bytes."""

import random
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
UPLOADED_BYTES = 1024 * 1024
# One of the products, whichever.
A_PRODUCT = "/api/v1/products/{number}/"
BULK_ROWS = 10_000
AVAILABILITY_SKUS = 50
# So many that no run takes a level below zero, whatever its luck.
ON_HAND = 1_000_000
DISTINCT_REQUESTS = 5_000
# So many rows are made up in all, where one request has many.
DISTINCT_ROWS = 50_000
LARGEST_DELTA = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """`skus`: how many of the SKUs are asked for, each as often as the others. `target`: the ratio to be reached.

    `rows`: how many of them one request names. `clients`: how many ask at once, where not as many as may. What
    `is_read` is read from the database each time, unless it `may_be_kept`.
    """

    name: str
    skus: int
    target: float
    path: str = ADJUSTMENTS
    rows: int = 1
    clients: int | None = None
    is_read: bool = False
    may_be_kept: bool = False


def workloads(skus: int) -> tuple[Workload, ...]:
    """Adjustments all over the stock, and of one SKU that everybody wants; many rows at once; what a shop asks."""
    rows, asked = min(BULK_ROWS, skus), min(AVAILABILITY_SKUS, skus)
    return (
        Workload(f"adjust, {skus:,} SKUs", skus, 0.40),
        Workload("adjust, one hot SKU", 1, 0.45),
        Workload(f"rows of bulk adjustments of {rows:,}", skus, 0.30, BULK_ADJUSTMENTS, rows, clients=1),
        Workload(f"rows of bulk counts of {rows:,}", skus, 0.30, BULK_COUNTS, rows, clients=1),
        Workload(f"SKUs, {asked} at a time, available", skus, 0.35, AVAILABILITY, asked),
    )


def kept_reads() -> tuple[Workload, ...]:
    """Reads whose answers are kept, against Django's own empty view."""
    return (
        Workload("a kept list of 50 products", 0, 0.60, PRODUCTS, is_read=True, may_be_kept=True),
        Workload("a kept product", 1, 0.60, A_PRODUCT, is_read=True, may_be_kept=True),
    )


def sku(number: int) -> str:
    """The name of the SKU with this number, from 0."""
    return f"bench-{number:06d}"


def requests(workload: Workload, api_key: str) -> list[bytes]:
    """Requests of which one is as likely as another; the limit is sent the key as well, and does not look."""
    chance = random.Random(workload.name)
    count = min(DISTINCT_REQUESTS, DISTINCT_ROWS // workload.rows)
    if workload.path == IMPORTS:
        return [_upload(api_key)]
    if workload.is_read:
        numbers = (chance.randint(1, max(workload.skus, 1)) for _ in range(count))
        paths = dict.fromkeys(workload.path.format(number=number) for number in numbers)
        return [_read(path, api_key, may_be_kept=workload.may_be_kept) for path in paths]
    return [_request(workload.path, orjson.dumps(_body(workload, chance)), api_key) for _ in range(count)]


def _body(workload: Workload, chance: random.Random) -> dict[str, Any]:
    if workload.path == ADJUSTMENTS:
        return _adjustment(sku(chance.randrange(workload.skus)), chance)
    # Each SKU once, in no order.
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


def _read(path: str, api_key: str, *, may_be_kept: bool) -> bytes:
    cache_control = "" if may_be_kept else "Cache-Control: no-cache\r\n"
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\n{cache_control}\r\n"
    ).encode()
