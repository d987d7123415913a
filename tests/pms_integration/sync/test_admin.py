"""Sync runs in the admin: they are started from a connection, watched, confirmed and cancelled."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_integration import services
from pms_integration.models import PMSConnection, SyncMode, SyncResource, SyncRun
from products.models import Product, ProductStatus
from tests.factories import make_connection
from tests.pms_integration.simulator.calling import SimulatorHere
from tests.pms_integration.sync.running import fill, go_on, start, sync
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

SENT = {"csrfmiddlewaretoken": "x"}
RUNS = "/admin/pms_integration/syncrun/"


def page(run: SyncRun, name: str = "change") -> str:
    return reverse(f"admin:pms_integration_syncrun_{name}", args=[run.pk])


def start_page(pms: PMSConnection, button: str = "sync_now") -> str:
    return reverse(f"admin:pms_integration_pmsconnection_{button}", args=[pms.pk])


def buttons(client: Client, url: str) -> list[str]:
    """The buttons of a page, with those in a menu."""
    shown = client.get(url).context["actions_detail"]
    return [one["title"] for button in shown for one in button.get("items", [button])]


def hold(pms: PMSConnection, simulator: SimulatorHere) -> SyncRun:
    """A run that would archive 21 of 25 products."""
    ids = fill(simulator, 25, on_hand=None)
    sync(pms)
    for product_id in ids[:21]:
        simulator.control(f"products/{product_id}", method="DELETE")
    run = sync(pms, "incremental")
    assert run.status == "held"
    return run


def make_run(pms: PMSConnection, status: str = "finished", **values: Any) -> SyncRun:
    ended = {} if status in ("pending", "running", "held") else {"finished_at": timezone.now()}
    given = {"mode": SyncMode.FULL, "resources": list(SyncResource), "actor": "system", **ended, **values}
    return SyncRun.objects.create(connection=pms, status=status, **given)


@pytest.mark.parametrize(
    ("button", "mode", "dry_run"),
    [("sync_now", "incremental", False), ("full_sync", "full", False), ("dry_run", "full", True)],
)
def test_a_button_of_a_connection_starts_a_run_and_leads_to_it(
    pms: PMSConnection, button: str, mode: str, dry_run: bool
) -> None:
    client = superuser()

    asked = client.get(start_page(pms, button))
    assert (asked.status_code, SyncRun.objects.exists()) == (200, False)
    started = client.post(start_page(pms, button), SENT, follow=True)

    run = SyncRun.objects.get()
    assert started.redirect_chain == [(page(run), 302)]
    assert said(started) == [f"Sync run {run.pk} of Demo has begun."]
    assert (run.mode, run.dry_run, run.resources) == (mode, dry_run, ["products", "stock"])
    services.run_syncs()
    told = AuditEntry.objects.filter(action__startswith="sync.").order_by("id")
    assert [(entry.action, entry.actor, entry.door) for entry in told] == [
        ("sync.started", "user:anna", "admin"),
        ("sync.finished", "user:anna", "admin"),
    ]


@pytest.mark.parametrize("method", ["get", "post"])
def test_while_a_run_has_not_ended_the_buttons_lead_to_it(pms: PMSConnection, method: str) -> None:
    run = start(pms)

    answer = getattr(superuser(), method)(start_page(pms), SENT, follow=True)

    assert answer.redirect_chain == [(page(run), 302)]
    assert said(answer) == [f"Sync run {run.pk} of Demo has not ended. Another one can start after it."]
    assert SyncRun.objects.count() == 1


@pytest.mark.parametrize("values", [{"base_url": None}, {"is_active": False}])
def test_only_a_pms_that_is_called_can_be_synced(pms: PMSConnection, values: dict[str, Any]) -> None:
    client, connection = superuser(), reverse("admin:pms_integration_pmsconnection_change", args=[pms.pk])
    starts = {"Sync now", "Full sync", "Dry run"}
    assert starts <= set(buttons(client, connection))
    PMSConnection.objects.update(**values)

    refused = client.post(start_page(pms), SENT)

    assert starts.isdisjoint(buttons(client, connection))
    assert refused.context["form"].non_field_errors() == [
        "The PMS demo is not called: it is not active, or only sends webhooks."
    ]
    assert not SyncRun.objects.exists()


def test_runs_are_listed_the_newest_first_and_filtered(pms: PMSConnection) -> None:
    first = make_run(pms, processed=5, total=5, created=3)
    second = make_run(make_connection("shop"), "failed", processed=1_000, total=2_000, dry_run=True)
    third = make_run(pms, "pending", resources=["stock"], mode="incremental")
    client = superuser()

    def listed(**filters: Any) -> list[int]:
        return [run.pk for run in client.get(RUNS, filters).context["cl"].result_list]

    assert listed() == [third.pk, second.pk, first.pk]
    assert listed(status__exact="failed") == listed(dry_run__exact="1") == [second.pk]
    assert listed(connection__id__exact=pms.pk) == [third.pk, first.pk]
    shown = client.get(RUNS).content.decode()
    for text in ("1,000 of 2,000", "Full, dry run", "Incremental, Stock only"):
        assert text in shown


def test_a_page_is_refreshed_until_its_run_is_over(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2)
    run, client = start(pms), superuser()

    pending = client.get(page(run)).content.decode()
    go_on(run)
    finished = client.get(page(run)).content.decode()

    assert 'data-status="pending" data-refresh-seconds="3"' in pending
    assert "live_panel.js" in pending
    assert ('data-status="finished"' in finished, "data-refresh-seconds" in finished) == (True, False)
    assert "4 entries · 100 %" in finished


def test_a_page_says_what_its_run_does(pms: PMSConnection) -> None:
    client = superuser()
    run = make_run(pms, "running", stage="listing", listing="stock", failures=2)

    def state(**values: Any) -> str:
        SyncRun.objects.update(**values)
        found: str = client.get(page(run)).context["state"]
        return found

    assert state() == "Running: asking for Stock; the last call has failed, and is made again"
    assert state(failures=0, stage="applying") == "Running: Applying"
    assert state(status="pending") == "Pending"


def test_the_differences_are_those_of_the_run(pms: PMSConnection, simulator: SimulatorHere) -> None:
    fill(simulator, 2)
    run, client = sync(pms, dry_run=True), superuser()
    make_run(pms)

    links = dict(client.get(page(run)).context["differences"])
    lists = {text: client.get(url).context["cl"].result_list for text, url in links.items()}

    found = {text: [(one.resource, one.sku) for one in rows] for text, rows in lists.items()}
    products, stock = [("products", "A-0"), ("products", "A-1")], [("stock", "A-0"), ("stock", "A-1")]
    assert found == {"All": [*products, *stock], "Products": products, "Stock": stock}
    assert "A dry run changes nothing" in client.get(page(run)).content.decode()


def test_a_held_run_says_why_and_goes_on_once_it_is_confirmed(pms: PMSConnection, simulator: SimulatorHere) -> None:
    run, client = hold(pms, simulator), superuser()
    because = "It would archive 21 of 25 products: more than 20, and more than 5%."

    held, asked = client.get(page(run)), client.get(page(run, "confirm"))
    assert buttons(client, page(run)) == ["Confirm", "Cancel sync run"]
    assert f"has changed nothing yet. {because} Confirm it" in held.content.decode()
    assert held.context["differences"] == ()
    assert asked.context["note"] == f"{because} Once it is confirmed, it goes on and does that."
    run.refresh_from_db()
    assert run.status == "held"
    confirmed = client.post(page(run, "confirm"), SENT, follow=True)

    assert said(confirmed) == [f"Sync run {run.pk} goes on."]
    go_on(run)
    assert (run.status, run.archived) == ("finished", 21)
    assert Product.objects.filter(status=ProductStatus.ARCHIVED).count() == 21
    assert AuditEntry.objects.get(action="sync.confirmed").actor == "user:anna"
    again = client.post(page(run, "confirm"), SENT)
    assert again.context["form"].non_field_errors() == [f"The sync run {run.pk} is finished."]
    assert again.context["note"] == "Only a held sync run is confirmed."


def test_a_run_is_cancelled_while_it_is_not_over(pms: PMSConnection) -> None:
    run, client = start(pms), superuser()

    assert buttons(client, page(run)) == ["Cancel sync run"]
    assert client.get(page(run, "cancel")).status_code == 200
    cancelled = client.post(page(run, "cancel"), SENT, follow=True)
    again = client.post(page(run, "cancel"), SENT)

    run.refresh_from_db()
    assert (run.status, said(cancelled)) == ("cancelled", [f"Sync run {run.pk} is cancelled."])
    assert buttons(client, page(run)) == []
    assert again.context["form"].non_field_errors() == [f"The sync run {run.pk} is cancelled."]
    assert AuditEntry.objects.filter(action="sync.cancelled").count() == 1


def test_a_failed_run_says_why_and_shows_its_errors(pms: PMSConnection) -> None:
    entry = {"resource": "products", "external_id": "p-1", "sku": "", "detail": "<b>price</b> is not valid."}
    reason = {"resource": "", "external_id": "", "sku": "", "detail": "The PMS answers 401."}
    run = make_run(pms, "failed", errors=[entry, reason], failed=150, processed=300, total=1_200, stage="applying")

    shown = superuser().get(page(run))

    assert shown.context["failure"] == "The PMS answers 401."
    assert shown.context["errors_of_run"].title == "Errors (the first 1 of 150)"
    assert shown.context["errors_of_run"].rows == [("products", "p-1", None, "<b>price</b> is not valid.")]
    assert "&lt;b&gt;price&lt;/b&gt;" in shown.content.decode()
    assert "300 of 1,200 entries · 25 %" in shown.content.decode()


def test_staff_who_may_only_view_runs_change_none(pms: PMSConnection) -> None:
    run, client = start(pms), staff_with(*PERMISSIONS_OF_SCOPE["pms:read"])
    SyncRun.objects.update(status="held", held_because="It would archive 30 of 40 products.")

    refused = [client.post(url, SENT) for url in (page(run, "confirm"), page(run, "cancel"), start_page(pms))]

    run.refresh_from_db()
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert buttons(client, page(run)) == []
    assert (run.status, run.is_confirmed, SyncRun.objects.count()) == ("held", False, 1)


def test_staff_without_differences_get_no_links_to_them(pms: PMSConnection) -> None:
    run = make_run(pms, stage="applying")

    assert len(superuser().get(page(run)).context["differences"]) == 3
    assert staff_with("pms_integration.view_syncrun").get(page(run)).context["differences"] == ()
