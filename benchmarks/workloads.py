"""What is asked of both sides: the same requests, in bytes."""

import random
from dataclasses import dataclass

import orjson

LOCATION = "bench"
PATH = "/api/v1/inventory/adjustments/"
# So many that no run takes a level below zero, whatever its luck.
ON_HAND = 1_000_000
DISTINCT_REQUESTS = 5_000
LARGEST_DELTA = 3


@dataclass(frozen=True, slots=True)
class Workload:
    """`skus`: how many of the SKUs are adjusted, each as often as the others. `target`: the ratio to be reached.

    With a `path` it is a read of that instead.
    """

    name: str
    skus: int
    target: float
    path: str = ""

    @property
    def success(self) -> bytes:
        """How a good answer begins."""
        return b"HTTP/1.1 200" if self.path else b"HTTP/1.1 201"


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
