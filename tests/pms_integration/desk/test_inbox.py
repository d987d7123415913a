"""The inbox says what each event is about, why it has its status, and leads to what it has made."""

from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inventory import services as inventory
from inventory.models import Location, StockMovement
from pms_integration.admin.event_contents import MAX_LISTED_BYTES, reason_in_words
from pms_integration.models import PMSConnection, PMSEvent, PMSProduct
from products.models import Product, Variant
from tests.factories import make_connection, make_location, make_product, report_stock, store_webhook
from tests.pms_integration.reports import apply, delta, figure, product, receive
from tests.staff import superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/pms_integration/pmsevent/"


@pytest.fixture
def pms() -> PMSConnection:
    return make_connection(owns=make_location())


def page(event: PMSEvent) -> Any:
    response = superuser(f"user-{event.pk}").get(reverse("admin:pms_integration_pmsevent_change", args=[event.pk]))
    assert response.status_code == 200
    return response.content.decode()


def address(model: str, row: Any) -> str:
    return f'href="{reverse(f"admin:{model}_change", args=[row.pk])}"'


def column(name: str) -> list[str]:
    """The cells of a column, the newest event first."""
    response = superuser().get(LIST)
    admin = response.context["cl"].model_admin
    return [getattr(admin, name)(event) for event in response.context["cl"].result_list]


def test_the_list_names_the_sku_and_the_product(pms: PMSConnection):
    receive(pms, "inventory.updated", figure(5, minute=-1, sku="<b>-1"))
    receive(pms, "inventory.adjusted", delta(5, minute=-1, sku="B-2"))
    receive(pms, "product.deleted", {"id": "p-7", "version": 1})
    store_webhook(connection=pms, webhook_id="broken", type="inventory.updated", body=b"\xff{")
    store_webhook(connection=pms, webhook_id="other", type="x", body=b'{"type": "x", "data": {"sku": "A-1"}}')
    receive(pms, "inventory.updated", {"sku": {"no": "text"}, "location": "main", "on_hand": 1, "occurred_at": "now"})
    long = receive(pms, "inventory.updated", {**figure(5, minute=-1), "note": "x" * MAX_LISTED_BYTES})

    assert column("about") == ["", "", "", "", "p-7", "B-2", "<b>-1"]
    assert "<b>-1" not in superuser("berta").get(LIST).content.decode()
    # The page of an event reads a long body too.
    make_product("A-1")
    assert "A-1: Lamp" in page(long)


def test_an_event_of_stock_leads_to_its_movement_and_the_product(pms: PMSConnection):
    ours = make_product("A-1")
    apply(pms, "inventory.updated", figure(4, minute=-9))
    event = apply(pms, "inventory.adjusted", delta(-3, minute=-5))

    shown = page(event)

    movement = StockMovement.objects.latest("id")
    assert (movement.delta, address("inventory_stockmovement", movement) in shown) == (-3, True)
    assert "A-1 at Main: −3" in shown
    assert address("products_product", ours) in shown
    assert address("inventory_stockmovement", StockMovement.objects.earliest("id")) not in shown


def test_an_event_of_a_product_leads_to_the_pmss_product(pms: PMSConnection):
    event = apply(pms, "product.created", product("p-7", 1))

    shown = page(event)

    assert address("pms_integration_pmsproduct", PMSProduct.objects.get()) in shown
    assert f"p-7: {Product.objects.get().name}" in shown


def test_an_event_whose_body_is_pruned_leads_to_its_movement_still(pms: PMSConnection):
    make_product("A-1")
    event = apply(pms, "inventory.updated", figure(4, minute=-9))
    PMSEvent.objects.update(has_body=False, body=b"")
    event.refresh_from_db()

    assert address("inventory_stockmovement", StockMovement.objects.get()) in page(event)
    assert column("about") == [""]


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("stale", "An older version than the one we have, or the same again."),
        ("superseded", "A later figure or count includes it already."),
        ("unknown_type", "We use no events of this type."),
        ("nothing_reported", "It reports nothing that we store."),
        (
            "stale superseded",
            "An older version than the one we have, or the same again. A later figure or count includes it already.",
        ),
        ("unknown_location: No location is called shop.", "No location is called shop."),
        ("ValueError: no number", "ValueError: no number"),
        ("The SKU a-1 is not known yet.", "The SKU a-1 is not known yet."),
        ("", ""),
    ],
)
def test_a_reason_is_in_words(pms: PMSConnection, reason: str, words: str):
    event = store_webhook(connection=pms, webhook_id="m", type="x", body=b"{}")
    event.reason = reason
    event.save(update_fields=["reason"])

    assert reason_in_words(event) == words
    assert column("why") == [words]
    assert words in page(event)


def test_the_list_does_not_read_long_bodies_and_costs_the_same_for_any_number(pms: PMSConnection):
    client, body = superuser(), b'{"type": "inventory.updated", "data": {"long": "' + b"x" * MAX_LISTED_BYTES + b'"}}'

    def statements() -> list[str]:
        with CaptureQueriesContext(database) as captured:
            client.get(LIST)
        return [one["sql"] for one in captured]

    store_webhook(connection=pms, webhook_id="first", type="x", body=body)
    statements()
    few = statements()
    for number in range(9):
        store_webhook(connection=pms, webhook_id=f"m-{number}", type="x", body=body)

    assert len(statements()) == len(few)
    assert client.get(LIST).context["cl"].result_list[0].short_body is None


def test_the_page_costs_the_same_for_any_number_of_movements(pms: PMSConnection):
    client, event = superuser(), receive(pms, "inventory.updated", figure(4, minute=-9))
    url = reverse("admin:pms_integration_pmsevent_change", args=[event.pk])

    def cost() -> int:
        with CaptureQueriesContext(database) as captured:
            client.get(url)
        return len(captured)

    def move(line: int) -> None:
        make_product(f"L-{line}")
        change = inventory.ReportedChange(
            level=(Variant.objects.get(sku=f"L-{line}").pk, Location.objects.get().pk),
            delta=1,
            occurred_at=timezone.now(),
            reason="correction",
            source=f"demo:{event.webhook_id}:{line}",
        )
        report_stock(change)

    move(0)
    cost()
    one = cost()
    move(1)
    move(2)

    assert client.get(url).content.decode().count(" at Main: +1") == 3
    assert cost() == one
