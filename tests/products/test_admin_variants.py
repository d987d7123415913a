"""The variants of a product are added, changed and archived on its page in the admin."""

from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pms_backend.events.models import Event
from products import services
from products.models import Product, Variant
from tests.factories import make_location, make_product, set_stock
from tests.products.admin_pages import errors_of, page, rows_of, send
from tests.products.recorded import recorded
from tests.staff import member_of, staff_with, superuser

pytestmark = pytest.mark.django_db

SIZES = [{"name": "Size", "values": ["S", "M"]}]


@pytest.fixture
def tea() -> Product:
    """A draft with two sizes."""
    variants = [{"sku": f"TEA-{size}", "price": "10.00", "options": {"Size": size}} for size in "SM"]
    return make_product(name="Tea", variants=variants, options=SIZES)


def skus(product: Product) -> list[str]:
    return [variant.sku for variant in product.variants.filter(is_archived=False)]


def test_every_field_of_a_variant_is_changed_by_one_update(tea: Product):
    changed = {"sku": "tea-small", "name": "Small", "barcode": "4006381333931", "price": "12.50"}
    changed |= {"compare_at_price": "15.00", "cost": "4.00", "weight_grams": "1,500"}

    response = send(superuser(), page(tea), **{f"rows_0_{name}": value for name, value in changed.items()})

    variant = Variant.objects.get(sku="tea-small")
    assert response.status_code == 302
    assert (variant.name, variant.barcode, variant.weight_grams) == ("Small", "4006381333931", 1500)
    amounts = (variant.price, variant.compare_at_price, variant.cost)
    assert amounts == (Decimal("12.50"), Decimal("15.00"), Decimal("4.00"))
    assert recorded()[1:] == [("product.updated", f"product:{tea.pk}")]


def test_a_new_value_and_its_variant_are_saved_together(tea: Product):
    more = [{"name": "Size", "values": ["S", "M", "L"]}]

    send(superuser(), page(tea), {"sku": "TEA-L", "price": "11.00", "options": {"Size": "L"}}, options=more)

    tea.refresh_from_db()
    assert (tea.options, tea.version, skus(tea)) == (more, 2, ["TEA-S", "TEA-M", "TEA-L"])


def test_a_product_in_one_form_gets_options_and_its_variant_a_value():
    product = make_product("TEA", currency="EUR")

    send(
        superuser(),
        page(product),
        {"sku": "TEA-M", "price": "10.00", "options": {"Size": "M"}},
        options=SIZES,
        rows_0_options={"Size": "S"},
    )

    assert list(product.variants.values_list("sku", "options", "currency")) == [
        ("TEA", {"Size": "S"}, "EUR"),
        ("TEA-M", {"Size": "M"}, "EUR"),
    ]


def test_an_option_is_renamed_with_the_values_of_its_variants(tea: Product):
    renamed = [{"name": "Weight", "values": ["S", "M"]}]

    send(superuser(), page(tea), options=renamed, rows_0_options={"Weight": "S"}, rows_1_options={"Weight": "M"})

    tea.refresh_from_db()
    assert (tea.options, tea.version) == (renamed, 2)
    assert [variant.options for variant in tea.variants.all()] == [{"Weight": "S"}, {"Weight": "M"}]


def test_a_variant_is_archived_with_its_stock(tea: Product):
    set_stock("TEA-M", make_location(), 3)

    send(superuser(), page(tea), rows_1_is_archived="on")

    assert skus(tea) == ["TEA-S"]
    assert Variant.objects.get(sku="TEA-M").levels.get().on_hand == 3


def test_an_archived_variant_comes_back_with_its_sku(tea: Product):
    client = superuser()
    send(client, page(tea), rows_1_is_archived="on")

    send(client, page(tea), {"sku": "TEA-M", "options": {"Size": "M"}})

    assert skus(tea) == ["TEA-S", "TEA-M"]
    assert Variant.objects.count() == 2


def test_the_last_variant_stays():
    product = make_product("TEA")

    response = send(superuser(), page(product), rows_0_is_archived="on")

    assert rows_of(response).non_form_errors() == ["A product has at least one variant."]
    assert skus(product) == ["TEA"]


def test_a_new_row_does_not_change_the_variant_that_has_its_sku(tea: Product):
    response = send(superuser(), page(tea), {"sku": "tea-s", "price": "1.00", "options": {"Size": "S"}})

    assert errors_of(response) == [{"sku": ["Another row has this SKU."]}, {}, {"sku": ["Another row has this SKU."]}]
    assert {variant.price for variant in tea.variants.all()} == {Decimal("10.00")}


def test_two_variants_swap_their_skus(tea: Product):
    send(superuser(), page(tea), rows_0_sku="TEA-M", rows_1_sku="TEA-S")

    assert skus(tea) == ["TEA-M", "TEA-S"]


def test_a_refusal_stands_at_the_row_that_was_sent_and_the_others_stay(tea: Product):
    response = send(superuser(), page(tea), rows_0_name="Small", rows_1_options={"Size": "S"})

    texts = ["TEA-M has the same option values as TEA-S."]
    assert errors_of(response) == [{}, {"options": texts}]
    assert rows_of(response).forms[0]["name"].value() == "Small"
    assert Product.objects.get().version == 1
    assert len(recorded()) == 1


def test_what_the_options_leave_without_a_value_is_said_at_the_options(tea: Product):
    response = send(superuser(), page(tea), options=[{"name": "Size", "values": ["S"]}])

    assert response.context_data["adminform"].form.errors == {
        "options": ["The value of Size of TEA-M is not a value of that option."]
    }


def test_a_variant_that_was_archived_meanwhile_is_not_restored(tea: Product):
    client, gone = superuser(), tea.variants.get(sku="TEA-M")
    row = {"id": gone.pk, "product": tea.pk, "sku": "TEA-M", "options": {"Size": "M"}}
    services.update_product(product_id=tea.pk, data={"variants": [{"id": gone.pk, "is_archived": True}]})

    response = send(client, page(tea), row, **{"variants-INITIAL_FORMS": "2"})

    assert errors_of(response)[1] == {"__all__": ["This variant was archived meanwhile. Open the page again."]}
    assert skus(tea) == ["TEA-S"]


def test_the_page_shows_options_stock_and_currency(tea: Product):
    set_stock("TEA-S", make_location(), 1_250)

    text = superuser().get(page(tea)).content.decode()

    assert "Price (USD)" in " ".join(text.replace("</th>", "").split())
    assert ("1,250 on hand" in text, '"text-important font-semibold">M</span>' in text) == (True, True)


def test_the_page_takes_as_many_queries_with_many_variants(tea: Product):
    client, counts = superuser(), []
    client.get(page(tea))
    for number in range(0, 20, 10):
        with CaptureQueriesContext(connection) as queries:
            client.get(page(tea))
        counts.append(len(queries))
        values = [f"{number + each}" for each in range(10)]
        services.update_product(
            product_id=tea.pk,
            data={
                "options": [{"name": "Size", "values": ["S", "M", *map(str, range(20))]}],
                "variants": [{"sku": f"MORE-{value}", "options": {"Size": value}} for value in values],
            },
        )

    assert counts[0] == counts[1] <= 20


@pytest.mark.parametrize("role", ["Viewer", "Warehouse"])
def test_a_role_that_only_views_sees_the_variants_as_text(tea: Product, role: str):
    client = member_of(role)

    shown, refused = client.get(page(tea)), client.post(page(tea), {"variants-0-price": "1.00"})

    text = shown.content.decode()
    assert ("TEA-S" in text, 'name="variants-0-sku"' in text, "Add a variant" in text) == (True, False, False)
    assert refused.status_code == 403
    assert Product.objects.get().version == 1


def test_who_may_not_change_variants_changes_the_product_alone(tea: Product):
    rights = ("view_product", "change_product", "view_variant")
    client = staff_with(*(f"products.{name}" for name in rights))

    send(client, page(tea), {"sku": "TEA-L", "options": {"Size": "L"}}, name="Green tea", rows_0_price="9.00")

    tea.refresh_from_db()
    assert (tea.name, skus(tea)) == ("Green tea", ["TEA-S", "TEA-M"])
    assert {variant.price for variant in tea.variants.all()} == {Decimal("10.00")}
    assert Event.objects.count() == 2
