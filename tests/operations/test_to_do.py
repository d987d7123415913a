"""The dashboard says what is to be done now, in words, with the list that shows it and nothing else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from inventory import services as inventory
from inventory.models import StockLevel
from pms_backend.events import services as events
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations import to_do
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct, SyncRun
from pms_integration.services import WebhookRefusal, count_refused_webhook
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.staff import staff_with, superuser
from webhooks.models import SWITCHED_OFF, WebhookEndpoint

pytestmark = pytest.mark.django_db

DASHBOARD = "/admin/"
NOTHING = "Nothing to do: all is counted, received and in order."


def make_endpoint(**state: object) -> None:
    WebhookEndpoint.objects.create(url="https://shop.example/", event_types=["*"], secret="s", **state)


def make_work() -> None:
    """One of each kind, beside one of which nothing is to be done."""
    main, west = make_location("main"), make_location("west")
    for sku in ("A-1", "B-1", "C-1"):
        make_product(sku)
        set_stock(sku, main, 5)
    inventory.adjust_stock(sku="A-1", location="main", delta=-9, reason="damage")
    inventory.update_level(sku="B-1", location="main", values={"reorder_point": 9})
    for _ in range(2):
        transfer = inventory.create_transfer(source="main", target="west", lines=[("C-1", 1)])
    inventory.ship_transfer(transfer_id=transfer.pk)
    inventory.create_stocktake(location="main")
    sheet = inventory.create_stocktake(location="main", skus=["C-1"])
    inventory.record_counts(stocktake_id=sheet.pk, counts=[inventory.StocktakeCount(sku="C-1", counted=4)])
    pms, other = make_connection("erp", owns=west), make_connection("shop")
    count_refused_webhook(slug=other.slug, reason=WebhookRefusal.STALE)
    later = timezone.now() + timedelta(hours=1)
    PMSConnection.objects.filter(pk=pms.pk).update(base_url="https://x.example", circuit="open", next_try_at=later)
    for name in ("dead", "due"):
        store_webhook(connection=pms, webhook_id=name, type="x", body=b"{}")
    PMSEvent.objects.filter(webhook_id="dead").update(status="dead", due_at=None)
    held = {"status": "held", "held_because": "It would archive 30 of 40 products."}
    for connection, status in ((pms, held), (other, {})):
        SyncRun.objects.create(connection=connection, mode="full", resources=["stock"], actor="system", **status)
    PMSProduct.objects.create(connection=pms, external_id="1", conflict={"price": {}})
    PMSProduct.objects.create(connection=pms, external_id="2")
    events.relay_pending()
    ParkedEvent.objects.create(event=Event.objects.order_by("id")[0], receiver="tests", attempts=1)
    ParkedEvent.objects.create(event=Event.objects.order_by("id")[1], receiver="tests", resolved_at=timezone.now())
    disabled = {"is_active": False, "disabled_at": timezone.now(), "resume_after": 0}
    for state in (
        {},
        {"failing_since": timezone.now()},
        {**disabled, "disabled_reason": "It has failed for 5 days."},
        {**disabled, "disabled_reason": SWITCHED_OFF},
    ):
        make_endpoint(**state)


def shown(client: Client) -> list[str]:
    return [item.text for item in client.get(DASHBOARD).context["to_do"]]


def test_each_kind_of_work_has_its_number_and_exactly_its_list() -> None:
    make_work()
    client = superuser()

    response = client.get(DASHBOARD)

    items = response.context["to_do"]
    assert [(item.text, item.tone) for item in items] == [
        ("1 level is oversold", "danger"),
        ("1 PMS event cannot be applied", "danger"),
        ("1 event is parked: it failed on its way inside the system", "danger"),
        ("1 webhook endpoint gets nothing any more: it failed for days", "danger"),
        ("1 PMS cannot be reached", "danger"),
        ("Webhooks of 1 PMS were refused in the last hour", "warning"),
        ("1 sync run is held until somebody confirms it", "warning"),
        ("1 webhook endpoint is failing", "warning"),
        ("1 product is in conflict with a PMS", "warning"),
        ("1 level is at or below its reorder point", "warning"),
        ("1 transfer is on its way, to be received", ""),
        ("1 count sheet is all counted, to be posted", ""),
        ("2 count sheets are open", ""),
    ]
    for kind, item in zip(to_do.KINDS, items, strict=True):
        assert f'href="{item.url}"' in response.content.decode().replace("&amp;", "&")
        listed = client.get(item.url).context["cl"].result_list
        assert {row.pk for row in listed} == {row.pk for row in kind.rows()}, item.text


def test_staff_see_the_work_that_they_may_do() -> None:
    make_work()

    assert shown(staff_with("inventory.change_transfer")) == ["1 transfer is on its way, to be received"]
    assert staff_with("inventory.view_stocklevel", name="eva").get(DASHBOARD).context["to_do"] is None


def test_without_work_the_page_says_so() -> None:
    response = staff_with("inventory.change_transfer", "inventory.change_stocklevel").get(DASHBOARD)

    assert response.context["to_do"] == []
    assert NOTHING in response.content.decode()


def test_counting_ends_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(to_do, "MAX_COUNTED", 1)
    make_location("main"), make_location("west")
    make_product("A-1")
    for location in ("main", "west"):
        set_stock("A-1", location, 5)
        inventory.adjust_stock(sku="A-1", location=location, delta=-9, reason="damage")

    assert StockLevel.objects.oversold().count() == 2
    assert shown(superuser()) == ["1+ levels are oversold"]
