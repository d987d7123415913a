"""Each answer has the Content-Security-Policy of its address."""

import re

import pytest
from django.test import Client

from tests.conftest import JSONClient
from tests.staff import superuser

NOTHING = {"default-src 'none'", "frame-ancestors 'none'"}

pytestmark = pytest.mark.django_db


def policy(response) -> set[str]:
    return set(response["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize("path", ["/api/v1/products/", "/api/v1/nothing/", "/health/live", "/metrics", "/api/schema/"])
def test_the_policy_of_an_api_response_allows_nothing(api: JSONClient, path: str):
    assert policy(api.get(path)) == NOTHING


def test_errors_from_middleware_have_the_policy_too(settings):
    settings.RATE_LIMITS = '{"address": "1/minute"}'
    Client().get("/api/v1/products/")

    assert policy(Client().get("/api/v1/products/")) == NOTHING
    assert policy(Client().get("/" + "x" * 9_000)) == NOTHING


@pytest.mark.parametrize(
    "path", ["/", "/api/docs/", "/admin/", "/admin/login/", "/admin/products/product/", "/admin/nothing/"]
)
def test_no_other_site_frames_a_page_or_reaches_its_window(path: str):
    page = superuser().get(path)

    assert page["Content-Type"].startswith("text/html")
    assert (page["X-Frame-Options"], page["Cross-Origin-Opener-Policy"]) == ("DENY", "same-origin")


@pytest.mark.parametrize("path", ["/api/v1/products/", "/api/v1/nothing/", "/health/live", "/metrics"])
def test_what_is_no_page_has_no_headers_of_pages(api: JSONClient, path: str):
    answer = api.get(path)

    assert not {"X-Frame-Options", "Cross-Origin-Opener-Policy", "Allow"} & set(answer.headers)


@pytest.mark.parametrize("path", ["/admin/", "/admin/login/", "/admin/products/product/", "/admin/nothing/"])
def test_the_admin_runs_no_inline_scripts(path: str):
    found = policy(superuser().get(path))

    assert "script-src 'self' 'unsafe-eval'" in found
    assert {"default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"} <= found
    assert not any("http" in directive or "*" in directive for directive in found)


@pytest.mark.parametrize(
    ("port", "host", "is_secure", "sources"),
    [
        (0, "pms.example.com", True, "'self' wss://pms.example.com"),
        (0, "pms.example.com:8000", False, "'self' ws://pms.example.com:8000"),
        (8001, "127.0.0.1:8000", False, "'self' ws://127.0.0.1:8001"),
        (8001, "[::1]:8000", False, "'self'"),
        (8001, "evil.example", False, "'self'"),
    ],
)
def test_the_admin_connects_to_the_sockets_of_its_own_host_alone(
    settings, port: int, host: str, is_secure: bool, sources: str
):
    settings.ALLOWED_HOSTS, settings.PUBLIC_WS_PORT = ["pms.example.com", "127.0.0.1", "[::1]"], port

    page = Client(headers={"host": host}).get("/admin/login/", secure=is_secure)
    api_response = Client(headers={"host": host}).get("/", secure=is_secure)

    assert f"connect-src {sources}" in policy(page)
    assert "connect-src 'self'" in policy(api_response)


def test_the_home_page_names_its_own_style_by_a_nonce():
    first, second = Client().get("/"), Client().get("/")

    nonce = re.search(r'<style nonce="([^"]+)">', first.content.decode())[1]
    assert f"style-src 'self' 'nonce-{nonce}'" in policy(first)
    assert "script-src 'self'" in policy(first)
    assert nonce not in second["Content-Security-Policy"]
    assert b"<script>" not in first.content


def test_the_docs_have_their_styles_and_scripts_in_files_of_ours():
    docs = Client().get("/api/docs/")

    page = docs.content.decode()
    assert re.findall(r"<style|style=|<script>| on\w+=", page) == []
    assert len(re.findall(r'<(?:script src|link rel="stylesheet" href)="/static/', page)) == 4
    assert {"script-src 'self'", "style-src 'self'"} <= policy(docs)
