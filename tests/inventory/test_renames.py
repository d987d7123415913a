"""Renamed SKUs and locations: their levels are announced under the new name, and nobody who resumes misses them."""

from collections.abc import Callable

import orjson
import pytest

from inventory import services
from inventory.messages import Subscribe, parse
from inventory.models import StockLevel
from inventory.snapshots import read_snapshot
from pms_backend.api.renderers import to_json
from pms_backend.events.models import Event, head_sequence
from pms_backend.events.services import relay_pending
from pms_backend.operations.audit import find_mismatches
from products import services as products
from products.models import Product, Variant
from tests.factories import make_location, make_product, set_stock

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture(autouse=True)
def _stock() -> None:
    for code in ("main", "back"):
        make_location(code)
    for sku in ("A-1", "B-1"):
        make_product(sku)
        for code in ("main", "back"):
            set_stock(sku, code, 10)
    services.update_level(sku="A-1", location="back", values={"reorder_point": 2})


def rename_sku() -> None:
    variant = Variant.objects.get(sku="A-1")
    products.update_product(product_id=variant.product_id, data={"variants": [{"id": variant.pk, "sku": "A-2"}]})


def rename_location() -> None:
    services.update_location(code="main", values={"code": "hall"})


RENAMES: dict[str, tuple[Callable[[], None], list[str]]] = {
    "sku": (rename_sku, ["level:back/A-2", "level:main/A-2"]),
    "location": (rename_location, ["level:hall/A-1", "level:hall/B-1"]),
}


def resumed(after: int) -> list[str]:
    """The levels in the snapshot of a resumed subscription."""
    subscribe = parse(to_json({"action": "subscribe", "all": True, "after": after}).decode())
    assert isinstance(subscribe, Subscribe)
    levels = orjson.loads(read_snapshot(subscribe).levels)
    return sorted(f"level:{level['location']}/{level['sku']}" for level in levels)


@pytest.mark.parametrize("renamed", RENAMES)
def test_each_level_is_announced_once_under_its_new_name(renamed: str) -> None:
    rename, subjects = RENAMES[renamed]
    before = Event.objects.latest("id").pk
    versions = dict(StockLevel.objects.values_list("pk", "version"))

    rename()

    announced = Event.objects.filter(pk__gt=before, type="stock.changed").order_by("id")
    assert sorted(event.subject for event in announced) == subjects
    assert [event.data["movement"] for event in announced] == [None, None]
    assert sorted(
        new - versions[pk] for pk, new in StockLevel.objects.values_list("pk", "version")
    ) == [0, 0, 1, 1]  # fmt: skip
    assert find_mismatches() == []


@pytest.mark.parametrize("renamed", RENAMES)
@pytest.mark.parametrize("is_changed_before", [True, False])
def test_a_resumed_socket_gets_changes_under_the_old_name(renamed: str, is_changed_before: bool) -> None:
    rename, subjects = RENAMES[renamed]
    relay_pending()
    after = head_sequence()

    if is_changed_before:
        services.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")
    rename()
    relay_pending()

    assert resumed(after) == subjects


def test_a_change_without_a_new_name_announces_no_level() -> None:
    product = Product.objects.get(variants__sku="A-1")
    before = Event.objects.latest("id").pk

    products.update_product(product_id=product.pk, data={"variants": [{"sku": "A-1", "name": "Small"}]})
    services.update_location(code="main", values={"name": "Hall"})

    assert not Event.objects.filter(pk__gt=before, type="stock.changed").exists()
