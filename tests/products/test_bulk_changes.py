"""Prices and the status of many products are changed by a list's actions: a preview says how, and only that is done."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from products import services
from products.admin import bulk_changes
from products.admin.bulk_forms import PricesForm
from products.models import Product, Variant
from products.price_changes import PriceChange, PriceChangeKind
from tests.factories import make_product, make_variant
from tests.products.recorded import recorded
from tests.staff import said, staff_with, superuser

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"
TEN_PERCENT_MORE = {"prices": "price", "kind": "increase_percent", "amount": "10", "ending": ""}


def ask(client: Client, action: str, *products: Product, **values: Any) -> Any:
    """The preview, or the form with its errors."""
    keys = [product.pk for product in products]
    return client.post(LIST, {"action": action, "_selected_action": keys, "apply": "1", **values})


def apply(client: Client, shown: Any, **more: Any) -> Any:
    """Sends the page of a preview."""
    hidden: dict[str, list[Any]] = {}
    for name, value in shown.context["hidden"]:
        hidden.setdefault(name, []).append(value)
    return client.post(LIST, {**hidden, "plan": shown.context["plan"], **more}, follow=True)


def rows(shown: Any) -> list[list[list[str]]]:
    """The texts of each table."""
    tables = shown.context["tables"]
    return [[[re.sub("<[^>]+>", "", str(cell)) for cell in row] for row in table.rows] for table in tables]


def prices() -> dict[str, Decimal | None]:
    return dict(Variant.objects.values_list("sku", "price"))


def test_a_preview_of_prices_shows_each_variant_and_changes_nothing():
    lamp, old = make_product("A-1", price="12.34"), make_product("B-1", name="Old")
    make_variant("A-2", product=lamp, price=None)
    services.archive_product(product_id=old.pk)
    before = recorded()

    shown = ask(superuser(), "change_prices", lamp, old, **TEN_PERCENT_MORE)

    assert shown.context["summary"] == "1 product changes. 1 price changes. 2 stay as they are."
    changed, unchanged = rows(shown)
    assert changed == [["Lamp", "A-1", "Price", "12.34 USD", "13.57 USD", "+10.0 %"]]
    assert sorted(unchanged) == [
        ["Lamp", "A-2", "Price", "There is none."],
        ["Old", "None", "None", "It is archived."],
    ]
    assert prices() == {"A-1": Decimal("12.34"), "A-2": None, "B-1": Decimal("10.00")}
    assert recorded() == before


def test_what_the_preview_has_shown_is_applied_once_by_one_call(monkeypatch: pytest.MonkeyPatch):
    lamp, chair = make_product("A-1"), make_product("B-1", name="Chair", price="20.00", status="active")
    client = superuser("anna")
    calls: list[Any] = []
    upsert = services.upsert_products
    monkeypatch.setattr(services, "upsert_products", lambda *, rows: (calls.append(rows), upsert(rows=rows))[1])
    shown = ask(client, "change_prices", lamp, chair, **TEN_PERCENT_MORE)

    done = apply(client, shown)
    again = apply(client, shown)

    assert said(done) == ["2 products were changed."]
    assert said(again) == ["This was applied already; nothing was changed a second time."]
    assert prices() == {"A-1": Decimal("11.00"), "B-1": Decimal("22.00")}
    assert [len(one) for one in calls] == [2]


def test_a_product_that_has_changed_since_the_preview_stays():
    lamp, chair = make_product("A-1"), make_product("B-1", name="Chair")
    client = superuser()
    shown = ask(client, "change_prices", lamp, chair, **TEN_PERCENT_MORE)
    services.update_product(product_id=lamp.pk, data={"brand": "Acme"})

    done = apply(client, shown)

    assert done.context["summary"] == "1 product was changed."
    assert rows(done) == [[["Lamp", "It was changed since the preview."]]]
    assert prices() == {"A-1": Decimal("10.00"), "B-1": Decimal("11.00")}


def test_a_large_change_comes_first_and_is_confirmed():
    lamp, chair = make_product("A-1", price="7.00"), make_product("B-1", name="Chair", price="2.00")
    client = superuser()
    shown = ask(client, "change_prices", lamp, chair, prices="price", kind="increase", amount="3")

    refused = apply(client, shown)

    assert [row[4] for row in rows(shown)[0]] == ["⚠ 5.00 USD", "10.00 USD"]
    assert shown.context["confirmation"] == "1 price changes by more than half. Change it nevertheless."
    assert refused.context["blocked"] == "Nothing was changed: confirm the large changes first."
    assert prices() == {"A-1": Decimal("7.00"), "B-1": Decimal("2.00")}
    assert said(apply(client, refused, is_confirmed="on")) == ["2 products were changed."]
    assert prices() == {"A-1": Decimal("10.00"), "B-1": Decimal("5.00")}


def test_both_prices_are_changed_together():
    lamp, client = make_product("A-1", compare_at_price="20.00"), superuser()

    apply(client, ask(client, "change_prices", lamp, prices="both", kind="decrease_percent", amount="50"))

    variant = lamp.variants.get()
    assert (variant.price, variant.compare_at_price) == (Decimal("5.00"), Decimal("10.00"))
    assert Product.objects.get().version == 2


@pytest.mark.parametrize(
    ("kind", "amount", "ending", "price", "after"),
    [
        ("set", "9", None, None, "9.00"),
        ("set", "9", "0.99", "3", "8.99"),
        ("increase", "0.005", None, "1", "1.01"),
        ("decrease", "2", None, "1", "-1.00"),
        ("decrease", "2", "0.99", "1", "-1.00"),
        ("increase_percent", "12.5", None, "9.99", "11.24"),
        ("increase_percent", "12.5", "0.99", "9.99", "10.99"),
        ("increase_percent", "0", "0.90", "12.39", "11.90"),
        ("increase_percent", "0", "0.90", "12.40", "12.90"),
        ("decrease_percent", "99", "0.99", "10", "0.99"),
        ("increase", "1", "0.99", None, None),
    ],
)
def test_prices_are_rounded_half_up_or_to_the_nearest_ending(
    kind: str, amount: str, ending: str | None, price: str | None, after: str | None
):
    change = PriceChange(PriceChangeKind(kind), Decimal(amount), Decimal(ending) if ending else None)

    found = change.applied_to(Decimal(price) if price else None)

    assert (None if found is None else str(found)) == after


def test_prices_below_zero_or_too_large_stay():
    lamp, gold = make_product("A-1"), make_product("B-1", name="Gold", price="9999999999.00")
    client = superuser()

    less = ask(client, "change_prices", lamp, prices="price", kind="decrease", amount="10.01")
    more = ask(client, "change_prices", gold, prices="price", kind="increase", amount="1")

    assert rows(less) == [[], [["Lamp", "A-1", "Price", "It would be below zero."]]]
    assert rows(more) == [[], [["Gold", "B-1", "Price", "It would be too large."]]]
    assert not less.context["is_applicable"]


def test_the_roundings_are_named_in_the_language_of_the_page():
    with translation.override("de"):
        german = dict(PricesForm().fields["ending"].choices)

    assert german[""] == "Auf zwei Nachkommastellen"
    assert not german["0.99"].startswith("To the nearest")


@pytest.mark.parametrize(
    ("values", "field", "error"),
    [
        ({"amount": "12,50"}, "amount", "Enter a number, such as 1,250.50."),
        ({"amount": ""}, "amount", "This field is required."),
        ({"amount": "0"}, "amount", "That changes nothing."),
        ({"amount": "101", "kind": "decrease_percent"}, "amount", "A price decreases by 100 percent at most."),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_at_its_field(values: dict[str, str], field: str, error: str):
    shown = ask(superuser(), "change_prices", make_product("A-1"), **{**TEN_PERCENT_MORE, **values})

    assert shown.context["form"].errors[field] == [error]


def test_a_preview_of_the_status_names_failed_rules():
    good, bad = make_product("A-1"), make_product("B-1", name="Chair", price=None)
    done, client = make_product("C-1", name="Rug", status="active"), superuser()

    shown = ask(client, "change_status", good, bad, done, status="publish")
    applied = apply(client, shown)

    assert rows(shown) == [
        [["Lamp", "Draft", "Active"]],
        [["Chair", "B-1 has no price."], ["Rug", "It has the status “Active” already."]],
    ]
    assert said(applied) == ["1 product was changed."]
    assert dict(Product.objects.values_list("name", "status")) == {"Lamp": "active", "Chair": "draft", "Rug": "active"}


@pytest.mark.parametrize(
    ("change", "after", "reason"),
    [
        ("unpublish", {"Lamp": "draft", "Chair": "draft", "Old": "archived"}, "archived; restore it first."),
        (
            "archive",
            {"Lamp": "archived", "Chair": "archived", "Old": "archived"},
            "It has the status “Archived” already.",
        ),
        ("restore", {"Lamp": "active", "Chair": "draft", "Old": "draft"}, "It is not archived."),
    ],
)
def test_the_status_changes_as_the_services_change_it(change: str, after: dict[str, str], reason: str):
    products = [
        make_product("A-1", status="active"),
        make_product("B-1", name="Chair"),
        make_product("C-1", name="Old"),
    ]
    services.archive_product(product_id=products[2].pk)
    client = superuser()

    shown = ask(client, "change_status", *products, status=change)
    apply(client, shown)

    assert dict(Product.objects.values_list("name", "status")) == after
    assert any(reason in row[1] for row in rows(shown)[1])


def test_a_preview_is_of_its_user():
    lamp = make_product("A-1")
    shown = ask(superuser("anna"), "change_prices", lamp, **TEN_PERCENT_MORE)

    of_another = apply(superuser("ben"), shown)

    assert said(of_another) == ["This preview is not valid any more, so that nothing was changed. Look again."]
    assert prices() == {"A-1": Decimal("10.00")}


def test_who_may_not_change_products_is_not_offered_it():
    lamp, client = make_product("A-1"), staff_with("products.view_product")
    shown = ask(superuser(), "change_status", lamp, status="archive")

    apply(client, shown)

    assert client.get(LIST).context["action_form"].fields["action"].choices[1:] == [("print_labels", "Print labels")]
    assert Product.objects.get().status == "draft"


def test_at_most_some_products_are_changed_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_changes, "MAX_BULK_PRODUCTS", 1)
    client = superuser()
    products = [make_product("A-1"), make_product("B-1")]

    shown = client.post(
        LIST, {"action": "change_prices", "_selected_action": [one.pk for one in products]}, follow=True
    )

    assert said(shown) == ["At most 1 products are changed at once."]


def test_at_most_some_prices_are_changed_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bulk_changes, "MAX_BULK_CHANGES", 1)
    products = [make_product("A-1"), make_product("B-1")]

    shown = ask(superuser(), "change_prices", *products, **TEN_PERCENT_MORE)

    assert shown.context["form"].non_field_errors() == ["At most 1 prices are changed at once."]


def test_more_products_cost_no_more_statements():
    client = superuser()
    products = [make_product(f"A-{number}") for number in range(6)]

    def queries_of(count: int) -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            ask(client, "change_prices", *products[:count], **TEN_PERCENT_MORE)
        return len(queries)

    # The first request fills caches.
    queries_of(1)
    assert queries_of(6) == queries_of(2) <= 25
