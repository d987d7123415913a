"""`make bench ARGS=deliveries`: how fast webhooks are sent, and what their endpoints cost the relay.

The limit of sending is httpx: as many threads, each with a client of its own, post the same bytes to the same
subscriber, a process of its own, which answers 200 to everything. Ours is the task: lease, sign, send, write. Both in
turn. The limit of the relay is the relay without an endpoint.
"""

import argparse
import asyncio
import multiprocessing
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Final

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "pms_backend.settings")
os.environ.setdefault("SECRET_KEY", "benchmark")
os.environ.setdefault("OUTBOUND_ALLOW", "127.0.0.1")
django.setup()

import httpx  # noqa: E402 - Django is set up first
from cryptography.fernet import Fernet  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks import report  # noqa: E402
from benchmarks.measure import Result, Side  # noqa: E402
from benchmarks.relay import RECORD  # noqa: E402
from benchmarks.workloads import Workload  # noqa: E402
from pms_backend.events import services as events  # noqa: E402
from webhooks import services  # noqa: E402
from webhooks.models import Delivery, WebhookEndpoint  # noqa: E402
from webhooks.services import sending  # noqa: E402
from webhooks.services.endpoints import EndpointURL  # noqa: E402

ENDPOINTS: Final = 10
TARGET: Final = 0.5
_OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


def subscribe(pipe: Connection) -> None:
    """A subscriber that answers 200 to each request, in a process of its own; says its port."""

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line
                )
                await reader.readexactly(length)
                writer.write(_OK)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    asyncio.run(serve())


def post_all(url: str, bodies: list[bytes], threads: int) -> float:
    """The limit: posts per second."""
    headers = {"Content-Type": "application/json", "webhook-id": "evt_1", "webhook-signature": "v1," + 44 * "A"}

    # A context of TLS takes longer to make than many posts.
    context = httpx.create_ssl_context()
    clients = [httpx.Client(verify=context) for _ in range(threads)]

    def post(client: httpx.Client, part: list[bytes]) -> None:
        for body in part:
            client.post(url, content=body, headers=headers).raise_for_status()

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(post, clients, [bodies[first::threads] for first in range(threads)]))
        rate = len(bodies) / (time.perf_counter() - began)
    for client in clients:
        client.close()
    return rate


def record_events(count: int) -> None:
    """Records events that are not published yet."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD.format(table="events_event"), [count])


def relay_rate(count: int) -> float:
    """Events that the relay publishes in a second."""
    record_events(count)
    began = time.perf_counter()
    events.relay_pending()
    return count / (time.perf_counter() - began)


def send_rate() -> float:
    """Deliveries that the task sends in a second."""
    due = Delivery.objects.filter(status="pending").count()
    began = time.perf_counter()
    while services.send_due_deliveries():
        pass
    rate = due / (time.perf_counter() - began)
    if Delivery.objects.exclude(status="delivered").exists():
        raise SystemExit("Not all was delivered.")
    return rate


def measure(*, rounds: int, count: int, url: str) -> tuple[Result, Result]:
    """A warm-up of each side, then the rounds in turn."""
    bare, ours, alone, with_endpoints = Side(), Side(), Side(), Side()
    for number in range(rounds + 1):
        WebhookEndpoint.objects.all().delete()
        without = relay_rate(count)
        for endpoint in range(ENDPOINTS):
            services.create_endpoint(url=EndpointURL(f"{url}{endpoint}"), event_types=["stock.*"])
        relayed = relay_rate(count)
        sent = send_rate()
        body = b'{"type": "stock.changed", "data": "' + b"x" * 700 + b'"}'
        posted = post_all(url, [body] * (ENDPOINTS * count), sending.THREADS)
        if number:
            for side, rate in zip((bare, ours, alone, with_endpoints), (posted, sent, without, relayed), strict=True):
                side.rates.append(rate)
            print(
                f"round {number}: httpx {posted:,.0f}/s, ours {sent:,.0f}/s, "
                f"relay {without:,.0f}/s, with endpoints {relayed:,.0f}/s",
                file=sys.stderr,
            )
    return (
        Result(Workload(f"deliveries, {sending.THREADS} connections", 0, TARGET), bare, ours),
        Result(Workload(f"relay, {ENDPOINTS} endpoints, {count:,} events", 0, TARGET), alone, with_endpoints),
    )


def main() -> int:
    """Prints the table; exit code 1 below a target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.deliveries", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each side (default: %(default)s)")
    parser.add_argument("--events", type=int, default=500, help="in each round (default: %(default)s)")
    arguments = parser.parse_args()
    settings.FIELD_ENCRYPTION_KEYS = settings.FIELD_ENCRYPTION_KEYS or [Fernet.generate_key().decode()]
    settings.OUTBOUND_ALLOW = ["127.0.0.1"]
    call_command("migrate", verbosity=0)
    ours, theirs = multiprocessing.Pipe()
    subscriber = multiprocessing.get_context("spawn").Process(target=subscribe, args=(theirs,), daemon=True)
    subscriber.start()
    url = f"http://127.0.0.1:{ours.recv()}/"
    try:
        results = measure(rounds=arguments.rounds, count=arguments.events, url=url)
    finally:
        subscriber.terminate()
    print(report.table(list(results)))
    return 0 if all(result.ratio >= TARGET for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
