"""Export and import undo each other: into the same database nothing changes, out of another comes the same file."""

from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from inventory.models import StockLevel
from pms_backend.events.models import Event
from products import services as products
from products.models import ImageFile, Product, ProductImage, Variant
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.pms_integration.files.importing import APPAREL, counts, exported, imported

pytestmark = pytest.mark.django_db

FORMATS = ["csv", "jsonl"]


def options(*names_and_values: tuple[str, list[str]]) -> list[dict[str, object]]:
    return [{"name": name, "values": values} for name, values in names_and_values]


def everything() -> None:
    """Whatever a catalogue can hold that is hard to write down."""
    make_location("main")
    top = products.create_category(name="Möbel & more", slug="moebel")
    inner = products.create_category(name="Lamps", slug="lamps", parent=top)
    products.create_category(name="Lamps", slug="other-lamps", parent=top)
    make_product("plain", name="Plain", category="moebel", weight_grams=0, barcode="4006381333931", status="active")
    make_product(
        "A/1 x", name='Quotes " and, commas', description="<p>Two\nlines &amp; <b>bold</b></p>", brand="Ünïcode 日本",
        tags=["a, b", "back\\slash", "plain", '"quoted"'], category=inner.slug,
        attributes={"product_type": " lamp ", "watts": 40}, cost="3.10", compare_at_price="20.00",
    )  # fmt: skip
    make_product(
        "odd", name="=1+1", description="no markup: 3 < 4 & so on \r\n ", brand="'-x", handle="-odd", price=None
    )
    make_product("raw", name="Raw", description="<p onclick=x>never sanitised<script>x</script>", currency="EUR")
    make_product(
        "S-1", name="Shirt", handle="shirt", options=options(("Size", ["S", "M", "L"]), ("Colour", ["Red", "@home"])),
        variants=[
            {"sku": "S-2", "options": {"Size": "M", "Colour": "Red"}, "price": "1.00", "position": 7},
            {"sku": "S-1", "options": {"Size": "S", "Colour": "@home"}, "price": "2.00", "position": 3},
            {"sku": "S-3", "options": {"Size": "S", "Colour": "Red"}, "price": "3.50", "position": 9},
        ],
    )  # fmt: skip
    make_product(
        "many", name="Many options", options=options(*((f"O{n}", ["x"]) for n in range(5))),
        variants=[{"sku": "many", "options": {f"O{n}": "x" for n in range(5)}}],
    )  # fmt: skip
    make_product("gone", name="Gone", status="archived")
    Variant.objects.filter(sku="S-3").update(is_archived=True)
    set_stock("S-1", "main", 12)
    set_stock("plain", "main", 0)
    shirt = Product.objects.get(handle="shirt")
    add_images(shirt, 5)
    add_images(Product.objects.get(handle="plain"), 1)


def add_images(product: Product, count: int) -> None:
    for number in range(count):
        url = f"https://pictures.example/{product.handle}/{number}.jpg?a=1,2"
        ProductImage.objects.create(
            product=product, source_url=url, alt=f'-{number} "alt"', position=number * 2, status="pending"
        )


def empty_catalogue() -> None:
    """As a fresh database, but for the key of the caller and the place."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in (
            "inventory_stockmovement", "inventory_stocklevel", "products_productimage", "products_variant",
            "products_product", "products_category", "events_event",
        ):  # fmt: skip
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def apparel_fills(api: JSONClient) -> Callable[[], None]:
    def fill() -> None:
        make_location("main")
        imported(api, APPAREL.read_bytes())

    return fill


@pytest.fixture(params=["everything", "apparel"])
def _catalogue(request: pytest.FixtureRequest, api: JSONClient) -> None:
    if request.param == "everything":
        everything()
    elif APPAREL.exists():
        apparel_fills(api)()
    else:
        pytest.skip("SAMPLE_DATA_DIR names no folder with Shopify's sample")


def state() -> list[object]:
    return [
        list(Product.objects.order_by("id").values()),
        list(Variant.objects.order_by("id").values()),
        list(ProductImage.objects.order_by("id").values()),
        list(StockLevel.objects.order_by("id").values("id", "on_hand", "version")),
        Event.objects.exclude(type="import.finished").count(),
    ]


@pytest.mark.usefixtures("_catalogue")
@pytest.mark.parametrize("format", FORMATS)
def test_into_the_same_database_it_changes_nothing(api: JSONClient, format: str):
    content, before = exported(api, format), state()

    job = imported(api, content, f"products.{format}")

    assert (job["errors"], job["warnings"]) == ([], [])
    assert counts(job) == {"unchanged": Product.objects.exclude(status="archived").count()}
    assert state() == before
    assert exported(api, format) == content


@pytest.mark.usefixtures("_catalogue")
@pytest.mark.parametrize("format", FORMATS)
def test_into_an_empty_database_and_out_again_it_is_the_same_file(api: JSONClient, format: str):
    content = exported(api, format)
    count = Product.objects.exclude(status="archived").count()
    empty_catalogue()

    job = imported(api, content, f"products.{format}")

    assert (job["errors"], counts(job)) == ([], {"created": count})
    assert exported(api, format) == content


def test_a_spreadsheet_evaluates_nothing_in_an_export(api: JSONClient):
    everything()

    text = exported(api).decode()

    assert "\n'-odd,'=1+1," in text
    assert ",''-x," in text
    assert "'@home" in text


def test_a_picture_of_our_own_is_found_by_its_url(api: JSONClient):
    product = make_product("A-1")
    default_storage.save("images/a.png", ContentFile(b"x"))
    file = ImageFile.objects.create(sha256="0" * 64, file="images/a.png", width=1, height=1, size_bytes=1)
    ProductImage.objects.create(product=product, image_file=file, alt="A lamp", position=1)
    content = exported(api)

    job = imported(api, content)

    assert b"http://testserver/" in content
    assert counts(job) == {"unchanged": 1}
    assert ProductImage.objects.count() == 1


def test_an_export_has_no_column_that_its_reader_may_not_see(client_with):
    make_location("main")
    make_product("A-1", cost="3.00")
    set_stock("A-1", "main", 5)

    lines = exported(client_with(["products:read"])).decode().splitlines()

    assert "Cost per item" not in lines[0]
    assert "Variant Inventory Qty" not in lines[0]
    assert b'"cost"' not in exported(client_with(["products:read"]), "jsonl")


def test_a_location_is_for_those_who_may_read_stock(client_with):
    make_location("main")
    make_location("other", priority=1)
    make_product("A-1")
    set_stock("A-1", "main", 5)
    keeper = client_with(["products:read", "inventory:read"])

    refused = client_with(["products:read"]).get("/api/v1/products/export/", {"location": "main"})
    unknown = keeper.get("/api/v1/products/export/", {"location": "nowhere"})

    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_location")
    assert b",5," in exported(keeper, location="main")
    assert b",5," not in exported(keeper)


def test_another_format_is_refused(api: JSONClient):
    answer = api.get("/api/v1/products/export/", {"format": "xlsx"})

    assert (answer.status_code, answer["Content-Type"]) == (422, "application/problem+json")
    assert answer.json()["errors"][0]["pointer"] == "/format"


def test_storefronts_get_no_export(client_with):
    assert client_with(["products:read"], tier="storefront").get("/api/v1/products/export/").status_code == 403


def test_an_export_reads_the_catalogue_in_chunks(api: JSONClient, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("pms_integration.files.exports.EXPORT_CHUNK", 3)
    for number in range(8):
        make_product(f"A-{number}", name=f"Lamp {number}")
    api.get("/api/v1/products/export/")

    with django_assert_max_num_queries(4 + 4 * 4):
        lines = exported(api).decode().splitlines()

    assert [line.split(",")[1] for line in lines[1:]] == [f"Lamp {number}" for number in range(8)]
