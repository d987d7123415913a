"""Metrics and log lines name a request by its route and tier, of which there are few."""

import pytest
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import ResolverMatch, resolve

from pms_backend.access.caller import Caller
from pms_backend.api import context
from pms_backend.api.routes import route_of, tier_of


def answered(path: str, match: ResolverMatch | None = None) -> HttpRequest:
    request = RequestFactory().get(path)
    request.resolver_match = match
    return request


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/api/v1/products/", "/api/v1/products/"),
        ("/api/v1/products/17/", "/api/v1/products/{id}/"),
        ("/api/v1/inventory/levels/A-1/main/", "/api/v1/inventory/levels/{sku}/{location}/"),
        ("/api/v1/inventory/stocktakes/3/lines/", "/api/v1/inventory/stocktakes/{id}/lines/"),
        ("/admin/products/product/17/change/", "/admin/"),
        ("/health/ready", "/health/ready"),
    ],
)
def test_a_route_is_the_pattern_of_its_url(path: str, route: str) -> None:
    assert route_of(answered(path, resolve(path))) == route


@pytest.mark.parametrize(
    ("path", "route"), [("/static/operations/admin.css", "/static/"), ("/wp-login.php", "unmatched")]
)
def test_what_no_pattern_matches_is_one_route(path: str, route: str) -> None:
    assert route_of(answered(path)) == route


@pytest.mark.parametrize(
    ("caller", "tier"),
    [
        (Caller("client:shop", frozenset(), "storefront", "client:1"), "storefront"),
        (Caller("client:shop", frozenset(), "of-a-former-setting", "client:1"), "other"),
        (None, "anonymous"),
    ],
)
def test_a_client_has_its_tier(caller: Caller | None, tier: str) -> None:
    request = answered("/api/v1/products/")
    request.auth = caller  # type: ignore[attr-defined]  # as REST framework sets it

    assert tier_of(request) == tier


def test_a_page_for_staff_has_their_tier() -> None:
    with context.bind(actor="user:ann"):
        assert tier_of(answered("/admin/")) == "staff"
