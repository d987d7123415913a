"""`load_sample_data` loads a catalogue once, and renews the credentials every time."""

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from inventory.models import Location, StockLevel, StockMovement
from pms_backend.access.authentication import caller_of_key
from pms_backend.access.models import INTERNAL_TIER, ApiClient
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.operations.audit import find_mismatches
from pms_backend.operations.sample_data.loading import FOLDER, rows_of
from pms_integration.models import PMSConnection
from products import services as products
from products.barcodes import check_barcode
from products.exceptions import PublishRulesFailed
from products.models import Category, Product, ProductStatus, Variant
from tests.operations.loading import rows, run
from tests.pms_integration.files.importing import counts, imported

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def credentials(django_db_setup, django_db_blocker):
    """The result of a first run; its data exist in all the tests of this module that ask for it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield run()
        transaction.set_rollback(True)


def test_the_catalogue_has_at_least_200_products_most_of_them_active(credentials):
    of = {status: Product.objects.filter(status=status).count() for status in ProductStatus}

    assert sum(of.values()) == len(list(rows_of("products"))) >= 200
    assert 500 <= Variant.objects.count() <= 700
    assert (of["draft"], of["archived"]) == (6, 2)


def test_the_catalogue_is_a_file_that_an_import_reads(credentials, api):
    content = (FOLDER / "products.jsonl").read_bytes()

    job = imported(api, content, "products.jsonl")

    assert counts(job) == {"unchanged": Product.objects.count()}
    assert job["warnings"] == []


def test_the_category_tree_has_three_levels_and_a_place_for_every_product(credentials):
    assert Category.objects.count() >= 10
    assert Category.objects.filter(parent__parent__isnull=False, parent__parent__parent__isnull=True).exists()
    assert not Category.objects.filter(parent__parent__parent__isnull=False).exists()
    assert not Product.objects.filter(category=None).exists()


def test_every_barcode_is_a_gtin_13_for_internal_use(credentials):
    barcodes = list(Variant.objects.values_list("barcode", flat=True))

    assert len(set(barcodes)) == len(barcodes)
    assert all(len(barcode) == 13 and 200 <= int(barcode[:3]) <= 299 for barcode in barcodes)
    for barcode in barcodes:
        check_barcode(barcode)


def test_prices_cover_costs(credentials):
    priced = Variant.objects.exclude(price=None)

    assert all(0 < variant.cost < variant.price for variant in priced)
    assert all(variant.compare_at_price > variant.price for variant in priced.exclude(compare_at_price=None))


def test_a_draft_without_a_price_cannot_be_published(credentials):
    drafts = Product.objects.filter(status=ProductStatus.DRAFT, variants__price=None).distinct()

    assert len(drafts) == 5
    for draft in drafts:
        with pytest.raises(PublishRulesFailed):
            products.publish_product(product_id=draft.pk)


def test_there_are_three_locations_of_which_main_is_the_first(credentials):
    assert list(Location.objects.values_list("code", "priority")) == [("main", 10), ("east", 20), ("shop", 30)]
    assert all(Location.objects.values_list("address", flat=True))


def test_the_opening_stock_is_explained_by_the_ledger(credentials):
    movements = StockMovement.objects.all()

    assert find_mismatches() == []
    assert set(movements.values_list("reason", "note", "actor", "request_id")) == {
        ("count", "Opening stock", "system", "load_sample_data")
    }
    for code in ("main", "east", "shop"):
        levels = StockLevel.objects.filter(location__code=code)
        assert levels.filter(on_hand__gt=0).exists()
        assert levels.filter(on_hand=0).exists()
    assert StockLevel.objects.filter(reorder_point__gt=0).count() > 20


def test_the_connection_demo_maps_all_locations_and_owns_the_stock_of_main(credentials):
    connection = PMSConnection.objects.get()

    assert (connection.slug, connection.kind) == ("demo", "standard")
    assert set(connection.locations.values_list("location__code", "external_id", "owns_stock")) == {
        ("main", "main", True),
        ("east", "east", False),
        ("shop", "shop", False),
    }


def test_the_credentials_work(credentials):
    caller = caller_of_key(credentials["api_key"])
    admin = User.objects.get(username=credentials["admin"]["username"])

    assert set(credentials) == {"admin", "api_key", "pms"}
    assert caller is not None
    assert (caller.actor, caller.tier, caller.scopes) == ("client:quickstart", INTERNAL_TIER, frozenset(ALL_SCOPES))
    assert admin.username == "admin"
    assert admin.check_password(credentials["admin"]["password"])
    assert admin.is_superuser
    assert admin.is_staff
    assert credentials["pms"] == {"connection": "demo", "webhook_secret": PMSConnection.objects.get().secret}


def test_a_second_run_changes_nothing_but_the_key_and_the_password(credentials):
    before = rows()

    again = run()

    assert rows() == before
    assert again["pms"] == credentials["pms"]
    assert caller_of_key(credentials["api_key"]) is None
    assert caller_of_key(again["api_key"]) is not None
    assert User.objects.get().check_password(again["admin"]["password"])
    assert ApiClient.objects.filter(name="quickstart", revoked_at=None).count() == 1
