"""The admin's pages of no model, and what pages show of other models: nothing that one may not view."""

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.urls import reverse

from inventory.models import Reservation, StockLevel
from pms_integration.models import ImportJob
from products.models import Product
from tests.access.admin_table import SITE
from tests.access.roles import ROLES, user_with
from tests.operations.test_admin import add_rows
from tests.staff import grant, logged_in, staff_with

AUTOCOMPLETE = {"term": "", "app_label": "products", "model_name": "product", "field_name": "category"}
# What a GET is answered to staff without permissions, and to staff who may view everything; to others it is the login.
TABLE = {
    "index": (200, 200),
    "login": (302, 302),
    "logout": (405, 405),
    "password_change": (200, 200),
    "password_change_done": (200, 200),
    "jsi18n": (200, 200),
    "view_on_site": (404, 404),
    "app_list": (404, 200),
    "search": (200, 200),
    "autocomplete": (403, 200),
    "inventory_board": (403, 200),
    "operations": (403, 200),
}
pytestmark = pytest.mark.django_db


def get(client: Client, name: str) -> Any:
    kind = ContentType.objects.get_for_model(Product).pk
    arguments = {"view_on_site": [kind, 1], "app_list": ["products"]}.get(name, [])
    return client.get(
        reverse(f"admin:{name}", args=arguments), AUTOCOMPLETE if name == "autocomplete" else {"q": "pro"}
    )


def test_every_page_of_no_model_is_in_the_table():
    assert set(TABLE) == set(SITE)


@pytest.mark.parametrize("name", TABLE)
def test_a_page_of_no_model(name: str):
    user_with(ROLES["without permissions"], "ada")
    user_with(ROLES["viewer of everything"], "eve")
    nobody, *staff = get(Client(), name), get(logged_in("ada"), name), get(logged_in("eve"), name)

    assert tuple(answer.status_code for answer in staff) == TABLE[name]
    assert nobody.status_code == (200 if name == "login" else 302)


def test_without_permissions_the_first_page_and_the_search_are_empty():
    add_rows(range(1))
    client = staff_with()

    first, found = get(client, "index"), get(client, "search")

    shown = [first.context[part] for part in ("to_do", "charts", "health", "movements", "app_list")]
    assert shown == [None, [], [], None, []]
    allowed = [
        item for group in first.context["sidebar_navigation"] for item in group["items"] if item["has_permission"]
    ]
    assert [item["title"] for item in allowed] == ["Dashboard"]
    assert found.context["groups"] == []
    groups = get(staff_with("products.view_product", name="eve"), "search").context["groups"]
    assert [[str(hit.title) for hit in group.hits] for group in groups] == [["Products"]]


def test_parked_events_are_work_of_those_who_may_replay_them():
    add_rows(range(1))

    def work(permission: str) -> list[str] | None:
        to_do = get(staff_with(permission, name=permission), "index").context["to_do"]
        return to_do and [item.url for item in to_do]

    assert work("events.view_parkedevent") is None
    assert work("events.change_parkedevent") == ["/admin/events/parkedevent/?state=parked"]


def test_a_level_shows_its_ledger_and_reservations_to_those_who_may_view_them():
    add_rows(range(1))
    level, reference = StockLevel.objects.get(reserved__gt=0), Reservation.objects.get().reference
    page = reverse("admin:inventory_stocklevel_change", args=[level.pk])

    def shown(*permissions: str) -> tuple[bool, bool]:
        client = staff_with("inventory.view_stocklevel", *permissions, name=f"user {len(permissions)}{permissions}")
        text = client.get(page).content.decode()
        return "Last movements" in text, reference in text

    assert shown() == (False, False)
    assert shown("inventory.view_stockmovement") == (True, False)
    assert shown("inventory.view_reservation") == (False, True)
    assert shown("inventory.change_stockmovement", "inventory.change_reservation") == (True, True)


def test_the_bad_rows_of_an_import_are_offered_with_products_write():
    add_rows(range(1))
    job = ImportJob.objects.get()
    job.problems.create(line=2, code="invalid", detail="No.")
    ImportJob.objects.update(file="imports/lamps.csv", error_count=1)
    page = reverse("admin:pms_integration_importjob_change", args=[job.pk])
    viewer = user_with(ROLES["viewer of everything"])

    before = logged_in("ada").get(page).content.decode()
    grant(viewer, *ROLES["viewer of everything"].held(), *ROLES["catalogue editor"].held())
    after = logged_in("ada").get(page).content.decode()

    assert ("Download the bad rows" in before, "Download the bad rows" in after) == (False, True)


def test_an_export_from_the_admin_has_the_cost_for_those_who_see_it():
    add_rows(range(1))
    Product.objects.get().variants.update(cost="4711.37")
    export = reverse("admin:pms_integration_importjob_export_csv")

    def exported(role: str) -> str:
        user_with(ROLES[role], role)
        return b"".join(logged_in(role).get(export, follow=True).streaming_content).decode()

    assert "4711.37" not in exported("viewer of everything")
    assert "4711.37" in exported("catalogue editor")
