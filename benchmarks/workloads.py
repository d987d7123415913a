"""What is asked of both sides: the same requests, in bytes."""

import random
from dataclasses import dataclass
from enum import StrEnum

import orjson

LOCATION = "bench"
PATH = "/api/v1/inventory/adjustments/"
PRODUCTS = "/api/v1/products/"
# So many that no run takes a level below zero, whatever its luck.
ON_HAND = 1_000_000
DISTINCT_REQUESTS = 5_000
LARGEST_DELTA = 3


class Kind(StrEnum):
    """What is asked for."""

    ADJUST = "adjust"
    LIST = "list"
    DETAIL = "detail"

    @property
    def success(self) -> bytes:
        """How an answer begins that has done it."""
        return b"HTTP/1.1 201" if self is Kind.ADJUST else b"HTTP/1.1 200"


@dataclass(frozen=True, slots=True)
class Workload:
    """`skus`: how many SKUs are meant, each as often as the others. `target`: the ratio to be reached.

    With a `path` it is a read of that, and nothing else.
    """

    name: str
    skus: int
    target: float
    kind: Kind = Kind.ADJUST
    path: str = ""

    @property
    def success(self) -> bytes:
        """How an answer begins that has done it."""
        return b"HTTP/1.1 200" if self.path else self.kind.success


def workloads(skus: int) -> tuple[Workload, ...]:
    """Adjustments all over the stock, and of one SKU that everybody wants."""
    return (Workload(f"adjust, {skus:,} SKUs", skus, 0.40), Workload("adjust, one hot SKU", 1, 0.45))


def kept_reads() -> tuple[Workload, ...]:
    """Reads whose answers are kept, against Django's own empty view."""
    return (
        Workload("a kept list of 50 products", 0, 0.60, "/api/v1/products/?page_size=50"),
        Workload("a kept product", 0, 0.60, "/api/v1/products/1/"),
    )


def sku(number: int) -> str:
    """The name of the SKU with this number, from 0."""
    return f"BENCH-{number:06d}"


def requests(workload: Workload, api_key: str) -> list[bytes]:
    """Requests of which one is as likely as another; the limit is sent the key as well, and does not look."""
    if workload.path:
        return [f"GET {workload.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Api-Key: {api_key}\r\n\r\n".encode()]
    chance = random.Random(workload.name)
    if workload.kind is Kind.LIST:
        return [_read(PRODUCTS, api_key)]
    if workload.kind is Kind.DETAIL:
        return [_read(f"{PRODUCTS}{chance.randint(1, workload.skus)}/", api_key) for _ in range(DISTINCT_REQUESTS)]
    deltas = [delta for delta in range(-LARGEST_DELTA, LARGEST_DELTA + 1) if delta]
    bodies = [
        {
            "sku": sku(chance.randrange(workload.skus)),
            "location": LOCATION,
            "delta": chance.choice(deltas),
            "reason": "correction",
        }
        for _ in range(DISTINCT_REQUESTS)
    ]
    return [_request(orjson.dumps(body), api_key) for body in bodies]


def _request(body: bytes, api_key: str) -> bytes:
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _read(path: str, api_key: str) -> bytes:
    # What is kept of answers is not what is measured here.
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Api-Key {api_key}\r\nCache-Control: no-cache\r\n\r\n"
    ).encode()
