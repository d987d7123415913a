"""`POST /pms/connections/{slug}/ownership/`: who owns the stock of a location changes, and no sale is lost by it."""

import threading
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction

from inventory import services as inventory
from inventory.models import StockLevel, StockMovement
from pms_backend.access.models import AuditEntry
from pms_backend.events.services import relay_pending
from pms_backend.operations.audit import find_mismatches
from pms_integration import services
from pms_integration.models import PMSLocation, PMSStock, PMSStockPush, StockOwner
from pms_integration.services import ownership
from tests.conftest import JSONClient
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.pms_integration.reports import apply, delta, figure
from tests.pms_integration.stock_pushes.two_systems import Pair
from tests.staff import form_of, superuser
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

SHOP = "/api/v1/pms/connections/shop/ownership/"
DEMO = "/api/v1/pms/connections/demo/ownership/"


def change(api: JSONClient, place: str, owner: str, opening: str) -> None:
    """Changes the owner, which pushes nothing."""
    pushes = PMSStockPush.objects.filter(status="pending").count()
    changed = api.post(SHOP, {"location": f"{place}-shop", "owner": owner, "opening": opening})
    assert changed.status_code == 200, changed.content
    owns = {row["location"]: row["owns_stock"] for row in changed.json()["locations"]}
    assert owns[f"{place}-shop"] is (owner == "pms")
    relay_pending()
    assert PMSStockPush.objects.filter(status="pending").count() == pushes
    assert find_mismatches() == []


def difference(api: JSONClient, place: str) -> int | None:
    (row,) = api.get("/api/v1/pms/inventory/", {"location": f"{place}-shop"}).json()["results"]
    shown: int | None = row["difference"]
    return shown


def on_hand(sku: str = "A-1", location: str = "main") -> int:
    return StockLevel.objects.get(variant__sku=sku, location__code=location).on_hand


@pytest.mark.parametrize("owner", ["pms", "local"])
def test_the_pms_opens_with_what_it_has(api: JSONClient, both: Pair, owner: str) -> None:
    both.move_there("outlet", -7, is_lost=True)
    both.pull()
    assert difference(api, "outlet") == 7

    change(api, "outlet", owner, "pms")

    assert (both.here("outlet"), difference(api, "outlet")) == (43, 0)
    newest = StockMovement.objects.latest("pk")
    assert (newest.reason, newest.delta, newest.source.split("-")[0]) == ("count", -7, "shop:ownership")
    change(api, "outlet", owner, "pms")
    assert StockMovement.objects.latest("pk") == newest
    assert AuditEntry.objects.filter(action="pms_connection.ownership_changed").count() == 2


def test_the_pms_opens_levels_too_and_others_stay(api: JSONClient) -> None:
    pms = make_connection()
    main = make_location("main")
    pms.locations.create(location=main, external_id="main")
    for sku in ("A-1", "B-1", "C-1"):
        make_product(sku)
    apply(pms, "inventory.updated", figure(7, minute=-3, sku="A-1"))
    apply(pms, "inventory.updated", figure(8, minute=-3, sku="B-1"))
    apply(pms, "inventory.adjusted", delta(-1, minute=-2, sku="B-1"))
    StockMovement.objects.get()
    set_stock("A-1", main, 10)
    set_stock("C-1", main, 5)

    changed = api.post(DEMO, {"location": "main", "owner": "pms", "opening": "pms"})

    assert changed.status_code == 200
    assert {sku: on_hand(sku) for sku in ("A-1", "B-1", "C-1")} == {"A-1": 7, "B-1": 7, "C-1": 5}
    # What was counted here before does not undo what the PMS sells, however late that is told.
    apply(pms, "inventory.adjusted", delta(-2, minute=-1))
    assert apply(pms, "inventory.adjusted", delta(-2, minute=-4)).reason == "superseded"
    assert on_hand() == 5


def test_what_is_pending_stays_pending(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, is_lost=True)
    both.pull()
    both.move_here("outlet", -2)
    both.relay()
    # The relay has not published this one yet.
    both.move_here("outlet", -1)

    changed = api.post(SHOP, {"location": "outlet-shop", "owner": "pms", "opening": "pms"})

    assert (changed.status_code, both.here("outlet"), difference(api, "outlet")) == (200, 40, 0)
    both.come_to_rest()
    assert (both.here("outlet"), both.there("outlet")) == (40, 40)


def test_figures_that_were_never_applied_supersede_nothing(api: JSONClient, both: Pair) -> None:
    """Tried before: the figure for comparison superseded the sale, which was lost."""
    both.move_there("outlet", -4)
    kind, sale = both.other.post.pop()
    both.pull()
    assert PMSStock.objects.get(location__code="outlet-shop").on_hand == 46

    change(api, "outlet", "pms", "local")
    assert both.here("outlet") == 50

    # It happened before the figure, and before the change.
    late = apply(both.pms, kind, sale)
    assert (late.status, both.here("outlet")) == ("processed", 46)
    both.move_there("outlet", -1)
    both.deliver(0)
    assert both.here("outlet") == 45
    both.come_to_rest()
    assert (both.here("outlet"), both.there("outlet")) == (45, 45)


@pytest.mark.parametrize("opening", ["pms", "local"])
@pytest.mark.parametrize("how", ["count", "receipt"])
@pytest.mark.parametrize("is_known", [True, False])
def test_what_opened_a_level_is_not_added_to_an_older_figure(
    api: JSONClient, both: Pair, opening: str, how: str, is_known: bool
) -> None:
    make_product("B-1")
    both.other.sku = "B-1"
    if how == "count":
        set_stock("B-1", "outlet-shop", 60)
    else:
        inventory.adjust_stock(sku="B-1", location="outlet-shop", delta=60, reason="receipt")
    relay_pending()
    if is_known:
        both.pull()

    changed = api.post(SHOP, {"location": "outlet-shop", "owner": "pms", "opening": opening})

    assert changed.status_code == 200
    assert both.here("outlet") == (50 if opening == "pms" and is_known else 60)
    # The PMS has not changed it since.
    both.come_to_rest()
    assert both.here("outlet") == both.there("outlet")
    # What staff have counted stays, unless the PMS's quantities were wanted.
    is_counted = how == "count" and not (opening == "pms" and is_known)
    assert both.here("outlet") == (60 if is_counted else 50)


def test_what_was_rejected_does_not_come_back_with_the_next_figure(api: JSONClient, both: Pair) -> None:
    both.move_here("outlet", -3)
    both.relay()
    PMSStockPush.objects.update(status="rejected", error="closed")

    change(api, "outlet", "pms", "pms")
    assert both.here("outlet") == 50
    both.move_there("outlet", 1, is_lost=True)
    both.pull()

    assert (both.here("outlet"), both.there("outlet"), difference(api, "outlet")) == (51, 51, 0)


def test_our_stock_stays_and_the_difference_goes_out_on_request_only(api: JSONClient, both: Pair) -> None:
    both.move_there("annex", -7, is_lost=True)

    change(api, "annex", "local", "local")
    both.pull()
    both.push()
    assert (both.here("annex"), both.there("annex"), difference(api, "annex")) == (50, 43, 7)

    api.post("/api/v1/pms/inventory/push/", {"skus": ["A-1"]})
    services.ask_due_refetches()
    both.push()
    assert (both.here("annex"), both.there("annex"), difference(api, "annex")) == (50, 50, 0)


def test_a_report_is_applied_before_the_change_or_after_it(api: JSONClient, both: Pair) -> None:
    both.move_there("outlet", -7, as_figure=True)

    def deliver() -> None:
        try:
            both.deliver(0)
        finally:
            database.close()

    with transaction.atomic():
        services.change_ownership(slug="shop", location="outlet-shop", owner=StockOwner.PMS, opening=StockOwner.LOCAL)
        worker = threading.Thread(target=deliver)
        worker.start()
        wait_until(_somebody_waits_for_a_lock, "the report waits")
    worker.join()

    # It has found the new owner, although it began before the commit: the figure counts.
    assert both.here("outlet") == 43


def _somebody_waits_for_a_lock() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone() == (True,)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"location": "west", "owner": "pms", "opening": "pms"}, 404, "location_not_mapped"),
        ({"location": "none", "owner": "pms", "opening": "pms"}, 404, "location_not_mapped"),
        ({"location": "main", "owner": "pms", "opening": "pms"}, 409, "stock_owned"),
        ({"location": "main", "owner": "pms", "opening": "yours"}, 422, "validation_failed"),
        ({"location": "main", "owner": "nobody", "opening": "pms"}, 422, "validation_failed"),
        ({"location": "main", "owner": "pms"}, 422, "validation_failed"),
    ],
)
def test_what_cannot_be_changed_is_refused(api: JSONClient, body: dict[str, Any], status: int, code: str) -> None:
    main = make_location("main")
    make_location("west")
    make_product()
    pms = make_connection()
    pms.locations.create(location=main, external_id="main")
    make_connection("other", owns=main)
    apply(pms, "inventory.updated", figure(7, minute=-1))

    refused = api.post(DEMO, body)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (PMSLocation.objects.get(owns_stock=True).connection.slug, PMSStock.objects.count()) == ("other", 1)
    assert not StockMovement.objects.exists()
    unknown = api.post(DEMO.replace("demo", "none"), {"location": "main", "owner": "pms", "opening": "pms"})
    assert unknown.status_code == 404


def test_a_closed_location_takes_no_quantities(api: JSONClient) -> None:
    make_product()
    main = make_location("main", is_active=False)
    make_connection().locations.create(location=main, external_id="main")

    refused = api.post(DEMO, {"location": "main", "owner": "pms", "opening": "pms"})
    changed = api.post(DEMO, {"location": "main", "owner": "pms", "opening": "local"})

    assert (refused.status_code, refused.json()["code"], changed.status_code) == (409, "location_inactive", 200)


@pytest.mark.parametrize("batch_size", [1, 2, 100])
def test_many_levels_are_taken_in_batches(api: JSONClient, monkeypatch: pytest.MonkeyPatch, batch_size: int) -> None:
    monkeypatch.setattr(ownership, "BATCH_SIZE", batch_size)
    pms = make_connection()
    pms.locations.create(location=make_location("main"), external_id="main")
    for number in range(5):
        make_product(f"S-{number}")
        apply(pms, "inventory.updated", figure(number, minute=-1, sku=f"S-{number}"))

    api.post(DEMO, {"location": "main", "owner": "pms", "opening": "pms"})

    assert [on_hand(f"S-{number}") for number in range(5)] == [0, 1, 2, 3, 4]


def test_a_location_that_is_mapped_again_keeps_its_stock_and_loses_no_sale(api: JSONClient) -> None:
    make_product()
    main, pms = make_location("main"), make_connection()
    set_stock("A-1", main, 10)
    apply(pms, "inventory.updated", figure(7, minute=-1))

    services.map_location(connection=pms, location=main, external_id="main", owns_stock=True)

    assert (on_hand(), PMSStock.objects.exists()) == (10, False)
    pms.locations.all().delete()
    apply(pms, "inventory.updated", figure(7, minute=-1))
    api.patch(
        "/api/v1/pms/connections/demo/", {"locations": [{"location": "main", "external_id": "x", "owns_stock": True}]}
    )
    assert (pms.locations.get().owns_stock, on_hand(), PMSStock.objects.exists()) == (True, 10, False)


def test_the_admin_says_where_the_owner_is_changed() -> None:
    pms = make_connection(owns=make_location("main"))
    make_product()
    set_stock("A-1", "main", 3)
    client, page = superuser(), f"/admin/pms_integration/pmsconnection/{pms.pk}/change/"

    shown = client.post(page, {**form_of(client.get(page)), "locations-0-owns_stock": ""})

    (error,) = shown.context["adminform"].form.non_field_errors()
    assert "POST /api/v1/pms/connections/demo/ownership/" in error
    assert pms.locations.get().owns_stock
