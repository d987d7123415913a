"""The admin's pages for what goes wrong: with the request's id and a way back, without a login or a database."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.test import Client
from django.urls import reverse

from pms_backend.operations import dashboard
from tests.staff import logged_in, staff_with
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
@pytest.mark.parametrize("path", ["nothing/", "products/nothing/"])
def test_an_address_without_a_page(path: str) -> None:
    answer = staff_with().get(f"/admin/{path}", headers={"X-Request-Id": ID})

    assert_page(answer, 404, "Not Found", "There is nothing at this address.")


@pytest.mark.django_db
def test_a_page_without_the_permission() -> None:
    answer = staff_with().get(reverse("admin:products_product_changelist"), headers={"X-Request-Id": ID})

    assert_page(answer, 403, "Forbidden", "You may not do this.")


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
