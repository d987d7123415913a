"""The admin's pages for what goes wrong: with the request's id and a way back; most without a login or a database."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from inventory.models import Stocktake
from inventory.services import create_stocktake
from pms_backend.operations import dashboard
from tests.factories import make_location
from tests.staff import logged_in, staff_with, superuser
from tests.web_process import web_server

ID = "request-4711"


def assert_page(answer: Any, status: int, title: str, detail: str) -> None:
    text = answer.content.decode()
    headline = re.search(r"<h1.*?</h1>", text, re.DOTALL)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["x-request-id"] == ID
    assert headline is not None
    assert title in headline[0]
    assert detail in text
    assert ID in text
    assert f'href="{reverse("admin:index")}"' in text
    assert "unfold/css/styles.css" in text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "detail"),
    [
        *((path, "It was removed, or the address is not quite right.") for path in ("nothing/", "products/nothing/")),
        ("inventory/stocktake/4711/count/", "There is no count sheet 4711."),
    ],
)
def test_an_address_without_a_page_is_answered_inside_the_admin(path: str, detail: str) -> None:
    answer = staff_with("inventory.change_stocktake").get(f"/admin/{path}", headers={"X-Request-Id": ID})

    assert_page(answer, 404, "There is nothing at this address", detail)
    assert "nav-sidebar" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/nothing/", "/admin/nothing/"])
def test_an_address_without_a_page_for_somebody_else(path: str) -> None:
    answer = Client().get(path, headers={"X-Request-Id": ID}, follow=True)

    assert "nav-sidebar" not in answer.content.decode()


PRODUCTS, ADD_SHEET = "admin:products_product_changelist", "admin:inventory_stocktake_add"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("page", "method", "permission", "roles"),
    [
        (PRODUCTS, "get", "“Can view product” (products.view_product)", "Viewer, Counter, Warehouse, Catalogue"),
        (ADD_SHEET, "get", "“Can add count sheet” (inventory.add_stocktake)", "Warehouse, Administrator"),
        (ADD_SHEET, "post", "“Can add count sheet” (inventory.add_stocktake)", "Warehouse, Administrator"),
    ],
)
def test_a_refusal_names_the_permission_and_who_has_it(page: str, method: str, permission: str, roles: str) -> None:
    answer = getattr(staff_with(), method)(reverse(page), headers={"X-Request-Id": ID})

    assert_page(answer, 403, "You may not do this", f"It takes the permission {permission}, which you do not have.")
    assert f"These roles have it: {roles}" in answer.content.decode()
    assert "nav-sidebar" in answer.content.decode()


@pytest.mark.django_db
def test_a_refused_button_names_its_permission() -> None:
    sheet = create_stocktake(location=make_location().code)
    client = staff_with("inventory.view_stocktake", "inventory.change_stocktake")

    answer = client.post(reverse("admin:inventory_stocktake_post_counts", args=[sheet.pk]))

    assert answer.status_code == 403
    assert "(inventory.post_stocktake)" in answer.content.decode()
    assert Stocktake.objects.get().status == "open"


@pytest.mark.django_db
def test_what_nobody_may_do_names_no_permission() -> None:
    location = make_location()

    answer = superuser().get(reverse("admin:inventory_location_delete", args=[location.pk]))

    assert answer.status_code == 403
    assert "It is not done on this page" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "leads_back"),
    [
        ("http://testserver/admin/", True),
        ("https://evil.example/", False),
        ("http://testserver/admin/products/product/", False),
        ("http://testserver/admin/login/?next=/admin/", False),
        ("javascript:alert(1)", False),
    ],
)
def test_a_refusal_leads_back_to_the_page_before_if_it_is_ours(before: str, leads_back: bool) -> None:
    answer = staff_with().get(reverse(PRODUCTS), headers={"Referer": before})

    assert ("Back to the page before" in answer.content.decode()) is leads_back


@pytest.mark.django_db
def test_a_page_asked_for_by_what_may_not_be_asked() -> None:
    page = reverse("admin:products_product_changelist")

    answer = staff_with("products.view_product").get(f"{page}?variants__cost=1", headers={"X-Request-Id": ID})

    assert_page(answer, 400, "Bad Request", "The request cannot be read.")


@pytest.mark.django_db
def test_a_form_from_elsewhere() -> None:
    answer = Client(enforce_csrf_checks=True).post(reverse("admin:login"), {}, headers={"X-Request-Id": ID})

    assert_page(answer, 403, "Forbidden", "Go back, reload the page, try again.")


@pytest.mark.django_db
def test_a_page_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    staff_with("inventory.view_stocklevel", name="ada")
    client = logged_in("ada")
    client.raise_request_exception = False
    monkeypatch.setattr(dashboard, "add_content", lambda *_: 1 / 0)

    answer = client.get(reverse("admin:index"), headers={"X-Request-Id": ID})

    assert_page(answer, 500, "Internal Server Error", "Something went wrong here; it has been logged.")
    assert "ZeroDivisionError" not in answer.content.decode()


@pytest.mark.django_db
def test_a_page_while_the_database_is_away(tmp_path: Path) -> None:
    with web_server(tmp_path, DATABASE_URL="postgresql://pms:pms@127.0.0.1:1/pms") as server:
        answer = httpx.get(
            f"{server.base_url}/admin/", headers={"X-Request-Id": ID, "Cookie": "sessionid=" + "a" * 32}, timeout=60
        )

    assert_page(answer, 503, "Service Unavailable", "The database")
    assert answer.headers["retry-after"] == "2"
