"""What waits to be pushed is a list, of which staff send rows at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pms_backend.access.models import AuditEntry
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_integration import services
from pms_integration.models import PMSConnection, PMSProduct, PMSProductPush
from products import services as products
from tests.factories import make_connection, make_product
from tests.pms_integration.simulator.calling import SimulatorHere, product
from tests.pms_integration.sync.running import sync
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db(transaction=True)

SENT = {"csrfmiddlewaretoken": "x"}
LIST = "/admin/pms_integration/pmsproductpush/"


def page(push: PMSProductPush, name: str = "change") -> str:
    return reverse(f"admin:pms_integration_pmsproductpush_{name}", args=[push.pk])


def make_push(pms: PMSConnection, sku: str = "A-1", **values: Any) -> PMSProductPush:
    row = PMSProduct.objects.create(connection=pms, external_id=f"p-{sku}", product=make_product(sku, name=f"N {sku}"))
    return PMSProductPush.objects.create(pms_product=row, **values)


def listed(client: Client, **filters: Any) -> list[PMSProductPush]:
    return list(client.get(LIST, filters).context["cl"].result_list)


def later() -> Any:
    return timezone.now() + timedelta(hours=1)


def test_the_list_says_since_when_what_waits_and_why():
    pms, client = make_connection(), superuser()
    waiting = make_push(pms)
    retried = make_push(pms, "B-1", due_at=later(), failures=3, error="The PMS answered <b>500</b>.")
    refused = make_push(make_connection("other"), "C-1", due_at=None, error="The PMS answered 422.")

    assert listed(client) == [waiting, retried, refused]
    assert listed(client, state="waiting") == [waiting, retried]
    assert listed(client, state="refused") == [refused]
    assert listed(client, pms_product__connection__id__exact=pms.pk) == [waiting, retried]
    assert listed(client, q="N B-1") == [retried]
    shown = client.get(LIST).content.decode()
    for text in ("Waits", "Failed, is tried again", "Refused", "The PMS answered &lt;b&gt;500&lt;/b&gt;."):
        assert text in shown
    of_one = client.get(page(waiting)).content.decode()
    assert reverse("admin:pms_integration_pmsproduct_change", args=[waiting.pms_product_id]) in of_one
    assert reverse("admin:products_product_change", args=[waiting.pms_product.product_id]) in of_one


def test_a_button_sends_a_product_that_the_pms_has_refused(pms: PMSConnection, simulator: SimulatorHere):
    client = superuser()
    services.update_connection(slug="demo", values={"ownership": {"content": "local"}})
    ours = make_product("A-1", name="Ours")
    simulator.control("products", product("A-1"), 201)
    sync(pms, resources=["products"])
    services.push_due_products()
    products.update_product(product_id=ours.pk, data={"name": "Edited"})
    push, _ = PMSProductPush.objects.update_or_create(
        pms_product=PMSProduct.objects.get(), defaults={"due_at": None, "error": "The PMS answered 422."}
    )
    services.push_due_products()
    assert PMSProductPush.objects.get().due_at is None

    asked = client.get(page(push, "push_now"))
    sent = client.post(page(push, "push_now"), SENT, follow=True)

    assert asked.context["note"] == "What has changed is sent to Demo at once."
    assert said(sent) == ["Edited is pushed now."]
    assert AuditEntry.objects.get(action="pms_product.push_requested").actor == "user:anna"
    services.push_due_products()
    assert simulator.state()["products"][0]["name"] == "Edited"
    assert not PMSProductPush.objects.exists()


def test_selected_rows_are_sent_at_once():
    pms, client = make_connection(), superuser()
    first, second, third = (make_push(pms, sku, due_at=later()) for sku in ("A-1", "B-1", "C-1"))

    done = client.post(LIST, {"action": "push_selected", "_selected_action": [first.pk, second.pk]}, follow=True)

    assert said(done) == ["2 products are pushed now. Demo is not called: nothing is sent to it until that ends."]
    due = dict(PMSProductPush.objects.values_list("pk", "due_at"))
    assert due[first.pk] <= timezone.now() >= due[second.pk]
    assert due[third.pk] > timezone.now()
    assert AuditEntry.objects.get(action="pms_product.push_requested").detail == {"products": 2}


def test_a_push_that_has_been_answered_meanwhile_is_not_made_again():
    push = make_push(make_connection())
    PMSProductPush.objects.all().delete()

    assert services.push_products_now(push_ids=[push.pk]) == 0
    assert not PMSProductPush.objects.exists()
    assert not AuditEntry.objects.filter(action="pms_product.push_requested").exists()


def test_a_paused_connection_says_so():
    pms = make_connection()
    PMSConnection.objects.update(base_url="https://pms.example/", is_paused=True)
    push = make_push(pms)

    asked = superuser().get(page(push, "push_now"))

    assert asked.context["note"].endswith("Demo is paused: nothing is sent to it until that ends.")


def test_who_may_only_look_sends_nothing():
    push, client = make_push(make_connection(), due_at=later()), staff_with("pms_integration.view_pmsproductpush")

    refused = client.post(page(push, "push_now"), SENT)
    client.post(LIST, {"action": "push_selected", "_selected_action": [push.pk]})

    before = push.due_at
    push.refresh_from_db()
    assert (refused.status_code, push.due_at) == (403, before)


def test_what_was_sent_is_shown_to_staff_who_may_see_costs():
    request = {
        "idempotency_key": "6c1a1fe2-3a0e-4f0e-8d7e-5b2c7e3b9a11",
        "payload": {"variants": [{"sku": "A-1", "cost": "4711.37"}]},
        "sent": {"variants[a-1].cost": ["4711.37", "4711.37"]},
    }
    push = make_push(make_connection(), **request)
    operator = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["pms:write"])
    editor = staff_with(*PERMISSIONS_OF_SCOPE["pms:read"], *PERMISSIONS_OF_SCOPE["products:write"], name="eva")

    assert "4711.37" in editor.get(page(push)).content.decode()
    assert "4711.37" not in operator.get(page(push)).content.decode()
    for lookup in ("payload__icontains", "sent__icontains", "pms_product__conflict__has_key", "pms_product__id"):
        assert operator.get(LIST, {lookup: "4711"}).status_code == 400
