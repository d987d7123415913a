"""Cost is shown in the admin to staff with `products:write`, and to nobody else: on no page, by no filter."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from pms_backend.access.models import INTERNAL_TIER, AuditEntry
from pms_backend.access.staff_scopes import PERMISSIONS_OF_SCOPE
from pms_backend.events.models import Event, ParkedEvent
from pms_integration.models import ImportJob, ImportProblem, PMSEvent, PMSProduct, PMSProductPush
from products.models import Product, Variant
from tests.access.roles import ROLES, user_with
from tests.conftest import ClientWith
from tests.operations.test_admin import add_rows, address
from tests.staff import form_of, grant, logged_in, staff_with
from webhooks.models import Delivery

COST = "814.37"
EDITS = ("products.view_product", "products.change_product", "products.view_variant", "products.change_variant")
SHOWING = {
    *("products.Product", "pms_integration.PMSProduct", "pms_integration.PMSProductPush", "pms_integration.PMSEvent"),
    *("pms_integration.ImportJob", "events.Event", "webhooks.Delivery"),
}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def variant() -> Variant:
    """One row of everything, with the cost wherever it may stand."""
    add_rows(range(1))
    Variant.objects.update(cost=COST)
    payload = {"variants": [{"sku": "S-000", "cost": COST}]}
    values = {"agreed": COST, "pms": COST, "local": COST}
    PMSProduct.objects.update(payload=payload, conflict={"price": {"variants[S-000].cost": values}})
    sent = {"variants[s-000].cost": [COST, COST]}
    PMSProductPush.objects.update(payload=payload, sent=sent, idempotency_key=uuid.uuid4())
    Event.objects.update(data={"product": payload})
    PMSEvent.objects.update(body=f'{{"data": {{"cost": "{COST}"}}}}'.encode())
    ImportJob.objects.update(failed=1, error_count=2)
    for column in ("Cost per item", "variants/0/cost"):
        ImportProblem.objects.create(
            job=ImportJob.objects.get(), line=2, column=column, code="invalid_amount", detail=f"{COST} € is no amount"
        )
    return Variant.objects.get()


def pages_with_cost(client: Client) -> set[str]:
    """The models that show the cost in their list, on a row's page or in its history."""
    found = set()
    for model in admin.site._registry:
        key = model._default_manager.order_by("pk")[0].pk
        pages = [address(model, "changelist"), address(model, "change", key), address(model, "history", key)]
        if any(COST in client.get(page).content.decode() for page in pages):
            found.add(model._meta.label)
    return found


def test_a_viewer_of_everything_sees_it_nowhere():
    user_with(ROLES["viewer of everything"])

    assert pages_with_cost(logged_in("ada")) == set()


def test_staff_with_products_write_see_it():
    user = user_with(ROLES["viewer of everything"])
    grant(user, *ROLES["viewer of everything"].held(), *PERMISSIONS_OF_SCOPE["products:write"])

    assert pages_with_cost(logged_in("ada")) == SHOWING


@pytest.mark.parametrize("missing", PERMISSIONS_OF_SCOPE["products:write"])
def test_one_permission_less_hides_it(missing: str):
    held = {*EDITS, *PERMISSIONS_OF_SCOPE["products:write"]}
    page = address(Product, "change", Product.objects.get().pk)
    user = grant(User.objects.create_user("ada", is_staff=True), *held)
    client = logged_in("ada")

    before = client.get(page)
    grant(user, *held - {missing})
    after = client.get(page)

    assert (before.status_code, COST in before.content.decode()) == (200, True)
    assert (after.status_code, COST in after.content.decode()) == (200, False)


def test_an_editor_without_products_write_neither_sees_nor_changes_it(variant: Variant):
    client, page = staff_with(*EDITS), address(Product, "change", variant.product_id)

    shown = client.get(page)
    sent = {**form_of(shown), "variants-0-price": "12.00", "variants-0-cost": "9.99"}
    changed = client.post(page, sent)

    variant.refresh_from_db()
    assert COST not in shown.content.decode()
    assert (changed.status_code, str(variant.price), str(variant.cost)) == (302, "12.00", COST)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (PMSProduct, "payload__variants__0__cost"),
        (PMSProduct, "payload__icontains"),
        (PMSProduct, "conflict__icontains"),
        (PMSProduct, "push__payload__icontains"),
        (PMSProductPush, "payload__icontains"),
        (PMSProductPush, "pms_product__payload__icontains"),
        (PMSEvent, "body__contains"),
        (Event, "data__icontains"),
        (Event, "data__product__variants__0__cost"),
        (ParkedEvent, "event__data__icontains"),
        (Delivery, "event__data__icontains"),
        (ImportJob, "problems__detail__contains"),
        (ImportJob, "results__changes__icontains"),
        (AuditEntry, "changes__0__to__startswith"),
        (AuditEntry, "detail__icontains"),
    ],
)
def test_no_filter_reveals_it(model: type, lookup: str):
    user_with(ROLES["viewer of everything"])

    assert logged_in("ada").get(address(model, "changelist"), {lookup: COST}).status_code == 400


def test_an_import_quotes_a_cost_only_to_callers_with_products_write(client_with: ClientWith):
    path = f"/api/v1/products/imports/{ImportJob.objects.get().pk}/"

    def details(*scopes: str) -> set[str]:
        return {error["detail"] for error in client_with(scopes, tier=INTERNAL_TIER).get(path).json()["errors"]}

    assert details("products:read") == {"The cost is not valid."}
    assert details("products:read", "products:write") == {f"{COST} € is no amount"}
