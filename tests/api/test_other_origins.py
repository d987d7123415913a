"""Pages of other origins: those that are listed may call the API, with a key, without cookies."""

import pytest
from django.test import Client

from tests.conftest import JSONClient

SHOP, EVIL = "https://shop.example.com", "https://evil.example.com"
PRODUCTS = "/api/v1/products/"
OURS = {
    "authorization", "x-api-key", "idempotency-key", "if-match", "if-none-match", "content-digest", "signature",
    "signature-input", "x-request-id", "content-type",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _origins(settings):
    settings.CORS_ALLOWED_ORIGINS = [SHOP]


def preflight(origin: str, path: str = PRODUCTS):
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "x-api-key",
    }
    return Client().options(path, headers=headers)


def test_a_listed_origin_may_send_our_headers():
    answer = preflight(SHOP)

    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert set(answer["Access-Control-Allow-Headers"].split(", ")) >= OURS
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize(
    "origin", [EVIL, "http://shop.example.com", f"{SHOP}.evil.com", "null", "https://SHOP.example.com", f"{SHOP}:444"]
)
def test_any_other_origin_gets_no_cors_headers(origin: str):
    assert not any(name.startswith("Access-Control") for name in preflight(origin).headers)


@pytest.mark.django_db
def test_a_response_exposes_the_headers_that_a_page_needs(api: JSONClient):
    answer = api.get(PRODUCTS, headers={"Origin": SHOP})

    assert answer["Access-Control-Allow-Origin"] == SHOP
    assert "origin" in answer["Vary"].lower()
    assert set(answer["Access-Control-Expose-Headers"].split(", ")) == {
        "ETag", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "Idempotency-Replayed",
    }  # fmt: skip


@pytest.mark.django_db
def test_an_error_has_the_cors_headers_too(settings):
    settings.RATE_LIMITS = '{"address": "1/minute"}'
    Client().get(PRODUCTS)

    refused = Client().get(PRODUCTS, headers={"Origin": SHOP})

    assert (refused.status_code, refused["Access-Control-Allow-Origin"]) == (429, SHOP)


@pytest.mark.parametrize("path", ["/admin/login/", "/health/live", "/metrics", "/"])
@pytest.mark.django_db
def test_only_the_api_has_cors_headers(path: str):
    assert not any(name.startswith("Access-Control") for name in Client().get(path, headers={"Origin": SHOP}).headers)
