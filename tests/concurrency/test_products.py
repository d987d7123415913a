"""Many requests change one product: no write is lost, and each response is right."""

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction
from django.utils import timezone

from products import services
from products.exceptions import CategoryCycle, VersionConflict
from products.models import Category, Product, Variant
from tests.concurrency.threads import at_once
from tests.conftest import ClientWith, JSONClient
from tests.factories import make_product
from tests.products.recorded import recorded

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]

PRODUCTS = "/api/v1/products/"


def writers(client_with: ClientWith, count: int) -> list[JSONClient]:
    """With keys that are known already."""
    clients = [client_with(["products:read", "products:write"]) for _ in range(count)]
    for client in clients:
        client.get(PRODUCTS)
    return clients


def test_of_two_creators_of_one_sku_in_two_cases_one_gets_a_conflict(client_with: ClientWith):
    first, second = writers(client_with, 2)

    for number in range(5):
        jobs = [
            partial(client.post, PRODUCTS, {"name": f"{sku} {number}", "variants": [{"sku": f"{sku}-{number}"}]})
            for client, sku in ((first, "straße"), (second, "STRASSE"))
        ]
        answers = at_once(jobs)

        assert sorted(answer.status_code for answer in answers) == [201, 409]
        assert [one.json()["code"] for one in answers if one.status_code == 409] == ["sku_taken"]
    assert Product.objects.count() == Variant.objects.count() == len(recorded()) == 5


def test_of_two_editors_with_the_same_version_the_second_is_refused_and_the_first_is_whole():
    lamp = make_product("A-1")
    edits = [{"name": "One", "brand": "One", "tags": ["one"]}, {"name": "Two", "brand": "Two", "tags": ["two"]}]

    results = at_once(
        [partial(services.update_product, product_id=lamp.pk, data=edit, expected_version=1) for edit in edits]
    )

    refused = [isinstance(result, VersionConflict) for result in results]
    assert sorted(refused) == [False, True]
    lamp.refresh_from_db()
    winner = edits[refused.index(False)]
    assert {"name": lamp.name, "brand": lamp.brand, "tags": lamp.tags} == winner
    assert (lamp.version, len(recorded())) == (2, 2)


def test_without_the_lock_both_editors_would_win():
    """What the test above would see of read, compare, save: the race is real."""
    lamp = make_product("A-1")
    read_by_both = threading.Barrier(2, timeout=30)

    def naive(name: str) -> None:
        with transaction.atomic():
            product = Product.objects.get(pk=lamp.pk)
            read_by_both.wait()
            assert product.version == 1
            Product.objects.filter(pk=product.pk).update(name=name, version=product.version + 1)

    assert at_once([partial(naive, "One"), partial(naive, "Two")]) == [None, None]
    lamp.refresh_from_db()
    assert lamp.version == 2


WRITES = {
    "replace": lambda pk, version: services.replace_product(
        product_id=pk, data={"name": "Other", "variants": [{"sku": "A-1"}]}, expected_version=version
    ),
    "publish": lambda pk, version: services.publish_product(product_id=pk, expected_version=version),
    "unpublish": lambda pk, version: services.unpublish_product(product_id=pk, expected_version=version),
    "archive": lambda pk, version: services.archive_product(product_id=pk, expected_version=version),
    "restore": lambda pk, version: services.restore_product(product_id=pk, expected_version=version),
    "update_variant": lambda pk, version: services.update_variant(
        variant_id=Variant.objects.get(product=pk).pk, data={"name": "Red"}, expected_version=version
    ),
}


@pytest.mark.parametrize("write", WRITES)
def test_every_write_compares_the_version(write: str):
    lamp = make_product("A-1")

    with pytest.raises(VersionConflict) as refusal:
        WRITES[write](lamp.pk, 2)

    assert refusal.value.code == "version_conflict"
    lamp.refresh_from_db()
    assert (lamp.version, lamp.name, lamp.status, len(recorded())) == (1, "Lamp", "draft", 1)
    WRITES[write](lamp.pk, 1)


def test_two_that_swap_the_skus_of_one_product_at_once_end_in_one_order():
    lamp = make_product(variants=[{"sku": "A-1"}, {"sku": "A-2"}])
    first, second = lamp.variants.order_by("pk").values_list("pk", flat=True)
    swaps = [
        {"variants": [{"id": first, "sku": "A-2"}, {"id": second, "sku": "A-1"}]},
        {"variants": [{"id": second, "sku": "A-2"}, {"id": first, "sku": "A-1"}]},
    ]

    results = at_once([partial(services.update_product, product_id=lamp.pk, data=swap) for swap in swaps * 3])

    assert [result for result in results if isinstance(result, Exception)] == []
    assert sorted(lamp.variants.values_list("sku_key", flat=True)) == ["a-1", "a-2"]


def test_two_sweeps_publish_each_product_once():
    for number in range(20):
        lamp = make_product(f"A-{number}")
        services.publish_product(product_id=lamp.pk, publish_at=timezone.now() + timedelta(hours=1))
    Product.objects.update(publish_at=timezone.now())
    before = len(recorded())

    results = at_once([services.publish_due_products] * 4)

    assert sum(result for result in results if isinstance(result, int)) == 20
    assert [kind for kind, _ in recorded()[before:]] == ["product.published"] * 20


def test_moves_at_once_make_no_cycle():
    one, two = services.create_category(name="One"), services.create_category(name="Two")

    def move(slug: str, under: str) -> Category:
        category, parent = Category.objects.get(slug=slug), Category.objects.get(slug=under)
        return services.update_category(category=category, parent=parent)

    results = at_once([partial(move, one.slug, two.slug), partial(move, two.slug, one.slug)])

    assert sorted(type(result).__name__ for result in results) == ["Category", CategoryCycle.__name__]
