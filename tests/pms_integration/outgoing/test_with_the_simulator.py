"""The connector and the simulated PMS, which share no code, understand each other."""

from datetime import UTC, datetime

import pytest

from pms_integration.connectors.contract import DeletionReport, FigureReport, ProductReport, VersionMoved
from pms_integration.connectors.outgoing import Page, ProductPush, StockPush
from pms_integration.models import PMSConnection
from tests.factories import make_connection
from tests.pms_integration.outgoing.calling import call, connect_simulator
from tests.pms_integration.simulator.calling import SimulatorHere, product

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pms(simulator: SimulatorHere) -> PMSConnection:
    return connect_simulator(make_connection(), simulator)


def pages(pms: PMSConnection, method: str, since: datetime | None = None) -> list[Page]:
    found: list[Page] = [call(pms, method, since, None)]
    while found[-1].cursor is not None:
        found.append(call(pms, method, since, found[-1].cursor))
    return found


def test_all_products_and_figures_are_pulled_page_by_page(pms: PMSConnection, simulator: SimulatorHere) -> None:
    state = simulator.state()

    products = [report for page in pages(pms, "pull_products") for report in page.reports]
    figures = [report for page in pages(pms, "pull_stock") for report in page.reports]

    assert {type(report) for report in products} == {ProductReport}
    assert sorted(report.external_id for report in products) == sorted(one["id"] for one in state["products"])
    assert {type(report) for report in figures} == {FigureReport}
    assert sorted((f.variant.sku, f.location, f.on_hand) for f in figures) == sorted(
        (level["sku"], level["location"], level["on_hand"]) for level in state["stock"]
    )


def test_a_pull_since_a_moment_has_what_has_changed_and_what_is_gone(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    first = call(pms, "pull_products", None, None)
    made = simulator.create(product("NEW-1"), key="new")
    gone = first.reports[0].external_id
    simulator.control(f"products/{gone}", method="DELETE")

    changed = [report for page in pages(pms, "pull_products", first.moment) for report in page.reports]

    by_id = {report.external_id: report for report in changed}
    assert isinstance(by_id[made["id"]], ProductReport)
    assert isinstance(by_id[gone], DeletionReport)


def test_a_push_of_stock_acts_once_and_a_product_by_its_version(pms: PMSConnection, simulator: SimulatorHere) -> None:
    made = simulator.create(product("PUSH-1"), key="made")
    push = StockPush(
        idempotency_key="k-1", sku="PUSH-1", external_ids=(), location="W1", delta=5, reason="receipt", reference="R",
        occurred_at=datetime.now(tz=UTC),
    )  # fmt: skip

    first, again = (call(pms, "push_stock", [push])[0] for _ in range(2))
    written = call(
        pms, "push_product",
        ProductPush(idempotency_key="p-1", external_id=made["id"], version=made["version"],
                    payload={**made, "name": "Renamed"}),
    )  # fmt: skip

    assert (first.status, first.on_hand, again.status, again.on_hand) == ("applied", 5, "duplicate", 5)
    assert written.data["name"] == "Renamed"
    stale = ProductPush(
        idempotency_key="p-2", external_id=made["id"], version=made["version"], payload={**made, "name": "Late"}
    )
    with pytest.raises(VersionMoved):
        call(pms, "push_product", stale)
