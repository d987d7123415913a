"""Requests and errors are counted by labels of which there are few, whatever is sent."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from rest_framework.exceptions import ParseError, Throttled
from rest_framework.exceptions import ValidationError as InvalidShape

from pms_backend.access.caller import Caller
from pms_backend.access.scopes import ALL_SCOPES
from pms_backend.access.services import create_api_client
from pms_backend.api.exceptions import Conflict, OutcomeUnknown, Unauthenticated, problem_of
from pms_backend.api.request_metrics import count_response
from pms_backend.api.routes import route_of, tier_of
from pms_backend.metrics.bounded import MAX_LABEL_SETS, Counter
from pms_backend.metrics.reading import totals
from tests.samples import labels, rises

pytestmark = pytest.mark.django_db

REQUESTS = "pms_http_requests_total"
ERRORS = "pms_errors_total"


def counted(route: str, status: str, tier: str = "anonymous", method: str = "GET") -> dict[Any, float]:
    return {labels(route=route, method=method, status=status, tier=tier): 1}


def key_of(tier: str) -> dict[str, str]:
    return {"X-Api-Key": create_api_client(name=f"of {tier}", scopes=ALL_SCOPES, tier=tier).api_key}


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/health/live", "/health/live", "2xx"),
        ("/metrics", "/metrics", "2xx"),
        ("/", "/", "2xx"),
        ("/api/v1/products/", "/api/v1/products/", "4xx"),
        ("/api/v1/inventory/levels/A-1/main/", "/api/v1/inventory/levels/{sku}/{location}/", "4xx"),
        ("/api/v1/products/7/images/8/", "/api/v1/products/{product}/images/{id}/", "4xx"),
        ("/media/../../etc/passwd", "unmatched", "4xx"),
        ("/wp-login.php", "unmatched", "4xx"),
        ("/static/unfold/css/styles.css", "/static/", "2xx"),
        ("/admin/login/", "/admin/", "2xx"),
        ("/admin/products/product/", "/admin/", "3xx"),
        ("/admin/nothing/", "/admin/", "3xx"),
    ],
)
def test_a_request_is_counted_by_its_route_and_class_of_status(client: Client, path: str, route: str, status: str):
    with rises(REQUESTS) as risen:
        client.get(path).close()

    assert risen == counted(route, status)


def test_a_duration_is_counted_for_each_request(client: Client):
    with rises("pms_http_request_seconds_count") as risen:
        client.get("/health/live")
        client.post("/wp-login.php")

    assert risen == {
        labels(route="/health/live", method="GET"): 1,
        labels(route="unmatched", method="POST"): 1,
    }


@pytest.mark.parametrize("tier", ["default", "storefront", "internal"])
def test_the_tier_is_that_of_the_key(client: Client, tier: str):
    headers = key_of(tier)

    with rises(REQUESTS) as risen:
        client.get("/api/v1/products/7/", headers=headers)

    assert risen == counted("/api/v1/products/{id}/", "4xx", tier)


def test_a_tier_of_the_setting_is_named_and_one_that_is_no_more_is_not(client: Client, settings):
    settings.RATE_LIMITS = '{"gold.read": "100/second"}'
    headers = key_of("gold")

    with rises(REQUESTS) as risen:
        client.get("/api/v1/products/", headers=headers)
    settings.RATE_LIMITS = ""
    with rises(REQUESTS) as later:
        client.get("/api/v1/products/", headers=headers)

    assert risen == counted("/api/v1/products/", "2xx", "gold")
    assert later == counted("/api/v1/products/", "2xx", "other")


@pytest.mark.parametrize("path", ["/admin/", "/api/v1/products/"])
def test_staff_are_a_tier(client: Client, path: str):
    client.force_login(User.objects.create_superuser("anna"))

    with rises(REQUESTS) as risen:
        client.get(path)

    assert risen == counted(path, "2xx", "staff")


def test_an_attack_makes_no_more_than_a_few_series():
    def attack(number: int) -> None:
        request = HttpRequest()
        request.path = request.path_info = f"/{number}/wp-login.php"
        request.method = f"BREW{number}"
        request.META["HTTP_HOST"] = f"host-{number}"
        caller: Any = request
        caller.auth = Caller(f"client:{number}", frozenset(), f"tier-{number}", f"client:{number}")
        response: Any = HttpResponse(status=400 + number % 200)
        response.problem = problem_of(Throttled(wait=number))
        count_response(request, response, route_of(request), tier_of(request), 0.01)

    attack(0), attack(100)
    series = {name: len(found) for name, found in totals([REQUESTS, "pms_http_request_seconds_bucket", ERRORS]).items()}

    for number in range(10_000):
        attack(number)

    assert {name: len(found) for name, found in totals(list(series)).items()} == series


def test_no_metric_has_more_series_than_the_limit():
    counter = Counter("pms_anything_total", "Anything", ["connection", "result"], registry=None)

    for number in range(10_000):
        counter.labels(f"shop-{number}", "ok").inc()
    counter.labels("shop-7", "ok").inc()

    found = {
        tuple(one.labels.values()): one.value for one in counter.collect()[0].samples if one.name.endswith("total")
    }
    assert len(found) == MAX_LABEL_SETS + 1
    assert found["other", "other"] == 10_000 - MAX_LABEL_SETS
    assert found["shop-7", "ok"] == 2


def raised_in(module: str) -> Exception:
    """An error that code of this module has raised, in what it has called."""
    error = KeyError("surprise")

    def surprise() -> None:
        raise error

    try:
        exec("surprise()", {"__name__": module, "surprise": surprise})
    except KeyError:
        return error
    raise AssertionError


@pytest.mark.parametrize(
    ("error", "layer", "code"),
    [
        (Http404(), "route", "not_found"),
        (ParseError(), "route", "malformed"),
        (Throttled(), "route", "rate_limited"),
        (InvalidShape("no"), "route", "validation_failed"),
        (Unauthenticated("no"), "route", "not_authenticated"),
        (Conflict("no", code="sold_out"), "service", "sold_out"),
        (OutcomeUnknown(), "model", "database_unavailable"),
        (OperationalError(), "model", "database_unavailable"),
        (IntegrityError(), "model", "conflict"),
        (ValidationError("no"), "model", "validation_failed"),
        (raised_in("products.views.products"), "route", "internal_error"),
        (raised_in("products.services.products"), "service", "internal_error"),
        (raised_in("products.models.products"), "model", "internal_error"),
        (raised_in("pms_backend.outbound.client"), "integration", "internal_error"),
        (raised_in("pms_integration.connectors.shopify"), "integration", "internal_error"),
        (raised_in("json.decoder"), "route", "internal_error"),
    ],
)
def test_an_error_has_a_layer_and_a_code(error: Exception, layer: str, code: str):
    problem = problem_of(error)

    assert (problem.layer, problem.code) == (layer, code)


@pytest.mark.parametrize(
    ("path", "layer", "code"),
    [
        ("/api/v1/nothing/", "route", "not_found"),
        ("/api/v1/products/", "route", "not_authenticated"),
        ("/api/v1/products/?" + 100 * "&a=1", "route", "malformed"),
        ("/admin/nothing/?" + 9_000 * "a", "route", "url_too_long"),
    ],
)
def test_an_error_is_counted_once(client: Client, path: str, layer: str, code: str):
    with rises(ERRORS) as risen:
        client.get(path)

    assert risen == {labels(layer=layer, code=code): 1}


def test_a_page_that_refuses_is_counted_once(client: Client):
    client.force_login(User.objects.create_superuser("anna"))

    with rises(ERRORS) as risen:
        client.get("/admin/nothing/")

    assert risen == {labels(layer="route", code="not_found"): 1}


def test_a_surprise_is_counted_once_in_its_layer(client: Client, monkeypatch):
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("surprise")

    monkeypatch.setattr("pms_backend.operations.views.generate_latest", fail)
    client.raise_request_exception = False

    with rises(ERRORS) as risen:
        answer = client.get("/metrics")

    assert answer.status_code == 500
    assert risen == {labels(layer="route", code="internal_error"): 1}
