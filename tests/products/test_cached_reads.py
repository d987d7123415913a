"""A cached read is answered without its view, and exactly as with it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

import orjson
import pytest
from django.utils import timezone
from django_redis import get_redis_connection
from prometheus_client import REGISTRY
from rest_framework.views import APIView

from pms_backend.access import key_cache, request_checks, services
from pms_backend.access.models import ApiClient
from pms_backend.api import redis_pipeline
from products.services import publish_product, update_product
from tests.conftest import JSONClient
from tests.factories import make_location, make_product, set_stock
from tests.outages import redis_down

pytestmark = pytest.mark.django_db(transaction=True)

PRODUCTS: Final = "/api/v1/products/"
LIMITS: Final = {"default.read": "50/minute", "storefront.read": "50/minute", "address": "1000/minute"}
CALLERS: Final[dict[str, dict[str, Any]]] = {
    "reader": {"scopes": ["products:read"]},
    "editor": {"scopes": ["products:read", "products:write"]},
    "shop": {"scopes": ["products:read"], "tier": "storefront"},
    "internal": {"scopes": ["products:read"], "tier": "internal"},
    "signing": {"scopes": ["products:read", "products:write"], "signing": True},
    "other": {"scopes": ["inventory:read"]},
}


@pytest.fixture
def keys() -> dict[str, str]:
    """The API keys of the callers."""
    return {name: services.create_api_client(name=name, **values).api_key for name, values in CALLERS.items()}


@pytest.fixture(autouse=True)
def lamp(settings: Any) -> Any:
    """A published product in stock."""
    settings.RATE_LIMITS = orjson.dumps(LIMITS).decode()
    make_location("main")
    product = make_product("A-1")
    publish_product(product_id=product.pk)
    set_stock("A-1", "main", 5)
    return product


@pytest.fixture
def run_views(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths whose views have run."""
    paths: list[str] = []
    dispatch = APIView.dispatch

    def noting(view: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        paths.append(request.path)
        return dispatch(view, request, *args, **kwargs)

    monkeypatch.setattr(APIView, "dispatch", noting)
    return paths


@contextmanager
def nothing_known() -> Iterator[None]:
    """Requests of callers that the key cache does not know beforehand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_checks, "_expected", lambda _: None)
        yield


@contextmanager
def exchanges() -> Iterator[list[int]]:
    """The number of commands of each exchange with Redis that was waited for."""
    counts: list[int] = []
    exchange = redis_pipeline._ThreadConnection.exchange

    def counting(connection: Any, data: bytes, count: int) -> list[Any]:
        counts.append(count)
        return exchange(connection, data, count)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(redis_pipeline._ThreadConnection, "exchange", counting)
        yield counts


# The path and headers of each request, and whether its view does not run.
WITHOUT_VIEW: Final = {
    "list": ("", {}),
    "page": ("?page_size=1", {}),
    "fields": ("?fields=id,name", {}),
    "search": ("?search=lamp&status=active", {}),
    "product": ("{pk}/", {}),
    "fields of a product": ("{pk}/?fields=id,variants.sku", {}),
    "variants": ("variants/", {}),
    "JSON is asked for": ("", {"Accept": "application/json"}),
    "nothing has changed": ("{pk}/", {"If-None-Match": "*"}),
    "another has changed": ("{pk}/", {"If-None-Match": '"7.abc"'}),
}
WITH_VIEW: Final = {
    "unknown parameter": ("?unknown=1", {}),
    "no product": ("999999/", {}),
    "HTML is asked for": ("", {"Accept": "text/html"}),
    "several types are asked for": ("", {"Accept": "text/html, */*;q=0.1"}),
    "format": ("?format=json", {}),
    "unknown format": ("?format=xml", {}),
    "no-cache": ("", {"Cache-Control": "no-cache"}),
    "not cached": ("categories/", {}),
}


def ask(method: str, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
    """All that the caller, the metrics, the log and the limits see of a request, and nothing that differs by chance."""
    redis = get_redis_connection("default")
    for key in redis.keys("pms:limit:*"):
        redis.delete(key)
    with counted() as differences, logged() as lines:
        response = JSONClient().generic(method, path, headers=headers)
    del response["X-Request-Id"]
    body = response.content
    if response.status_code >= 400 and body:
        body = {**orjson.loads(body), "request_id": ""}
    limits = {key: redis.llen(key) for key in redis.keys("pms:limit:*")}
    return response.status_code, dict(response.headers), body, limits, differences, lines


@contextmanager
def counted() -> Iterator[dict[str, float]]:
    """What requests and look-ups add to the metrics."""
    differences: dict[str, float] = {}
    before = _samples()
    yield differences
    differences.update({name: value - before.get(name, 0) for name, value in _samples().items()})
    for name in [name for name, difference in differences.items() if not difference]:
        del differences[name]


def _samples() -> dict[str, float]:
    names = ("pms_http_requests_total", "pms_response_cache_total", "pms_errors_total")
    return {
        f"{sample.name} {sorted(sample.labels.items())}": sample.value
        for metric in REGISTRY.collect() for sample in metric.samples if sample.name in names
    }  # fmt: skip


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """The members of the requests' log lines."""
    lines: list[dict[str, Any]] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            kept = ("path", "method", "route", "status", "bytes", "tier", "address", "actor")
            lines.append({name: getattr(record, name, None) for name in kept})

    handler = Collect()
    logger = logging.getLogger("pms.requests")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def compare(run_views: list[str], method: str, path: str, headers: dict[str, str]) -> bool:
    """Whether the request's view has not run where it may be left out; all that it answers is compared."""
    with nothing_known():
        for _ in range(2):
            usual = ask(method, path, headers)
    # Twice: what is known of the caller may have expired while the machine was busy.
    for _ in range(2):
        run_views.clear()
        assert ask(method, path, headers) == usual, (method, path, headers)
        if not run_views:
            return True
    return False


def test_it_is_the_same_response(keys, lamp, run_views):
    without_view = {
        name
        for name, (path, headers) in {**WITHOUT_VIEW, **WITH_VIEW}.items()
        if compare(run_views, "GET", PRODUCTS + path.format(pk=lamp.pk), {"X-Api-Key": keys["reader"], **headers})
    }

    assert without_view == set(WITHOUT_VIEW)


@pytest.mark.parametrize(
    ("limits", "method"),
    [
        ("", "HEAD"),
        ("off", "GET"),
        *(pytest.param(*pair, marks=pytest.mark.slow) for pair in (("", "GET"), ("off", "HEAD"))),
    ],
)
def test_it_is_the_same_with_any_limits_and_methods(keys, lamp, run_views, settings, limits, method):
    settings.RATE_LIMITS = limits
    sent = {"X-Api-Key": keys["reader"]}

    assert compare(run_views, method, f"{PRODUCTS}{lamp.pk}/", sent)
    assert compare(run_views, method, PRODUCTS, {**sent, "If-None-Match": "*"})
    assert not compare(run_views, method, f"{PRODUCTS}?unknown=1", sent)


def test_it_is_the_same_for_each_caller(keys, lamp, run_views):
    sent = {name: {"X-Api-Key": key} for name, key in keys.items()}
    sent["in the other header"] = {"Authorization": f"api-key {keys['reader']}"}
    sent["with a cookie"] = {"X-Api-Key": keys["reader"], "Cookie": "sessionid=1"}
    sent["anonymous"] = {}
    sent["wrong"] = {"X-Api-Key": "wrong.key"}
    sent["a token"] = {"Authorization": "Bearer a.b.c"}

    without_view = {
        name for name, headers in sent.items() if compare(run_views, "GET", f"{PRODUCTS}{lamp.pk}/", headers)
    }

    assert without_view == set(sent) - {"other", "anonymous", "wrong", "a token"}
    assert not compare(run_views, "DELETE", PRODUCTS, sent["reader"])
    assert not compare(run_views, "OPTIONS", PRODUCTS, sent["reader"])


@pytest.fixture
def read(keys, lamp) -> Callable[[], Any]:
    """The reader's request for the product, which is cached, as the reader is."""
    client = JSONClient(headers={"X-Api-Key": keys["reader"]})

    def get() -> Any:
        return client.get(f"{PRODUCTS}{lamp.pk}/")

    for _ in range(2):
        assert get().status_code == 200
    return get


def count_of(bucket: str) -> int:
    """The requests that Redis has counted."""
    redis = get_redis_connection("default")
    return sum(redis.llen(key) for key in redis.keys(f"pms:limit:{bucket}:*"))


def test_a_client_above_its_limit_is_refused(read, settings, run_views):
    settings.RATE_LIMITS = '{"default.read": "3/minute"}'
    run_views.clear()

    answers = [read() for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json()["code"] == "rate_limited"
    assert count_of("default.read") == 3


def test_an_address_above_its_limit_counts_nothing_else(read, settings, run_views):
    settings.RATE_LIMITS = '{"address": "3/minute"}'
    assert read().status_code == 200
    run_views.clear()

    assert read().status_code == 429
    assert (count_of("default.read"), run_views) == (3, [])


def test_a_revoked_key_is_refused_and_its_client_not_counted(read):
    services.revoke_api_client(client_id=ApiClient.objects.get(name="reader").public_id)

    assert read().status_code == 401
    assert count_of("default.read") == 2


def test_a_client_that_may_no_longer_read_is_refused(read):
    client = ApiClient.objects.get(name="reader")
    services.update_api_client(client_id=client.public_id, values={"scopes": ["inventory:read"]})

    assert read().status_code == 403


def test_an_expired_key_is_refused(read, monkeypatch):
    later = timezone.now() + timedelta(days=1)
    ApiClient.objects.filter(name="reader").update(expires_at=later - timedelta(seconds=1))
    key_cache._invalidate()
    assert read().status_code == 200
    # For the key cache alone: it must not pass on what it knows.
    monkeypatch.setattr(key_cache, "timezone", SimpleNamespace(now=lambda: later))
    with exchanges() as counts:
        read()

    assert len(counts) > 1


def test_a_new_generation_is_known_after_one_request_that_counts_once(read, run_views):
    key_cache._invalidate()
    run_views.clear()

    assert [read().status_code, len(run_views)] == [200, 1]
    assert [read().status_code, len(run_views)] == [200, 1]
    assert count_of("default.read") == 4


def test_a_change_is_seen(read, lamp, run_views):
    update_product(product_id=lamp.pk, data={"name": "Lantern"})
    run_views.clear()

    assert [read().json()["name"], read().json()["name"]] == ["Lantern", "Lantern"]
    assert len(run_views) == 1


def test_a_change_is_seen_though_its_process_leaves_redis_alone(read, lamp, monkeypatch):
    monkeypatch.setattr(redis_pipeline, "breaker", redis_pipeline.Breaker())
    redis_pipeline.breaker.open()
    update_product(product_id=lamp.pk, data={"name": "Lantern"})
    # As in another process, which has not noticed that Redis was slow.
    redis_pipeline.breaker.close()

    assert read().json()["name"] == "Lantern"


def test_without_redis_the_view_answers(read, run_views):
    run_views.clear()
    with redis_down():
        assert read().json()["name"] == "Lamp"

    assert len(run_views) == 1


def test_a_read_waits_for_redis_once_whether_it_is_cached_or_not(read, lamp):
    with exchanges() as counts:
        read()
        assert counts == [1]
        # Its token is there, so that only the response is missing.
        update_product(product_id=lamp.pk, data={"name": "Lantern"})
        counts.clear()
        read()
        assert counts == [1]
        read()

    assert counts == [1, 1]


def test_a_write_asks_redis_once_before_its_handler_and_once_after_its_commit(keys, read):
    client = JSONClient(headers={"X-Api-Key": keys["editor"]})
    body = {"name": "Torch", "variants": [{"sku": "A-2"}]}
    assert client.post(PRODUCTS, {"name": "Bulb", "variants": [{"sku": "A-3"}]}).status_code == 201

    with exchanges() as counts:
        assert client.post(PRODUCTS, body).status_code == 201

    assert len(counts) == 2
    assert count_of("default.write") == 2


@pytest.mark.parametrize("method", ["TRACE", "M" * 1_000])
def test_nothing_is_remembered_of_unknown_methods(keys, method):
    client = JSONClient(headers={"X-Api-Key": keys["reader"]})
    client.get(PRODUCTS)
    before = request_checks._checks_of.cache_info().currsize

    assert client.generic(method, PRODUCTS).status_code == 405
    assert request_checks._checks_of.cache_info().currsize == before


def test_a_write_that_is_not_signed_is_refused_and_not_counted(keys):
    client = JSONClient(headers={"X-Api-Key": keys["signing"]})
    client.get(PRODUCTS)

    assert client.post(PRODUCTS, {"name": "Bulb", "variants": [{"sku": "A-3"}]}).status_code == 401
    assert count_of("default.write") == 0
