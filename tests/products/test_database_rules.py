"""What the database refuses: statements that bypass the services."""

import pytest
from django.db import IntegrityError, connection

from pms_backend.api.exceptions import constraint, problem_of
from products import services
from products.models import Product, Variant
from tests.factories import make_product, make_variant

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


STRAY: dict[str, tuple[str, int]] = {
    "UPDATE products_variant SET is_archived = true": ("products_product_has_a_variant", 422),
    "DELETE FROM products_variant WHERE sku = 'B-1'": ("products_product_has_a_variant", 422),
    "UPDATE products_variant SET product_id = (SELECT min(id) FROM products_product) WHERE sku = 'B-1'": (
        "products_product_has_a_variant",
        422,
    ),
    'UPDATE products_variant SET options = \'{"Colour": "Red"}\'': ("products_variant_options_distinct", 409),
    "UPDATE products_variant SET sku = 'A-1', sku_key = 'a-1'": ("products_variant_sku_key_unique", 409),
    "UPDATE products_variant SET sku_key = sku": ("products_variant_sku_key_of_ascii", 422),
    "UPDATE products_variant SET sku = '\u200b', sku_key = ''": ("products_variant_has_a_sku", 422),
    "UPDATE products_variant SET cost = -1": ("products_variant_cost_not_negative", 422),
    "UPDATE products_variant SET compare_at_price = -1": ("products_variant_compare_at_price_not_negative", 422),
    "UPDATE products_product SET publish_at = now(), status = 'active', published_at = now()": (
        "products_product_publish_at_of_a_draft",
        422,
    ),
    "UPDATE products_product SET handle = 'Lamp' WHERE name = 'Lamp'": ("products_product_normal_handle", 422),
    "UPDATE products_product SET handle = 'a lamp' WHERE name = 'Lamp'": ("products_product_normal_handle", 422),
    "UPDATE products_product SET handle = 'a/b' WHERE name = 'Lamp'": ("products_product_normal_handle", 422),
    "UPDATE products_product SET handle = '' WHERE name = 'Lamp'": ("products_product_normal_handle", 422),
    "UPDATE products_product SET handle = U&'cafe\\0301' WHERE name = 'Lamp'": ("products_product_normal_handle", 422),
    "UPDATE products_product SET description = repeat('x', 524289)": ("products_product_description_not_too_long", 422),
    "UPDATE products_product SET unpublish_at = now()": ("products_product_unpublish_at_of_what_is_published", 422),
    "UPDATE products_product SET unpublish_at = now(), publish_at = now()": (
        "products_product_unpublish_at_of_what_is_published",
        422,
    ),
    "UPDATE products_category SET parent_id = (SELECT max(id) FROM products_category) WHERE parent_id IS NULL": (
        "products_category_no_cycle",
        422,
    ),
}


@pytest.fixture
def _catalogue() -> None:
    lamp = make_product("A-1")
    make_variant("A-2", product=lamp)
    make_product("B-1", name="Chair")
    root = services.create_category(name="Root")
    services.create_category(name="Leaf", parent=root)


@pytest.mark.usefixtures("_catalogue")
@pytest.mark.parametrize("sql", STRAY)
def test_a_stray_statement_is_refused_by_name(sql: str):
    name, status = STRAY[sql]

    with pytest.raises(IntegrityError) as refusal:
        run(sql)

    assert constraint(refusal.value) == name
    assert problem_of(refusal.value).status == status
    assert Variant.objects.filter(is_archived=False).count() == 3


def test_a_product_needs_a_variant_by_the_end_of_its_transaction():
    with pytest.raises(IntegrityError, match="has no variant"):
        Product.objects.create(name="Lamp", handle="lamp")

    assert not Product.objects.exists()


def test_an_archived_product_needs_none_until_it_comes_back():
    Product.objects.create(name="Lamp", handle="lamp", status="archived")

    with pytest.raises(IntegrityError, match="has no variant"):
        Product.objects.update(status="draft")


@pytest.mark.usefixtures("_catalogue")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE products_variant SET options = jsonb_build_object('Colour', sku)",
        "UPDATE products_variant SET is_archived = true WHERE sku = 'A-1'",
        "UPDATE products_variant SET sku = CASE sku WHEN 'A-1' THEN 'A-2' ELSE 'A-1' END,"
        " sku_key = CASE sku WHEN 'A-1' THEN 'a-2' ELSE 'a-1' END WHERE sku <> 'B-1'",
    ],
)
def test_statements_within_the_rules_succeed(sql: str):
    run(sql)


@pytest.mark.usefixtures("_catalogue")
def test_archived_variants_may_have_the_values_of_a_current_one():
    run("UPDATE products_variant SET is_archived = true WHERE sku = 'A-2'")

    run('UPDATE products_variant SET options = \'{"Colour": "Red"}\'')
