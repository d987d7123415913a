"""A connection's page says what happens and what waits, and staff change who owns what, and what is made there."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from inventory.models import StockLevel
from pms_backend.access.models import AuditEntry
from pms_integration import services
from pms_integration.exceptions import CategoryNameTaken
from pms_integration.models import PMSCategory, PMSConnection, PMSProduct, PMSProductPush, PMSStockPush
from pms_integration.services.connection_settings import MAX_PUBLISHED_VALUES
from products import services as products
from tests.factories import make_connection, make_location, make_product, set_stock
from tests.history import changes_of
from tests.staff import form_of, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/pms_integration/pmsconnection/"
READ = "pms_integration.view_pmsconnection"


@pytest.fixture
def pms() -> PMSConnection:
    """A PMS that is called, and answered two minutes ago."""
    pms = make_connection()
    heard = timezone.now() - timedelta(minutes=2, seconds=10)
    PMSConnection.objects.update(base_url="https://pms.example/", last_contact_at=heard)
    pms.refresh_from_db()
    return pms


def page(pms: PMSConnection) -> str:
    return reverse("admin:pms_integration_pmsconnection_change", args=[pms.pk])


def words(client: Client, pms: PMSConnection) -> str:
    """The words of the page, which the list has too."""
    found: str = client.get(page(pms)).context["state_in_words"]
    assert found.replace("'", "&#x27;") in client.get(LIST).content.decode()
    return found


def wait(pms: PMSConnection, *, products: int = 0, stock: int = 0, refused: int = 0) -> None:
    """So many pushes that wait, the oldest of them for three hours."""
    since = timezone.now() - timedelta(hours=3, minutes=5)
    for number in range(products + refused):
        row = PMSProduct.objects.create(connection=pms, external_id=f"p-{pms.pk}-{number}")
        due = {"due_at": None, "error": "422"} if number < refused else {}
        PMSProductPush.objects.create(pms_product=row, requested_at=since, **due)
    if stock and not StockLevel.objects.exists():
        set_stock(make_product("A-1").variants.get().sku, make_location("shelf"), 5)
    for _ in range(stock):
        PMSStockPush.objects.create(
            connection=pms, level=StockLevel.objects.get(), delta=1, reason="sale", occurred_at=since
        )


def test_a_connection_says_when_it_heard_last_and_what_waits(pms: PMSConnection):
    client = superuser()

    assert words(client, pms) == "The PMS is called. Last heard 2 minutes ago. Nothing waits to be pushed."
    wait(pms, products=1)
    assert words(client, pms).endswith("1 product waits to be pushed, for 3 hours.")
    wait(make_connection("other"), products=5)
    PMSProductPush.objects.all().delete()
    PMSProduct.objects.all().delete()
    wait(pms, products=2, stock=3, refused=1)
    PMSStockPush.objects.update(created_at=timezone.now() - timedelta(hours=4, minutes=5))
    assert words(client, pms) == (
        "The PMS is called. Last heard 2 minutes ago. 2 products wait to be pushed, the oldest for 3 hours. 3 stock "
        "changes wait to be pushed, the oldest for 4 hours. The PMS has refused 1 product."
    )


def test_a_connection_says_why_it_is_not_called_and_that_staff_have_paused_it(pms: PMSConnection):
    next_try_at = timezone.now() + timedelta(hours=1)
    PMSConnection.objects.update(
        circuit="open", failures=5, next_try_at=next_try_at, last_error="The PMS answered 500.", is_paused=True
    )
    wait(pms, products=1)

    assert words(superuser(), pms) == (
        f"5 calls in a row have failed. It is not called until {timezone.localtime(next_try_at):%H:%M:%S %Z}, and then "
        "once, as a trial. Last heard 2 minutes ago. The last error: The PMS answered 500. Paused by staff: nothing is "
        "pushed. 1 product waits to be pushed, for 3 hours."
    )


def test_the_list_and_the_page_cost_the_same_for_any_number_of_rows(pms: PMSConnection):
    client = superuser()

    def cost() -> tuple[int, int]:
        costs = []
        for url in (LIST, page(pms)):
            with CaptureQueriesContext(database) as statements:
                client.get(url)
            costs.append(len(statements))
        return costs[0], costs[1]

    def add(numbers: range) -> None:
        for number in numbers:
            category = products.create_category(name=f"Category {number}")
            PMSCategory.objects.create(connection=pms, category=category, external_name=f"name {number}")
            wait(make_connection(f"pms-{number}"), products=1)

    add(range(1))
    cost()
    few = cost()
    add(range(1, 12))

    assert cost() == few


def test_the_page_leads_to_what_the_user_may_view(pms: PMSConnection):
    links = dict(superuser().get(page(pms)).context["links"])

    assert list(links) == [
        *("Product pushes", "Pending stock pushes", "Conflicts", "Products", "Stock", "Events", "Sync runs"),
    ]
    client = superuser("berta")
    assert {client.get(url).status_code for url in links.values()} == {200}
    few = staff_with(READ, "pms_integration.view_pmsproductpush").get(page(pms)).context["links"]
    assert [text for text, _ in few] == ["Product pushes"]


def test_staff_change_who_owns_the_values_and_what_is_made_there(pms: PMSConnection):
    client = superuser()
    products.create_category(name="Desk lamps")
    row = PMSProduct.objects.create(connection=pms, external_id="p-1", product=make_product("A-1"))
    sent = {
        **form_of(client.get(page(pms))),
        "owner_of_content": "shared",
        "owner_of_publication": "local",
        "made_mode": "all",
        "made_categories": "desk-lamps\r\n",
        "made_brands": "Lux, Ltd\r\n\r\n Lux, Ltd \r\nNord",
    }

    saved = client.post(page(pms), sent)

    pms.refresh_from_db()
    assert saved.status_code == 302
    assert pms.ownership == {"content": "shared", "price": "pms", "publication": "local"}
    assert pms.publishes == {"mode": "all", "categories": ["desk-lamps"], "tags": [], "brands": ["Lux, Ltd", "Nord"]}
    entry = AuditEntry.objects.get(action="pms_connection.updated")
    assert (entry.actor, entry.door) == ("user:anna", "admin")
    assert changes_of(entry) == [
        ("ownership.content", "pms", "shared"),
        ("ownership.publication", "pms", "local"),
        ("publishes.mode", "manual", "all"),
        ("publishes.categories", [], ["desk-lamps"]),
        ("publishes.brands", [], ["Lux, Ltd", "Nord"]),
    ]
    # Who owns the values has changed, so that all linked products are looked at.
    assert PMSProductPush.objects.get().pms_product == row
    client.post(page(pms), form_of(client.get(page(pms))))
    assert AuditEntry.objects.filter(action="pms_connection.updated").count() == 1


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({"owner_of_price": "nobody"}, {"owner_of_price"}),
        ({"made_categories": "no-such"}, {"made_categories"}),
        ({"made_tags": "\n".join(map(str, range(MAX_PUBLISHED_VALUES + 1)))}, {"made_tags"}),
        ({"made_brands": "x" * 256}, {"made_brands"}),
    ],
)
def test_settings_that_cannot_be_are_refused_at_their_field(pms: PMSConnection, sent: dict[str, str], errors: set[str]):
    client = superuser()

    refused = client.post(page(pms), {**form_of(client.get(page(pms))), **sent})

    assert set(refused.context["adminform"].form.errors) == errors
    assert not AuditEntry.objects.filter(action="pms_connection.updated").exists()


def test_as_many_values_as_the_api_takes_are_stored(pms: PMSConnection):
    client, tags = superuser(), [f"t{number}" for number in range(MAX_PUBLISHED_VALUES)]

    client.post(page(pms), {**form_of(client.get(page(pms))), "made_tags": "\n".join(tags)})

    pms.refresh_from_db()
    assert pms.publish_tags == tags


def test_who_may_only_look_reads_the_settings_and_changes_none(pms: PMSConnection):
    PMSConnection.objects.update(price_owner="shared", publish_mode="all", publish_tags=["new", "sale"])
    client = staff_with(READ)

    shown = client.get(page(pms)).content.decode()
    refused = client.post(page(pms), {"owner_of_price": "local"})

    pms.refresh_from_db()
    assert "Content: the PMS, Price: both, Publication: the PMS" in shown
    assert "All active products; tags: new, sale" in shown
    assert "owner_of_price" not in shown
    assert (refused.status_code, pms.price_owner) == (403, "shared")


def row_of(number: int, category: Any, name: str, **more: Any) -> dict[str, Any]:
    values = {"category": category.pk, "external_name": name, **more}
    return {f"categories-{number}-{field}": value for field, value in values.items()}


def names(pms: PMSConnection) -> dict[str, str]:
    return dict(pms.categories.values_list("category__slug", "external_name"))


def test_categories_get_the_names_that_the_pms_has_for_them(pms: PMSConnection):
    lamps, desks, client = products.create_category(name="Lamps"), products.create_category(name="Desks"), superuser()
    sent = {**form_of(client.get(page(pms))), "categories-TOTAL_FORMS": "2"}
    client.post(page(pms), {**sent, **row_of(0, lamps, "Leuchten"), **row_of(1, desks, "Tische")})
    assert names(pms) == {"lamps": "Leuchten", "desks": "Tische"}

    # The names are exchanged, and one is forgotten afterwards.
    sent = form_of(client.get(page(pms)))
    client.post(page(pms), {**sent, "categories-0-external_name": "Tische", "categories-1-external_name": "Leuchten"})
    assert names(pms) == {"lamps": "Tische", "desks": "Leuchten"}
    sent = form_of(client.get(page(pms)))
    client.post(page(pms), {**sent, "categories-0-DELETE": "on"})

    assert len(names(pms)) == 1
    audited = AuditEntry.objects.filter(action="pms_connection.categories_named").order_by("id")
    assert changes_of(audited[0]) == [
        ("categories[lamps]", None, "Leuchten"),
        ("categories[desks]", None, "Tische"),
    ]
    assert [change["to"] for change in audited[2].changes] == [None]


def test_two_categories_do_not_have_one_name(pms: PMSConnection):
    lamps, desks, client = products.create_category(name="Lamps"), products.create_category(name="Desks"), superuser()
    PMSCategory.objects.create(connection=pms, category=lamps, external_name="Tische")
    sent = {**form_of(client.get(page(pms))), "categories-TOTAL_FORMS": "2", "owner_of_price": "local"}

    refused = client.post(page(pms), {**sent, **row_of(1, desks, "Tische")})

    pms.refresh_from_db()
    assert (refused.status_code, names(pms), pms.price_owner) == (200, {"lamps": "Tische"}, "pms")
    # As of a form that was opened before the other row was there.
    with pytest.raises(CategoryNameTaken, match="demo calls two categories Tische"):
        services.name_categories(connection=pms, names={desks: "Tische"})
    assert names(pms) == {"lamps": "Tische"}


def test_who_may_only_look_names_no_categories(pms: PMSConnection):
    lamps, client = products.create_category(name="Lamps"), staff_with(READ)
    PMSCategory.objects.create(connection=pms, category=lamps, external_name="Leuchten")

    shown = client.get(page(pms)).content.decode()

    assert "Leuchten" in shown
    assert 'name="categories-0-external_name"' not in shown
    assert client.post(page(pms), row_of(0, lamps, "Other")).status_code == 403
    assert names(pms) == {"lamps": "Leuchten"}
