"""The live board: by location the oversold levels, then the low ones, then those that changed last."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from inventory import board, services
from inventory.admin import board as board_page
from inventory.models import StockLevel
from pms_backend.events.models import head_sequence
from pms_backend.events.services import relay_pending
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.staff import staff_with, superuser

pytestmark = pytest.mark.django_db

BOARD = "/admin/inventory/board/"
# Session, user, the head of the feed, the locations, and four of the sections.
QUERIES = 8


def stock(sku: str, location: str, on_hand: int, *, reorder_point: int | None = None) -> None:
    make_product(sku, name=f"Product {sku}")
    set_stock(sku, location, on_hand)
    if reorder_point is not None:
        services.update_level(sku=sku, location=location, values={"reorder_point": reorder_point})


def oversell(sku: str, location: str) -> None:
    """Reserves all that is there, and counts one unit less."""
    on_hand = StockLevel.objects.get(variant__sku=sku, location__code=location).on_hand
    reserve((sku, on_hand, location), reference=f"R-{sku}")
    set_stock(sku, location, on_hand - 1)


def shown(response: Any) -> dict[str, list[str]]:
    """The SKUs of each location."""
    return {
        section["location"].code: [level.variant.sku for level, _ in section["rows"]]
        for section in response.context["sections"]
    }


def test_oversold_levels_come_first_then_low_ones_then_the_last_changed():
    make_location("main"), make_location("shop"), make_location("empty")
    for sku, reorder_point in (("OLD", None), ("LOW", 5), ("OVER", None), ("NEW", None), ("OVER-AND-LOW", 9)):
        stock(sku, "main", 5, reorder_point=reorder_point)
    stock("ELSEWHERE", "shop", 1)
    for sku in ("OVER", "OVER-AND-LOW"):
        oversell(sku, "main")
    reserve(("NEW", 1, "main"), reference="R-NEW")
    relay_pending()

    page = superuser().get(BOARD)

    assert shown(page) == {"main": ["OVER-AND-LOW", "OVER", "LOW", "NEW", "OLD"], "shop": ["ELSEWHERE"]}
    text = page.content.decode()
    assert (text.count("Oversold"), text.count("Reorder")) == (2, 1)
    assert 'data-level="NEW@main" data-version="2"' in text
    assert '<td data-field="reserved" data-value="1">1</td>' in text


def test_one_location_is_shown_alone_and_an_unknown_one_is_not_found():
    make_location("main"), make_location("shop")
    stock("A-1", "main", 5)
    stock("B-1", "shop", 5)
    relay_pending()
    client = superuser()

    assert shown(client.get(BOARD, {"location": "shop"})) == {"shop": ["B-1"]}
    assert client.get(BOARD, {"location": "SHOP"}).status_code == 404


def test_a_location_shows_so_many_levels_and_how_many_more_are_in_need(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board, "LEVELS_A_LOCATION", 2)
    make_location("main")
    for number in range(5):
        stock(f"LOW-{number}", "main", 1, reorder_point=1)
    stock("NEW", "main", 1)
    relay_pending()

    page = superuser().get(BOARD)

    assert shown(page) == {"main": ["LOW-4", "LOW-3"]}
    assert "3 more are low or oversold" in page.content.decode()


def test_a_level_that_has_not_changed_lately_is_shown_only_if_it_is_in_need(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(board, "RECENT_CHANGES", 1)
    make_location("main"), make_location("quiet")
    stock("LOW", "main", 1, reorder_point=1)
    stock("OLD", "quiet", 1)
    stock("NEW", "main", 1)
    relay_pending()

    page = superuser().get(BOARD)

    assert shown(page) == {"main": ["LOW", "NEW"], "quiet": []}
    assert "none has changed lately" in page.content.decode()


def test_many_locations_take_no_more_queries_than_one(
    django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(board_page, "LOCATIONS_AT_ONCE", 3)
    client = superuser()

    for number in range(4):
        make_location(f"place-{number}")
        stock(f"LOW-{number}", f"place-{number}", 1, reorder_point=1)
        stock(f"NEW-{number}", f"place-{number}", 1)
        relay_pending()
        with django_assert_num_queries(QUERIES):
            page = client.get(BOARD)

    assert len(shown(page)) == 3
    assert "1 more location is not shown here" in page.content.decode()


def test_the_page_listens_from_before_its_figures_were_read(settings):
    settings.PUBLIC_WS_PORT = 8001
    make_location("main")
    stock("A-1", "main", 5)
    relay_pending()
    level = StockLevel.objects.get()
    client = superuser()

    pages = [client.get(url) for url in (BOARD, f"/admin/inventory/stocklevel/{level.pk}/change/", "/admin/")]

    for page in pages:
        assert (page.context["live"].url, page.context["live"].after) == (
            "ws://testserver:8001/ws/stock/",
            head_sequence(),
        )
        assert "data-live-region" in page.content.decode()


def test_without_the_scope_to_watch_stock_the_board_is_not_live():
    make_location("main")
    stock("A-1", "main", 5)
    relay_pending()

    page = staff_with("inventory.view_stocklevel").get(BOARD)

    assert (shown(page), page.context["live"]) == ({"main": ["A-1"]}, None)
    assert "Not live" in page.content.decode()
    assert "data-live-stock" not in page.content.decode()


def test_the_board_is_for_those_who_may_see_levels():
    assert staff_with("products.view_product").get(BOARD).status_code == 403
    assert Client().get(BOARD).status_code == 302
