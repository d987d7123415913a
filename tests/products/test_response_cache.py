"""The response cache: which callers share a response, how long it lives, and which changes invalidate it."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_redis import get_redis_connection
from prometheus_client import REGISTRY

from inventory import services as inventory
from inventory.models import StockLevel
from pms_backend.api import cache_generations, redis_script, response_cache
from pms_backend.events.services import relay_pending
from products import services
from products.models import Category, Product
from products.views.products import ProductViewSet
from tests.factories import make_location, make_product, make_variant, report_stock, set_stock
from tests.machine import is_within

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS = "/api/v1/products/"
COUNTED = ("hit", "miss", "wait", "skip", "error")


def counts() -> dict[str, float]:
    return {kind: REGISTRY.get_sample_value("pms_response_cache_total", {"result": kind}) or 0 for kind in COUNTED}


class Counted:
    """`with Counted() as counted:` … `counted.differences`: the number of lookups by result."""

    def __enter__(self) -> "Counted":
        self._before = counts()
        return self

    def __exit__(self, *_: object) -> None:
        after = counts()
        self.differences = {
            kind: after[kind] - self._before[kind] for kind in COUNTED if after[kind] != self._before[kind]
        }


def test_many_small_responses_are_held_within_the_bound(monkeypatch):
    monkeypatch.setattr(response_cache, "MAX_HELD_BYTES", 10_000)
    held = response_cache._HeldResponses()
    empty = response_cache.CachedResponse('"1"', b"")

    for number in range(100):
        held.hold(f"{number}", b"", empty)
        held.hold(f"{number}", b"", empty)
        assert len(held._copies) <= 20


@pytest.fixture
def lamp() -> Any:
    make_location("main")
    product = make_product("A-1")
    set_stock("A-1", "main", 5)
    return product


def cached_keys() -> list[bytes]:
    """The keys of cached responses; a key with one more colon is the lock of a reader that makes one."""
    return [key for key in get_redis_connection("default").keys("pms:response:*") if key.count(b":") == 2]


def detail(product: Any) -> str:
    return f"{PRODUCTS}{product.pk}/"


@pytest.mark.parametrize("is_list", [True, False])
def test_the_second_reader_gets_the_same_bytes_without_a_query(reader, lamp, is_list):
    url = PRODUCTS if is_list else detail(lamp)
    first = reader.get(url)

    with Counted() as counted, CaptureQueriesContext(connection) as queries:
        second = reader.get(url)

    assert (second.content, second["ETag"], second["Content-Type"]) == (
        first.content,
        first["ETag"],
        "application/json",
    )
    assert len(queries) == 0
    assert counted.differences == {"hit": 1}


def test_a_cached_response_can_be_304(reader, lamp):
    etag = reader.get(detail(lamp))["ETag"]

    with CaptureQueriesContext(connection) as queries:
        response = reader.get(detail(lamp), headers={"If-None-Match": etag})

    assert (response.status_code, response["ETag"], len(queries)) == (304, etag, 0)


def test_no_cache_skips_the_lookup_and_stores_a_new_response(reader, lamp):
    reader.get(detail(lamp))
    # Without invalidation, so that only a read of the database sees it.
    type(lamp).objects.filter(pk=lamp.pk).update(name="Behind")

    with Counted() as counted:
        names = [
            reader.get(detail(lamp), headers=headers).json()["name"]
            for headers in ({}, {"Cache-Control": "max-age=0, No-Cache"}, {})
        ]

    assert names == ["Lamp", "Behind", "Behind"]
    assert counted.differences == {"hit": 2, "skip": 1}


def test_callers_with_different_visibility_share_no_response(editor, reader, storefront, lamp):
    services.publish_product(product_id=lamp.pk)
    shown = [client.get(detail(lamp)).json()["variants"][0] for client in (editor, reader, storefront) * 2]

    assert shown[:3] == shown[3:]
    assert ["cost" in variant for variant in shown[:3]] == [True, False, False]
    assert ["on_hand" in variant["stock"] for variant in shown[:3]] == [True, True, False]


def test_callers_with_the_same_visibility_share_responses(client_with, lamp):
    client_with(["products:read"]).get(detail(lamp))

    with Counted() as counted:
        client_with(["products:read"]).get(detail(lamp))

    assert counted.differences == {"hit": 1}


def test_the_order_of_parameters_does_not_matter_and_their_values_do(reader, lamp):
    reader.get(PRODUCTS, {"brand": "", "page_size": 1})

    with Counted() as counted:
        reader.get(PRODUCTS, {"page_size": 1, "brand": ""})
        reader.get(PRODUCTS, {"page_size": 2, "brand": ""})

    assert counted.differences == {"hit": 1, "miss": 1}


def test_a_page_links_to_the_host_that_was_asked(reader, lamp, settings):
    settings.ALLOWED_HOSTS = ["one", "two"]
    make_product("A-2")

    links = [reader.get(PRODUCTS, {"page_size": 1}, HTTP_HOST=host).json()["next"] for host in ("one", "two")]

    assert [link.split("/")[2] for link in links] == ["one", "two"]


def test_an_error_is_not_cached_and_leaves_no_lock(reader, lamp):
    for _ in range(2):
        assert reader.get(f"{PRODUCTS}999999/").status_code == 404
        assert reader.get(PRODUCTS, {"unknown": 1}).status_code == 422

    assert not get_redis_connection("default").keys("pms:response:*")


def test_a_response_that_is_too_large_is_not_cached(reader, lamp, monkeypatch):
    monkeypatch.setattr(response_cache, "MAX_CACHED_BYTES", len(reader.get(detail(lamp)).content) - 1)
    services.update_product(product_id=lamp.pk, data={"brand": "Alder"})

    with Counted() as counted:
        reader.get(detail(lamp))
        reader.get(detail(lamp))

    assert counted.differences == {"miss": 2}


def test_a_read_within_a_transaction_is_not_cached(reader, lamp):
    with transaction.atomic(), Counted() as counted:
        reader.get(detail(lamp))
        reader.get(detail(lamp))

    assert counted.differences == {"skip": 2}


def test_every_key_expires(reader, lamp):
    reader.get(detail(lamp))
    reader.get(PRODUCTS)
    services.update_product(product_id=lamp.pk, data={"brand": "Alder"})
    redis = get_redis_connection("default")

    keys = [key for kind in ("response", "generation") for key in redis.keys(f"pms:{kind}:*")]

    assert len(keys) >= 5
    assert all(0 < redis.ttl(key) <= cache_generations.CACHE_SECONDS for key in keys)


def test_a_lost_token_never_comes_back(reader, lamp):
    reader.get(detail(lamp))
    redis = get_redis_connection("default")
    key = cache_generations.key_of(f"product:{lamp.pk}")
    before = redis.get(key)
    redis.delete(key)

    with Counted() as counted:
        reader.get(detail(lamp))

    assert counted.differences == {"miss": 1}
    assert redis.get(key) not in (None, before)


CHANGES: dict[str, Callable[[Any], object]] = {
    "edit": lambda lamp: services.update_product(product_id=lamp.pk, data={"name": "Lantern"}),
    "publish": lambda lamp: services.publish_product(product_id=lamp.pk),
    "variant": lambda lamp: make_variant("A-9", product=lamp),
    "bulk": lambda lamp: services.upsert_products(
        rows=[(0, {"name": "Bulk", "variants": [{"sku": "A-1"}]})],
    ),
    "adjustment": lambda _: inventory.adjust_stock(sku="a-1", location="main", delta=1, reason="receipt"),
    "count": lambda _: set_stock("A-1", "main", 77),
    "first count": lambda _: set_stock("A-1", "second", 3),
    "bulk adjustment": lambda _: inventory.adjust_stock_in_bulk(
        rows=[inventory.Adjustment(index=0, sku="A-1", location="main", delta=1, reason="receipt")]
    ),
    "bulk count": lambda _: inventory.count_stock_in_bulk(
        rows=[inventory.Count(index=0, sku="A-1", location="main", on_hand=78)]
    ),
    "category": lambda _: services.update_category(category=Category.objects.get(), slug="lights"),
}


@pytest.fixture
def furnished(lamp) -> Any:
    make_location("second")
    services.create_category(name="Lamps", slug="lamps")
    services.update_product(product_id=lamp.pk, data={"category": "lamps"})
    return lamp


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("is_list", [True, False])
def test_the_next_reader_sees_a_change(reader, furnished, change, is_list):
    url = PRODUCTS if is_list else detail(furnished)
    before = reader.get(url)
    assert reader.get(url).content == before.content

    CHANGES[change](furnished)

    after = reader.get(url)
    assert after["ETag"] != before["ETag"]
    assert after.content == reader.get(url, headers={"Cache-Control": "no-cache"}).content


def test_a_closed_location_does_not_count_in_any_response(reader, lamp):
    make_location("second")
    set_stock("A-1", "second", 2)
    set_stock("A-1", "second", 0)
    urls = (PRODUCTS, detail(lamp))
    before = [reader.get(url)["ETag"] for url in urls]

    with Counted() as counted:
        inventory.update_location(code="second", values={"is_active": False})
        after = [reader.get(url)["ETag"] for url in urls]

    # The sums are the same, since a location that holds stock stays open; the answers were made anew.
    assert (after, counted.differences) == (before, {"miss": 2})


def test_a_repaired_level_is_seen(reader, lamp):
    level = StockLevel.objects.get()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = 'replica'")
        cursor.execute("UPDATE inventory_stocklevel SET on_hand = 50")
        cursor.execute("SET session_replication_role = 'origin'")
    assert reader.get(detail(lamp)).json()["variants"][0]["stock"]["on_hand"] == 50

    inventory.repair_level(level_id=level.pk)

    assert reader.get(detail(lamp)).json()["variants"][0]["stock"]["on_hand"] == 5


def test_a_change_of_one_product_leaves_the_others_cached(reader, lamp):
    other = make_product("A-2")
    reader.get(detail(other))

    with Counted() as counted:
        inventory.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")
        services.update_product(product_id=lamp.pk, data={"name": "Lantern"})
        reader.get(detail(other))

    assert counted.differences == {"hit": 1}


def test_a_change_of_many_products_replaces_one_token(lamp):
    names = [f"product:{number}" for number in range(10_000)]

    assert cache_generations.widened([*names, "stock"]) == {"product", "stock"}
    assert cache_generations.widened(names[: cache_generations.MAX_MEMBERS]) == set(
        names[: cache_generations.MAX_MEMBERS]
    )


def test_a_bulk_over_many_products_is_seen_in_each(reader, lamp):
    skus = [f"B-{number}" for number in range(cache_generations.MAX_MEMBERS + 1)]
    last = [make_product(sku) for sku in skus][-1]
    reader.get(detail(last))

    inventory.count_stock_in_bulk(
        rows=[
            inventory.Count(index=index, sku=sku, location="main", on_hand=9)
            for index, sku in enumerate(["A-1", *skus])
        ]
    )

    assert reader.get(detail(last)).json()["variants"][0]["stock"]["on_hand"] == 9
    words = get_redis_connection("default").keys("pms:generation:product:*")
    assert len(words) <= len(skus) + 1


def read_until_cached(reader, product: Product) -> None:
    """Reads the list and the product until both are cached: on a busy machine Redis may be too slow once."""
    for _ in range(10):
        with Counted() as counted:
            reader.get(PRODUCTS)
            reader.get(detail(product))
        if counted.differences == {"hit": 2}:
            return
    pytest.fail("Nothing is cached.")


@pytest.mark.parametrize("what", ["product", "stock", "location", "category"])
def test_the_relay_replaces_tokens_again(reader, furnished, what, monkeypatch):
    relay_pending()
    with monkeypatch.context() as patch:
        patch.setattr(cache_generations, "replacement_commands", lambda _: [])
        read_until_cached(reader, furnished)
        if what == "product":
            services.update_product(product_id=furnished.pk, data={"name": "Lantern"})
        elif what == "stock":
            inventory.adjust_stock(sku="A-1", location="main", delta=1, reason="receipt")
        elif what == "location":
            inventory.update_location(code="second", values={"is_active": False})
        else:
            services.update_category(category=Category.objects.get(), slug="lights")
        with Counted() as counted:
            reader.get(PRODUCTS)
            reader.get(detail(furnished))
        assert counted.differences == {"hit": 2}

    relay_pending()

    with Counted() as counted:
        reader.get(PRODUCTS)
        reader.get(detail(furnished))
    assert counted.differences == {"miss": 2}


def test_a_report_of_a_pms_is_seen(reader, lamp):
    before = reader.get(detail(lamp)).json()["variants"][0]["stock"]["on_hand"]
    level = StockLevel.objects.get()
    key = (level.variant_id, level.location_id)
    report_stock(
        inventory.ReportedChange(level=key, delta=3, occurred_at=timezone.now(), reason="receipt", source="demo:1:0")
    )

    assert reader.get(detail(lamp)).json()["variants"][0]["stock"]["on_hand"] == before + 3


@pytest.fixture
def filler(reader, lamp, monkeypatch) -> Iterator[threading.Event]:
    """A concurrent reader in the middle of its database read; it continues once the event is set."""
    go_on, has_begun = threading.Event(), threading.Event()
    original = ProductViewSet._product

    def slowly(view: ProductViewSet, product_id: int, *fields: str) -> Any:
        if threading.current_thread() is thread:
            has_begun.set()
            go_on.wait(10)
        return original(view, product_id, *fields)

    def read() -> None:
        client = type(reader)()
        client.credentials(**reader._credentials)
        client.get(detail(lamp))
        connections.close_all()

    monkeypatch.setattr(ProductViewSet, "_product", slowly)
    reader.get(PRODUCTS)
    thread = threading.Thread(target=read)
    thread.start()
    assert has_begun.wait(10)
    yield go_on
    go_on.set()
    thread.join()


def test_a_concurrent_reader_waits_for_the_response_of_the_first(reader, lamp, filler, monkeypatch):
    def until_it_is_there(_: float) -> None:
        filler.set()
        deadline = time.monotonic() + 5
        while len(cached_keys()) < 2 and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(0.02)

    monkeypatch.setattr(response_cache, "sleep", until_it_is_there)
    with CaptureQueriesContext(connection) as queries, Counted() as counted:
        response = reader.get(detail(lamp))

    assert (response.status_code, len(queries)) == (200, 0)
    assert counted.differences == {"wait": 1}


def test_a_reader_that_waited_too_long_reads_the_database_without_caching(reader, lamp, filler):
    with Counted() as counted:
        began = time.perf_counter()
        response = reader.get(detail(lamp))
        seconds = time.perf_counter() - began

    assert response.json()["name"] == "Lamp"
    assert seconds > response_cache.WAIT_SECONDS / 4
    assert is_within(seconds, response_cache.WAIT_SECONDS + 0.5)
    assert counted.differences == {"miss": 1}
    assert len(cached_keys()) == 1  # of the list


def test_the_lock_of_a_reader_that_dies_expires_soon(reader, lamp, filler):
    redis = get_redis_connection("default")
    (lock,) = set(redis.keys("pms:response:*")) - set(cached_keys())

    assert 0 < redis.pttl(lock) <= redis_script.FILL_MILLISECONDS


def test_a_reader_of_an_old_state_delays_nobody(reader, lamp, filler):
    services.update_product(product_id=lamp.pk, data={"name": "Lantern"})

    with Counted() as counted:
        assert reader.get(detail(lamp)).json()["name"] == "Lantern"

    assert counted.differences == {"miss": 1}
    filler.set()
    assert reader.get(detail(lamp)).json()["name"] == "Lantern"
