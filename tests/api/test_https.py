"""Behind a proxy that terminates TLS: everything is sent there but what watches a process."""

import pytest
from django.test import Client


@pytest.fixture(autouse=True)
def _https(settings):
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True


def test_plain_requests_are_sent_to_https():
    response = Client().get("/api/v1/products/?sku=A-1")

    assert (response.status_code, response["Location"]) == (301, "https://testserver/api/v1/products/?sku=A-1")


@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
@pytest.mark.django_db
def test_a_health_check_is_not_redirected_to_https(path: str):
    assert Client().get(path).status_code in (200, 503)


def test_prometheus_is_not_redirected_to_https(client: Client):
    assert client.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403


@pytest.mark.parametrize("path", ["/healthy", "/api/v1/health/live", "//health/live", "/metrics/"])
def test_a_path_similar_to_a_health_check_is_redirected(path: str):
    assert Client().get(path).status_code == 301


def test_a_response_over_https_has_the_hsts_header():
    response = Client().get("/health/live", headers={"X-Forwarded-Proto": "https"})

    assert response["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
