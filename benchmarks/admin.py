"""`make bench ARGS=admin`: what each page of the admin costs with 100,000 products and 1,000,000 movements.

A superuser opens each list, as the menu shows it and by each column that sorts it, the usual searches and filters, and
the dashboard, in this process. Printed are the statements, and milliseconds: of the processors, in this process and in
PostgreSQL's (without parallel workers, which would share the work), which is what the targets are for, since what else
the machine does does not count; and those that a clock shows. Each is the median of several rounds. Exit code 1 if a
page costs more than its target.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.templatetags.admin_list import result_headers
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.admin_rows import fill
from inventory import services as inventory
from products.models import Product

MAX_QUERIES: Final = 12
MAX_MS: Final = 300.0
DASHBOARD: Final = "/admin/"
# Of the dashboard, which makes more statements than a list, the statements have a limit of time.
DASHBOARD_MAX_QUERIES: Final = 30
DASHBOARD_MAX_QUERY_MS: Final = 200.0
# What compares every row with ours: a report, which staff ask for.
REPORTS: Final = {"/admin/pms_integration/pmsstock/?differs=1": 1_000.0}
# Searches, filters and further pages, below /admin/. The lists and their orders are found by themselves.
PAGES: Final = (
    "search/?q=BENCH-7919",
    "search/?q=4000000000042",
    "search/?q=lamp",
    "search/?q=l",
    "search/?q=order-7",
    "search/?q=basket-7",
    "search/?q=truck-",
    "search/?q=P77",
    "inventory/board/",
    "inventory/stocklevel/?q=BENCH-7919",
    "inventory/stocklevel/?q=4000000000042",
    "inventory/stocklevel/?q=lamp",
    "inventory/stocklevel/?attention=oversold",
    "inventory/stocklevel/?attention=below_reorder_point",
    "inventory/stocklevel/?location__id__exact=1",
    "inventory/stocklevel/?p=4000",
    "inventory/stocklevel/7/change/",
    "inventory/stocklevel/scan/",
    "inventory/stocklevel/scan/?q=BENCH-7919",
    "inventory/stocklevel/scan/?q=lamp",
    "inventory/stockmovement/?q=BENCH-79",
    "inventory/stockmovement/?q=order-7",
    "inventory/stockmovement/?reason__exact=damage",
    "inventory/stockmovement/?level__location__id__exact=1",
    "inventory/stockmovement/?p=100",
    "inventory/transfer/?status__exact=in_transit",
    "inventory/transfer/?q=BENCH-7919",
    "inventory/stocktake/?status__exact=open",
    "inventory/stocktake/?q=BENCH-7919",
    "inventory/reservation/?status=active",
    "inventory/reservation/?q=basket-7",
    "products/product/?q=lamp",
    "products/product/?q=BENCH-7919",
    "products/product/?status__exact=draft",
    "products/product/?brand=Brand+7",
    "products/product/?p=2000",
    "pms_integration/pmsevent/?status__exact=dead",
    "pms_integration/pmsevent/?connection__id__exact=1",
    "pms_integration/pmsproduct/?state=conflict",
    "pms_integration/pmsproduct/?q=P77",
    "pms_integration/pmsproduct/?q=lamp",
    "pms_integration/pmsstock/?differs=1",
    "pms_integration/pmsstock/?q=BENCH-7919",
    "pms_integration/pmsvariant/?q=V77",
    "pms_integration/pmsstockpush/?q=BENCH-7919",
    "pms_integration/pmsstockpush/?status__exact=rejected",
    "pms_integration/syncrun/?status__exact=held",
    "webhooks/delivery/?status__exact=failed",
    "webhooks/delivery/?q=900000",
    "webhooks/delivery/?endpoint__id__exact=1",
    "webhooks/delivery/7/change/",
    "webhooks/webhookendpoint/1/change/",
    "webhooks/webhookendpoint/4/change/",
    "access/apiclient/1/change/",
    "pms_integration/pmsconnection/?webhooks=refused",
    "events/event/?q=stock.",
    "events/parkedevent/?state=parked",
    "access/auditentry/?q=user",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page costs: statements, processor milliseconds of PostgreSQL and of all, milliseconds by the clock."""

    page: str
    queries: int
    query_ms: float
    ms: float
    clock_ms: float

    @property
    def is_too_high(self) -> bool:
        """Whether it is above the target."""
        if self.page == DASHBOARD:
            return self.queries > DASHBOARD_MAX_QUERIES or self.query_ms > DASHBOARD_MAX_QUERY_MS or self.ms > MAX_MS
        return self.queries > MAX_QUERIES or self.ms > REPORTS.get(self.page, MAX_MS)


def query_ms() -> float:
    """The processor milliseconds that PostgreSQL has spent on our connection."""
    assert connection.connection is not None
    spent = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text().split()[0]
    return int(spent) / 1_000_000


def pages(user: User) -> Iterator[str]:
    """The dashboard, every list by its own order and by each column that sorts it, and `PAGES`."""
    yield DASHBOARD
    for model, page in admin.site._registry.items():
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        yield address
        request = RequestFactory().get(address)
        request.user = user
        for number, column in enumerate(result_headers(page.get_changelist_instance(request))):
            if column["sortable"]:
                yield from (f"{address}?o={number}", f"{address}?o=-{number}")
    yield from (f"{DASHBOARD}{page}" for page in PAGES)


def cost_of(client: Client, page: str, rounds: int) -> Cost:
    """Opens the page once to warm up, and then so many times."""
    in_queries, here, clock = [], [], []
    for number in range(rounds + 1):
        before = query_ms(), time.process_time(), time.perf_counter()
        with CaptureQueriesContext(connection) as statements:
            response = client.get(page)
        after = query_ms(), time.process_time(), time.perf_counter()
        if response.status_code != HTTPStatus.OK:
            raise SystemExit(f"{page}: {response.status_code}")
        if number:
            in_queries.append(after[0] - before[0])
            here.append((after[1] - before[1]) * 1000)
            clock.append((after[2] - before[2]) * 1000)
    of_queries = statistics.median(in_queries)
    total = of_queries + statistics.median(here)
    return Cost(page, len(statements), of_queries, total, statistics.median(clock))


def table(costs: list[Cost]) -> str:
    """A line for each page; the slowest stand last."""
    width = max(len(cost.page) for cost in costs)
    lines = [
        f"{cost.page:{width}}  {cost.queries:7}  {cost.query_ms:8.0f}  {cost.ms:7.0f}  {cost.clock_ms:8.0f}"
        f"  {'TOO HIGH' if cost.is_too_high else 'ok'}"
        for cost in sorted(costs, key=lambda cost: cost.ms)
    ]
    return "\n".join([f"{'page':{width}}  queries  query ms  page ms  clock ms  target", *lines])


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=admin", description=__doc__)
    parser.add_argument("--products", type=int, default=100_000, help="in an empty database (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="of each page (default: %(default)s)")
    parser.add_argument("--only", default="", help="pages whose address contains this")
    arguments = parser.parse_args()
    settings.ALLOWED_HOSTS = ["testserver"]
    if not Product.objects.exists():
        fill(arguments.products)
        inventory.record_stock_days()
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")
    client = Client()
    user, _ = User.objects.get_or_create(username="bench", is_staff=True, is_superuser=True)
    client.force_login(user)
    costs = [cost_of(client, page, arguments.rounds) for page in pages(user) if arguments.only in page]
    print(table(costs))
    print(
        f"Targets: {MAX_QUERIES} queries and {MAX_MS:.0f} ms; of the dashboard {DASHBOARD_MAX_QUERIES} queries,"
        f" {DASHBOARD_MAX_QUERY_MS:.0f} ms of them and {MAX_MS:.0f} ms."
    )
    return 1 if any(cost.is_too_high for cost in costs) else 0


if __name__ == "__main__":
    sys.exit(main())
