"""A run goes on where it was interrupted, and ends where it cannot go on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.api.exceptions import OutcomeUnknown
from pms_backend.events.models import Event
from pms_integration import services
from pms_integration.connectors import CONNECTORS
from pms_integration.connectors.contract import ProductReport
from pms_integration.connectors.outgoing import Page
from pms_integration.connectors.standard import StandardConnector
from pms_integration.exceptions import PMSNotCalled, SyncLost, SyncOver
from pms_integration.models import PMSConnection, PMSRefetch, SyncReport, SyncRun
from pms_integration.services.retries import DEFERRED_RETRY
from pms_integration.services.sync import applying, limits, listing
from pms_integration.services.sync.leases import Lease, lease_run
from products.models import Product
from tests.factories import make_connection
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import counts, fill, go_on, on_hand, start, sync

pytestmark = pytest.mark.django_db(transaction=True)


def make_due(run: SyncRun) -> None:
    SyncRun.objects.filter(pk=run.pk).update(due_at=timezone.now() - timedelta(seconds=1))


def leased() -> tuple[Lease, SyncRun]:
    lease = lease_run()
    assert lease is not None
    return lease, SyncRun.objects.select_related("connection").get(pk=lease.run_id)


def test_a_run_goes_on_at_its_page_and_at_its_batch(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pms_integration.connectors.standard_calls.PRODUCTS_A_PAGE", 2)
    monkeypatch.setattr(applying, "BATCH_SIZE", 2)
    fill(simulator, 5, on_hand=None)
    run = start(pms, resources=["products"])
    listing.list_page(*leased())
    make_due(run)

    lease, before = leased()
    listing.list_page(lease, before)
    make_due(run)

    assert simulator.counters()["requests"] == 2
    go_on(run)
    assert counts(run) == {"processed": 5, "total": 5, "created": 5}
    assert simulator.counters()["requests"] == 3
    assert not SyncReport.objects.exists()


def test_a_worker_that_lost_its_lease_writes_nothing(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2, on_hand=None)
    run = start(pms)
    lost = leased()
    make_due(run)
    leased()

    with pytest.raises(SyncLost):
        listing.list_page(*lost)

    assert not SyncReport.objects.exists()


def test_a_run_whose_workers_die_again_and_again_fails(pms: PMSConnection, simulator: SimulatorHere) -> None:
    run = start(pms)
    for _ in range(limits.MAX_ATTEMPTS):
        leased()
        make_due(run)

    assert lease_run() is None
    run.refresh_from_db()
    assert (run.status, run.errors[0]["detail"]) == ("failed", "5 attempts in a row did not come any further.")
    assert Event.objects.filter(type="sync.failed", data__detail=run.errors[0]["detail"]).count() == 1


def test_a_cancelled_run_ends_and_another_can_begin(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2, on_hand=None)
    run = start(pms)
    lease, before = leased()
    listing.list_page(lease, before)

    services.cancel_sync(run_id=run.pk)

    with pytest.raises(SyncLost):
        listing.list_page(lease, before)
    run.refresh_from_db()
    assert (run.status, SyncReport.objects.count()) == ("cancelled", 0)
    assert Event.objects.get(type="sync.finished").data["status"] == "cancelled"
    with pytest.raises(SyncOver, match="cancelled"):
        services.cancel_sync(run_id=run.pk)
    assert sync(pms).status == "finished"


@pytest.mark.parametrize("fault", ["500", "429", "half_answer", "wrong_json"])
def test_a_pms_that_fails_for_a_while_costs_time_only(pms: PMSConnection, simulator: SimulatorHere, fault: str) -> None:
    fill(simulator, 2)
    simulator.set_faults({fault: 1.0, "retry_after_seconds": 0}, times=2)
    run = start(pms)

    while not run.is_over:
        make_due(run)
        go_on(run)
        assert run.status != "failed", run.errors

    assert counts(run) == {"processed": 4, "total": 4, "created": 4}
    assert simulator.counters()[f"faults.{fault}"] == 2


def test_a_run_waits_as_long_as_the_pms_asks_for(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 1)
    simulator.set_faults({"429": 1.0, "retry_after_seconds": 120})

    run = sync(pms)

    assert run.status == "running"
    assert timedelta(seconds=100) < run.due_at - timezone.now() < timedelta(seconds=125)


def test_a_refusal_ends_the_run_and_names_itself(pms: PMSConnection, simulator: SimulatorHere) -> None:
    services.set_outgoing(connection_id=pms.pk, base_url=pms.base_url, credentials={"token": "wrong"})

    run = sync(pms)

    assert run.status == "failed"
    assert run.errors[0]["detail"].startswith("The PMS answered 401")
    pms.refresh_from_db()
    assert pms.last_error.startswith("The PMS answered 401")


def test_a_connection_that_is_not_called_has_no_runs(pms: PMSConnection) -> None:
    services.update_connection(slug="demo", values={"base_url": None})

    with pytest.raises(PMSNotCalled, match="demo is not called"):
        start(pms)


def test_an_unknown_variant_is_asked_for_again(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 1)

    run = sync(pms, resources=["stock"])

    assert counts(run) == {"processed": 1, "total": 1, "failed": 1}
    assert run.errors == [
        {"resource": "stock", "external_id": "", "sku": "A-0", "detail": "The SKU a-0 is not known yet."}
    ]
    refetch = PMSRefetch.objects.get()
    assert refetch.external_id == "A-0"
    assert refetch.due_at > timezone.now() + DEFERRED_RETRY * 0.9


def test_an_entry_that_cannot_be_used_fails_alone(pms: PMSConnection, simulator: SimulatorHere) -> None:
    ids = fill(simulator, 3, on_hand=None)
    with simulator.running.simulation.transaction(is_silent=True) as work:
        bad = '{"name": "Bad", "variants": [{"sku": "A-1", "price": "dear"}]}'
        work.db.execute("UPDATE product SET body = ? WHERE id = ?", [bad, ids[1]])

    run = sync(pms, resources=["products"])

    assert counts(run) == {"processed": 3, "total": 3, "created": 2, "failed": 1}
    assert run.errors[0]["external_id"] == ids[1]
    assert "/variants/0/price" in run.errors[0]["detail"]


def test_an_entry_that_fails_by_an_error_of_ours_fails_alone(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(simulator, 5, on_hand=None)
    apply = applying.apply_product_reports

    def failing(pms: PMSConnection, reported: Any) -> Any:
        if any(one.report.data["name"] == "Product A-3" for one in reported):
            raise RuntimeError("broken")
        return apply(pms, reported)

    monkeypatch.setattr(applying, "apply_product_reports", failing)

    run = sync(pms, resources=["products"])

    assert counts(run) == {"processed": 5, "total": 5, "created": 4, "failed": 1}
    assert run.errors[0]["detail"] == "RuntimeError: broken"
    assert set(Product.objects.values_list("name", flat=True)) == {f"Product A-{index}" for index in (0, 1, 2, 4)}


def test_a_due_connection_is_synced_by_itself(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 1)
    assert services.start_due_syncs() == 0
    services.update_connection(slug="demo", values={"sync_every_seconds": 60})

    assert [services.start_due_syncs() for _ in range(2)] == [1, 0]
    services.run_syncs()

    run = SyncRun.objects.get()
    assert (run.mode, run.status, run.actor, on_hand("A-0")) == ("incremental", "finished", "system", 5)
    assert AuditEntry.objects.get(action="sync.finished").door == "schedule"
    assert services.start_due_syncs() == 0
    SyncRun.objects.update(created_at=timezone.now() - timedelta(seconds=61))
    assert services.start_due_syncs() == 1


class Pages(StandardConnector):
    """Lists these pages, each by the index that its cursor names."""

    def __init__(
        self, pages: list[list[Any]], following: list[str | None], paging: Literal["keyset", "offset"] = "keyset"
    ) -> None:
        self.pages, self.following, self.asked = pages, following, 0
        self.capabilities = replace(StandardConnector.capabilities, paging=paging)

    def pull_products(self, client: Any, since: Any, cursor: str | None) -> Page:
        self.asked += 1
        index = int(cursor or 0)
        return Page(reports=self.pages[index], cursor=self.following[index], moment=timezone.now())


def listed(number: int) -> ProductReport:
    data = product(f"A-{number}")
    return ProductReport(external_id=f"p-{number}", version=1, data=data, payload=data)


def test_a_list_that_goes_round_in_a_circle_ends_the_run(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    circle = Pages([[listed(1)], [listed(2)], [listed(3)]], ["1", "2", "1"])
    monkeypatch.setitem(CONNECTORS, "standard", circle)

    run = sync(pms, resources=["products"])

    assert (run.status, run.errors[0]["detail"]) == (
        "failed", "The PMS's list of products has nothing new on 21 pages in a row.",
    )  # fmt: skip
    assert circle.asked == 3 + limits.MAX_REPEATED_PAGES + 1


def test_pages_by_offset_that_do_not_overlap_are_listed_again(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something on the first page was removed, so that the third product has moved from the second page to it."""
    shifting = Pages([[listed(1), listed(2)], [listed(4), listed(5)]], ["1", None], "offset")
    monkeypatch.setitem(CONNECTORS, "standard", shifting)
    run = start(pms, resources=["products"])
    for _ in range(2):
        lease, before = leased()
        listing.list_page(lease, before)
        make_due(run)
    shifting.pages[0] = [listed(2), listed(3), listed(4)]

    go_on(run)

    assert counts(run) == {"processed": 5, "total": 5, "created": 5}
    assert shifting.asked == 4


def test_of_an_entry_that_is_listed_twice_the_later_one_is_applied(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = product("A-1", name="Later")
    pages = [[listed(1), listed(2)], [ProductReport(external_id="p-1", version=2, data=later, payload=later)]]
    monkeypatch.setitem(CONNECTORS, "standard", Pages(pages, ["1", None]))

    run = sync(pms, resources=["products"])

    assert counts(run) == {"processed": 2, "total": 2, "created": 2}
    assert set(Product.objects.values_list("name", flat=True)) == {"Later", "Product A-2"}


def test_text_that_cannot_be_stored_fails_alone(pms: PMSConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    data = product("A-9", name="\0")
    bad = ProductReport(external_id="p-9", version=1, data=data, payload=data)
    monkeypatch.setitem(CONNECTORS, "standard", Pages([[listed(1), bad]], [None]))

    run = sync(pms, resources=["products"])

    assert counts(run) == {"processed": 2, "total": 2, "created": 1, "failed": 1}
    assert "NUL" in run.errors[0]["detail"]


def test_stock_of_a_location_that_is_not_mapped_is_left_out_with_one_error(
    pms: PMSConnection, simulator: SimulatorHere
) -> None:
    fill(simulator, 3)
    for index in range(3):
        simulator.control("stock/count", {"sku": f"A-{index}", "location": "W2", "on_hand": 7})

    told, run, again = sync(pms, dry_run=True), sync(pms), sync(pms)

    detail = "No location is called W2, by the connection or by us: its figures are left out."
    for one in (told, run, again):
        assert [error["detail"] for error in one.errors] == [detail]
    assert counts(run) == {"processed": 9, "total": 9, "created": 6, "unchanged": 3}
    assert not PMSRefetch.objects.exists()


def test_a_product_that_is_listed_but_cannot_be_stored_is_not_missing(
    pms: PMSConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = Pages([[listed(1), listed(2)]], [None])
    monkeypatch.setitem(CONNECTORS, "standard", pages)
    sync(pms, resources=["products"])
    bad = product("A-2", name="\0")
    pages.pages = [[listed(1), ProductReport(external_id="p-2", version=2, data=bad, payload=bad)]]

    runs = [sync(pms, resources=["products"]) for _ in range(3)]

    assert [counts(run) for run in runs] == [{"processed": 2, "total": 2, "unchanged": 1, "failed": 1}] * 3
    assert set(Product.objects.values_list("status", flat=True)) == {"draft"}


def test_what_fails_by_an_error_of_ours_is_asked_for_again(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = fill(simulator, 1, on_hand=None)

    def failing(pms: PMSConnection, reported: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(applying, "apply_product_reports", failing)

    sync(pms, resources=["products"])

    assert list(PMSRefetch.objects.values_list("resource", "external_id")) == [("product", ids[0])]


def test_a_pms_that_answers_nonsense_all_the_time_ends_the_run(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pms_integration.services.sync.runner.MAX_FAILURES", 2)
    simulator.set_faults({"wrong_json": 1.0})
    run = start(pms)

    for _ in range(2):
        go_on(run)
        make_due(run)

    run.refresh_from_db()
    assert run.status == "failed"
    assert run.errors[0]["detail"].startswith("2 calls in a row failed. ")


def test_a_kind_that_is_gone_stops_no_other_connection(pms: PMSConnection) -> None:
    gone = make_connection("a-gone")
    values = {"kind": "gone", "base_url": "http://pms.example", "sync_every_seconds": 60}
    PMSConnection.objects.filter(pk=gone.pk).update(**values)
    services.update_connection(slug="demo", values={"sync_every_seconds": 60})

    assert services.start_due_syncs() == 1
    with pytest.raises(PMSNotCalled):
        start(gone)


def test_a_batch_whose_commit_may_have_happened_is_not_applied_in_halves(
    pms: PMSConnection, simulator: SimulatorHere, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(simulator, 4, on_hand=None)
    apply, tried = applying.apply_batch, []

    def breaking(**given: Any) -> None:
        tried.append(len(given["reports"]))
        apply(**given)
        if len(tried) == 1:
            raise OutcomeUnknown

    monkeypatch.setattr(applying, "apply_batch", breaking)
    run = sync(pms, resources=["products"])
    make_due(run)
    go_on(run)

    assert tried == [4]
    assert (run.status, counts(run)) == ("finished", {"processed": 4, "total": 4, "created": 4})
