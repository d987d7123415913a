"""What every page of the admin has around its content."""

from collections import Counter

import pytest
from django.conf import settings
from django.urls import reverse

from inventory import services as inventory
from inventory.models import Reservation
from tests.factories import make_location, make_product, set_stock
from tests.inventory.reserving import reserve
from tests.staff import superuser

pytestmark = pytest.mark.django_db


def test_a_page_has_landmarks_and_a_link_that_skips_the_menu():
    page = superuser().get(reverse("admin:inventory_location_changelist")).content.decode()

    skipping = page.index('<a href="#content-start"')
    assert skipping < page.index("<nav ") < page.index("<header>") < page.index('<main id="content-start"')
    assert [page.count(tag) for tag in ("<header>", "<main ", "<h1 ")] == [1, 1, 1]
    assert 'aria-label="Main menu"' in page


def test_no_two_entries_of_the_menu_have_one_name():
    titles = [str(item["title"]) for group in settings.UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]]

    assert len(titles) > 20
    assert [title for title, count in Counter(titles).items() if count > 1] == []


@pytest.mark.parametrize(
    ("address", "said", "offered"),
    [
        ("inventory_location", "Stock is kept at locations: add the first one.", ["Add location"]),
        ("inventory_stockmovement", "Nothing has moved yet.", []),
        ("inventory_stocklevel", "Scan an item in the box above to receive it: that adds it here.", []),
        ("inventory_location?q=none", "Change what you search for, or remove the filters.", ["Show all"]),
    ],
)
def test_an_empty_list_says_what_to_do_and_offers_only_that(address: str, said: str, offered: list[str]):
    name, _, query = address.partition("?")
    page = superuser().get(f"{reverse(f'admin:{name}_changelist')}?{query}").content.decode()

    assert said in page
    assert [text for text in ("Add location", "Add stock level", "Show all") if f"</span> {text}" in page] == offered


def test_a_document_s_page_says_its_status_in_words():
    make_product("A-1")
    make_location("east")
    set_stock("A-1", make_location(), 5)
    reserve(("A-1", 1))
    transfer = inventory.create_transfer(source="main", target="east", lines=[("A-1", 1)])
    documents = {
        "transfer": inventory.ship_transfer(transfer_id=transfer.pk),
        "stocktake": inventory.create_stocktake(location="main"),
        "reservation": Reservation.objects.get(),
    }
    client = superuser()

    for name, document in documents.items():
        page = client.get(reverse(f"admin:inventory_{name}_change", args=[document.pk])).content.decode()
        assert str(document.get_status_display()) in page
        assert "(&#x27;" not in page
