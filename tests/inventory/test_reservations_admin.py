"""Reservations in the admin: read by all staff, ended by those who may."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Reservation, StockLevel
from pms_backend.events.models import Event
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import outlive, quantities, reserve
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/inventory/reservation/"
# A browser's form is never empty.
SURE = {"post": "yes"}


@pytest.fixture
def reservation() -> Reservation:
    """Four of the ten A-1 at `main`."""
    make_product("A-1")
    set_stock("A-1", make_location(), 10)
    return reserve(("A-1", 4), reference="SO-7")


def page(reservation: Reservation, action: str = "change") -> str:
    return reverse(f"admin:inventory_reservation_{action}", args=[reservation.pk])


@pytest.mark.parametrize(
    ("action", "status", "after"), [("release", "released", (10, 0, 10)), ("commit", "committed", (6, 0, 6))]
)
def test_staff_end_it_after_confirming(reservation: Reservation, action: str, status: str, after: tuple) -> None:
    client = superuser("anna")
    asked = client.get(page(reservation, action))
    assert quantities() == (10, 4, 6)

    response = client.post(page(reservation, action), SURE, follow=True)

    reservation.refresh_from_db()
    assert (asked.status_code, reservation.status, quantities()) == (200, status, after)
    assert said(response) == [f"SO-7 is {status}."]
    assert Event.objects.latest("id").actor == "user:anna"


def test_a_refusal_is_shown(reservation: Reservation) -> None:
    outlive(reservation)

    response = superuser().post(page(reservation, "commit"), SURE)

    assert response.context["form"].non_field_errors() == [f"The reservation {reservation.pk} is expired."]
    assert quantities() == (10, 4, 6)


def test_selected_ones_are_released_one_by_one(reservation: Reservation) -> None:
    over = reserve(("A-1", 1), reference="SO-8")
    outlive(over)
    sent = {"action": "release_selected", "_selected_action": [reservation.pk, over.pk]}

    response = superuser().post(LIST, sent, follow=True)

    assert sorted(said(response)) == [
        "1 reservation is released.",
        f"SO-8 is not released: The reservation {over.pk} is expired.",
    ]
    assert quantities() == (10, 1, 9)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["SO-9", "SO-8", "SO-7"]),
        ({"q": "SO-8"}, ["SO-8"]),
        ({"q": "so-"}, ["SO-9", "SO-8", "SO-7"]),
        ({"q": "O-8"}, []),
        ({"status": "active"}, ["SO-9", "SO-7"]),
        ({"status": "expired"}, ["SO-8"]),
    ],
)
def test_the_list_is_searched_and_filtered(reservation: Reservation, asked: dict, found: list[str]) -> None:
    outlive(reserve(("A-1", 1), reference="SO-8"))
    reserve(("A-1", 1), reference="SO-9")

    response = superuser().get(LIST, asked)

    rows = response.context["cl"].result_list
    assert [row.reference for row in rows] == found


def test_a_list_of_any_length_costs_the_same(reservation: Reservation) -> None:
    client = superuser()
    client.get(LIST)

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(LIST)
        return len(captured)

    few = statements()
    for number in range(5):
        reserve(("A-1", 1), reference=f"R-{number}")

    assert statements() == few


def test_it_shows_its_lines_and_its_level_shows_it(reservation: Reservation) -> None:
    outlive(reserve(("A-1", 1), reference="SO-8"))
    client = superuser()
    level = StockLevel.objects.get()

    shown = client.get(page(reservation))
    of_level = client.get(reverse("admin:inventory_stocklevel_change", args=[level.pk]))

    assert [row[1:] for row in shown.context["tables"][0].rows] == [("Main", 4, 4, 0)]
    assert reverse("admin:inventory_stocklevel_change", args=[level.pk]) in shown.content.decode()
    assert [row[2] for row in of_level.context["tables"][0].rows] == [1, 4]
    assert page(reservation) in of_level.content.decode()


def test_without_the_permission_one_only_looks(reservation: Reservation) -> None:
    client = staff_with("inventory.view_reservation")

    seen, refused = client.get(LIST), client.post(page(reservation, "release"), SURE)
    client.post(LIST, {"action": "release_selected", "_selected_action": [reservation.pk]})
    edited = client.post(page(reservation), {"status": "released"})
    added = client.post("/admin/inventory/reservation/add/", {})

    assert (seen.status_code, refused.status_code, edited.status_code, added.status_code) == (200, 403, 403, 403)
    assert quantities() == (10, 4, 6)


def test_with_the_permission_one_ends_it(reservation: Reservation) -> None:
    client = staff_with("inventory.view_reservation", "inventory.change_reservation")

    client.post(page(reservation, "release"), SURE)

    assert quantities() == (10, 0, 10)
