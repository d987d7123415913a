"""How fast webhooks are sent, inside Django.

The limit is httpx: as many threads, each with a client of its own, post the same bytes to the same subscriber, a
process of its own, which answers 200 to everything. Ours is the task: lease, sign, send, write.
"""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import httpx

from benchmarks.inside import Work, measure_inside_django
from benchmarks.relay import record_events
from pms_backend.events import services as events
from webhooks import services
from webhooks.models import Delivery
from webhooks.services import sending
from webhooks.services.endpoints import EndpointURL

ENDPOINTS: Final = 10
DELIVERIES_FOR_A_SECOND: Final = 700
_BODY: Final = b'{"type": "stock.changed", "data": "' + b"x" * 700 + b'"}'
_HEADERS: Final = {"Content-Type": "application/json", "webhook-id": "evt_1", "webhook-signature": "v1," + 44 * "A"}


class BarePosts(Work):
    """The limit."""

    def __init__(self, url: str) -> None:
        self._url = url
        # A context of TLS takes longer to make than many posts.
        context = httpx.create_ssl_context()
        self._clients = [httpx.Client(verify=context) for _ in range(sending.THREADS)]
        self._count = 0

    def prepare(self, count: int) -> None:
        """As many posts."""
        self._count = count

    def run(self) -> int:
        """The posts that were answered."""
        with ThreadPoolExecutor(sending.THREADS) as pool:
            return sum(pool.map(self._post, range(sending.THREADS)))

    def _post(self, number: int) -> int:
        posts = range(number, self._count, sending.THREADS)
        for _ in posts:
            self._clients[number].post(self._url, content=_BODY, headers=_HEADERS).raise_for_status()
        return len(posts)


class Deliveries(Work):
    """Ours."""

    def __init__(self, url: str) -> None:
        for number in range(ENDPOINTS):
            services.create_endpoint(url=EndpointURL(f"{url}{number}"), event_types=["stock.*"])

    def prepare(self, count: int) -> None:
        """Publishes events, each of which makes a delivery to each endpoint."""
        record_events(count // ENDPOINTS)
        events.relay_pending()

    def run(self) -> int:
        """The deliveries sent."""
        before = _delivered()
        while services.send_due_deliveries():
            continue
        return _delivered() - before


def _delivered() -> int:
    return Delivery.objects.filter(status="delivered").count()


@contextmanager
def subscriber() -> Iterator[str]:
    """The URL of `benchmarks.subscriber`."""
    command = (sys.executable, "-m", "benchmarks.subscriber")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline() if process.stdout else 0)}/"
        finally:
            process.terminate()


if __name__ == "__main__":
    with subscriber() as address:
        measure_inside_django(
            {"limit": BarePosts(address), "ours": Deliveries(address)}, count_for_a_second=DELIVERIES_FOR_A_SECOND
        )
