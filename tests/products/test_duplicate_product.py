"""A copy of a product is a draft with everything but stock, schedule and barcodes."""

from decimal import Decimal

import pytest

from inventory.models import StockLevel
from pms_backend.events.models import Event
from products import services
from products.exceptions import InvalidSku, ProductNotFound
from products.models import ImageFile, Product, ProductStatus
from products.skus import MAX_SKU_LENGTH
from tests.factories import make_location, make_product, make_variant, set_stock
from tests.products.pictures import make_image
from tests.products.recorded import recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def lamp() -> Product:
    """A published product with options, a category and stock."""
    services.create_category(name="Lights")
    product = make_product(
        "TEA-S",
        status="active",
        brand="Acme",
        tags=["new"],
        category="lights",
        attributes={"watt": 5},
        variants=[
            {"sku": "TEA-S", "price": "10.00", "barcode": "4006381333931", "options": {"Size": "S"}, "cost": "4.00"},
            {"sku": "TEA-M", "price": "12.00", "currency": "EUR", "weight_grams": 7, "options": {"Size": "M"}},
        ],
    )
    set_stock("TEA-S", make_location(), 3)
    return product


def test_a_copy_has_the_texts_options_variants_and_prices(lamp: Product):
    copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    copy.refresh_from_db()
    assert (copy.name, copy.handle, copy.status, copy.version) == ("Lamp (copy)", "lamp-copy", ProductStatus.DRAFT, 1)
    assert (copy.brand, copy.tags, copy.category, copy.attributes) == ("Acme", ["new"], lamp.category, {"watt": 5})
    assert copy.options == [{"name": "Size", "values": ["S", "M"]}]
    columns = ("sku", "barcode", "price", "currency", "cost", "weight_grams", "options")
    assert list(copy.variants.values_list(*columns)) == [
        ("TEA-S-COPY", "", Decimal("10.00"), "USD", Decimal("4.00"), None, {"Size": "S"}),
        ("TEA-M-COPY", "", Decimal("12.00"), "EUR", None, 7, {"Size": "M"}),
    ]


def test_a_copy_has_no_stock_and_leaves_the_product_as_it_is(lamp: Product):
    before = recorded()

    copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    lamp.refresh_from_db()
    assert not StockLevel.objects.filter(variant__product=copy).exists()
    assert (lamp.name, lamp.status, lamp.version) == ("Lamp", "active", 1)
    assert recorded()[len(before) :] == [("product.created", f"product:{copy.pk}")]


def test_archived_variants_are_not_copied(lamp: Product):
    gone = lamp.variants.get(sku="TEA-M")
    services.update_product(product_id=lamp.pk, data={"variants": [{"id": gone.pk, "is_archived": True}]})

    copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    assert [variant.sku for variant in copy.variants.all()] == ["TEA-S-COPY"]


def test_the_skus_of_a_second_copy_are_numbered(lamp: Product):
    make_variant("tea-m-copy")

    copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    assert [variant.sku for variant in copy.variants.all()] == ["TEA-S-COPY-2", "TEA-M-COPY-2"]


def test_a_copy_shows_the_same_files(lamp: Product):
    make_image(lamp, "red", alt="Front", position=3)
    make_image(lamp, "blue")
    services.add_image_url(product_id=lamp.pk, url="https://example.org/a.jpg")

    copy = services.duplicate_product(product_id=lamp.pk, name="Lamp (copy)")

    shown = [list(product.images.values_list("image_file", "alt", "position")) for product in (lamp, copy)]
    assert shown[1] == [image for image in shown[0] if image[0] is not None]
    assert len(shown[1]) == ImageFile.objects.count() == 2
    images = Event.objects.filter(subject=f"product:{copy.pk}").latest("id").data["product"]["images"]
    assert [image["alt"] for image in images] == ["Front", ""]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_refused_copy_leaves_nothing(is_known: bool):
    product = make_product("A" * MAX_SKU_LENGTH)
    events = recorded()

    with pytest.raises(InvalidSku if is_known else ProductNotFound):
        services.duplicate_product(product_id=product.pk if is_known else 0, name="Lamp (copy)")

    assert Product.objects.count() == 1
    assert recorded() == events
