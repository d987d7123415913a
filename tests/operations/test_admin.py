"""Every page of the admin opens, for any number of rows at the same cost; the dashboard shows what needs attention."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework_api_key.models import APIKey

from inventory import services as inventory
from inventory.models import StockLevel, StockMovement
from pms_backend.access.services import create_api_client
from pms_backend.events.models import Event, ParkedEvent
from pms_backend.operations.models import Alert
from pms_integration.models import (
    ImportJob,
    PMSProduct,
    PMSProductPush,
    PMSStock,
    PMSStockPush,
    PMSVariant,
    SyncDifference,
    SyncRun,
)
from products import services as products
from tests.factories import make_connection, make_location, make_product, set_stock, store_webhook
from tests.staff import staff_with, superuser
from webhooks import services as webhooks
from webhooks.models import Delivery
from webhooks.services.endpoints import EndpointURL

DASHBOARD = "/admin/"
MAX_STATEMENTS_OF_A_LIST = 12


def add_rows(numbers: range) -> None:
    """One more row of everything, for each number."""
    for number in numbers:
        category = products.create_category(name=f"Category {number}")
        product = make_product(f"S-{number:03}", brand=f"Brand {number}", category=category.slug)
        location = make_location(f"place-{number}")
        set_stock(f"S-{number:03}", location, 5)
        level = StockLevel.objects.get(location=location)
        pms_connection = make_connection(f"pms-{number}", owns=location)
        store_webhook(connection=pms_connection, webhook_id=f"m{number}", type="x", body=b"{}")
        pms_product = PMSProduct.objects.create(connection=pms_connection, external_id=f"P{number}", product=product)
        PMSProductPush.objects.create(pms_product=pms_product)
        PMSVariant.objects.create(connection=pms_connection, external_id=f"V{number}", variant=level.variant)
        PMSStock.objects.create(
            connection=pms_connection,
            variant=level.variant,
            location=location,
            on_hand=4,
            reported_at=level.updated_at,
            webhook_id="m",
        )
        run = SyncRun.objects.create(connection=pms_connection, mode="full", resources=["products"], actor="system")
        SyncDifference.objects.create(run=run, resource="products", action="link", local=product.pk, product=product)
        PMSStockPush.objects.create(
            connection=pms_connection, level=level, delta=1, reason="correction", occurred_at=level.updated_at
        )
        create_api_client(name=f"client {number}", scopes=["products:read"])
        User.objects.create_user(f"user-{number}", is_staff=True)
        Group.objects.create(name=f"group {number}")
        ImportJob.objects.create(
            format="csv", file_name="lamps.csv", size_bytes=3, location=location, actor="system", total=1
        )
        inventory.reserve_stock(
            client="client:tests",
            reference=f"order-{number}",
            lines=[inventory.ReservationRequest(sku=f"S-{number:03}", quantity=1)],
            expires_in=900,
        )
        elsewhere = make_location(f"elsewhere-{number}")
        inventory.create_transfer(source=location.code, target=elsewhere.code, lines=[(f"S-{number:03}", 1)])
        inventory.create_stocktake(location=location.code)
        endpoint = webhooks.create_endpoint(url=EndpointURL(f"https://shop-{number}.example/"), event_types=["*"])
        Delivery.objects.create(
            endpoint=endpoint, event=Event.objects.order_by("id")[number], type="stock.changed", sequence=number
        )
        ParkedEvent.objects.create(event=Event.objects.order_by("id")[number], receiver="tests")
        Alert.objects.create(name="failed_syncs", subject=f"pms-{number}", severity="warning", began_at=timezone.now())
        AccessAttempt.objects.create(username=f"user-{number}", ip_address="203.0.113.1", failures_since_start=1)


def models() -> list[type[Model]]:
    return list(admin.site._registry)


def address(model: type[Model], page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def key_of(row: Any) -> Any:
    return row.pk


@pytest.mark.django_db
def test_lists_and_pages_cost_the_same_for_any_number_of_rows():
    client = superuser()
    add_rows(range(3))
    costs(client)

    few = costs(client)
    add_rows(range(3, 30))
    many = costs(client)

    assert {model._meta.label: model._default_manager.count() for model in models() if not has_rows(model, 30)} == {}
    assert many == few
    assert {label: cost for label, cost in many.items() if cost[0] > MAX_STATEMENTS_OF_A_LIST} == {}


def costs(client: Client) -> dict[str, tuple[int, int]]:
    """The statements of each model's list and of one of its pages."""
    found = {}
    for model in models():
        key = key_of(model._default_manager.order_by("pk").first())
        pages = (address(model, "changelist"), address(model, "change", key))
        found[model._meta.label] = tuple(statements_of(client, page) for page in pages)
    return found


def statements_of(client: Client, page: str) -> int:
    with CaptureQueriesContext(connection) as statements:
        response = client.get(page)
    assert (page, response.status_code) == (page, 200)
    return len(statements)


def has_rows(model: type[Model], count: int) -> bool:
    return model._default_manager.count() >= count


@pytest.mark.django_db
@pytest.mark.parametrize("model", models(), ids=lambda model: model._meta.label)
def test_a_member_of_staff_without_permissions_sees_nothing(model: type[Model]):
    response = staff_with().get(address(model, "changelist"))

    assert response.status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("model", models(), ids=lambda model: model._meta.label)
def test_the_page_of_a_missing_row_leads_to_the_dashboard(model: type[Model]):
    client = superuser()

    for key in ("nonsense", "99999999", "_"):
        response = client.get(address(model, "change", key))
        assert (response.status_code, response.headers["Location"]) == (302, "/admin/"), key


def test_the_library_has_no_page_for_keys_of_its_own():
    assert APIKey not in admin.site._registry


@pytest.mark.django_db
def test_the_dashboard_costs_the_same_for_any_number_of_rows():
    client = superuser()
    add_rows(range(11))
    client.get(DASHBOARD)

    with CaptureQueriesContext(connection) as few:
        client.get(DASHBOARD)
    add_rows(range(11, 30))
    with CaptureQueriesContext(connection) as many:
        client.get(DASHBOARD)

    assert len(many) == len(few) <= 12


@pytest.mark.django_db
def test_the_dashboard_shows_only_what_the_user_may_see():
    set_stock(make_product("A-1").variants.get().sku, make_location(), 5)

    nobody = staff_with().get(DASHBOARD).content.decode()
    viewer = staff_with("products.view_product", name="eva").get(DASHBOARD).content.decode()
    of_stock = staff_with("inventory.view_stockmovement", name="kim").get(DASHBOARD)

    assert StockMovement.objects.count() == 1
    assert "You have no permissions yet" in nobody
    assert "the menu has the pages that you may open" in viewer
    assert ["A-1" in row[1] for row in of_stock.context["movements"].rows] == [True]
    for page in (nobody, viewer):
        assert "Last movements" not in page
        assert "To do now" not in page


@pytest.mark.django_db
def test_a_page_loads_nothing_from_other_sites():
    page = superuser().get(DASHBOARD).content.decode()

    links = [word for word in page.replace("'", '"').split('"') if word.startswith(("http:", "https:", "//"))]
    assert links == []
